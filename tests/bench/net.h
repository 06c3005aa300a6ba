/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the load generators of the bench share: clock, file limit, sockets of the
 * loopback, TLS without verification, and non-blocking read and write over both.
 *
 * Everything connects to 127.0.0.1 only. Not thread-safe: each generator is one
 * thread with one epoll. A failure of set-up ends the program with a message.
 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What a non-blocking step says instead of a number of bytes. */
enum { NET_EOF = 0, NET_ERROR = -1, NET_WANT_READ = -2, NET_WANT_WRITE = -3 };

/** Microseconds of the monotonic clock. */
uint64_t net_now_us(void);

/** Ignores SIGPIPE and raises the limit of open files as far as it goes; returns that limit. */
long net_init(void);

/**
 * Starts a non-blocking connect to 127.0.0.1:port from one of many loopback
 * addresses, chosen by @a nth, so that their ports do not run out. @a rcvbuf
 * bytes of receive buffer, 0 for the system's. -1 with errno on failure.
 */
int net_connect(int port, unsigned nth, int rcvbuf);

/** The error a connect ended with, 0 when it succeeded. */
int net_connect_error(int fd);

/**
 * Client context: any certificate will do, no session is resumed, idle connections keep no buffers.
 */
SSL_CTX *net_tls_context(void);

/** One step of the handshake: 1 when done, else NET_ERROR or NET_WANT_*. */
int net_handshake(SSL *ssl);

/** Read or write what goes without waiting; over @a ssl, or over @a fd where that is NULL. */
ssize_t net_read(int fd, SSL *ssl, void *buffer, size_t size);
ssize_t net_write(int fd, SSL *ssl, const void *data, size_t size);

/** Ends the connection; @a ssl is freed and may be NULL. */
void net_close(int fd, SSL *ssl);

/** Prints like printf to stderr and exits with status 2. */
_Noreturn void net_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
