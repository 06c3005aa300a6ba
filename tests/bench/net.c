/* SPDX-License-Identifier: Apache-2.0 */
/* See net.h. */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* 127.0.0.2 … 127.0.0.61: each has ephemeral ports of its own. */
#define SOURCES 60

uint64_t net_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void net_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

long net_init(void)
{
    struct rlimit files;
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    return (long)files.rlim_cur;
}

int net_connect(int port, unsigned nth, int rcvbuf)
{
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + nth % SOURCES) };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons((uint16_t)port) };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* The port is chosen at connect, when the whole pair is known: more of them can be in use. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (rcvbuf) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
    }
    if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0
        && (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS)) {
        return fd;
    }
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

int net_connect_error(int fd)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)) {
        return errno;
    }
    return error;
}

SSL_CTX *net_tls_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) {
        net_die("no TLS context");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                         | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

static int reason(SSL *ssl, int result)
{
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return NET_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return NET_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return NET_EOF;
    default:
        return NET_ERROR;
    }
}

int net_handshake(SSL *ssl)
{
    ERR_clear_error();
    int done = SSL_do_handshake(ssl);
    if (done == 1) {
        return 1;
    }
    int why = reason(ssl, done);
    return why == NET_EOF ? NET_ERROR : why;
}

ssize_t net_read(int fd, SSL *ssl, void *buffer, size_t size)
{
    if (ssl) {
        ERR_clear_error();
        int got = SSL_read(ssl, buffer, (int)size);
        return got > 0 ? got : reason(ssl, got);
    }
    ssize_t got = recv(fd, buffer, size, 0);
    if (got >= 0) {
        return got;
    }
    return errno == EAGAIN || errno == EINTR ? NET_WANT_READ : NET_ERROR;
}

ssize_t net_write(int fd, SSL *ssl, const void *data, size_t size)
{
    if (ssl) {
        ERR_clear_error();
        int sent = SSL_write(ssl, data, (int)size);
        return sent > 0 ? sent : reason(ssl, sent);
    }
    ssize_t sent = send(fd, data, size, 0);
    if (sent >= 0) {
        return sent;
    }
    return errno == EAGAIN || errno == EINTR ? NET_WANT_WRITE : NET_ERROR;
}

void net_close(int fd, SSL *ssl)
{
    if (ssl) {
        SSL_shutdown(ssl);
        SSL_free(ssl);
    }
    close(fd);
}
