/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The origin server behind the proxied scenario: answers every request with the
 * same 200 response and keeps the connection. As cheap as can be, so that what
 * is measured is the proxy in front of it.
 *
 *   origin BYTES      listens on a free port of 127.0.0.1, prints that port and
 *                     serves until its standard input ends
 *
 * Limits: requests without a body, whose head fits in 8 KiB. One thread.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    size_t have; /* bytes in head */
    size_t owed; /* bytes of responses not yet taken by the kernel */
    char head[8192];
};

static char *response;
static size_t response_size;
static int poller;

static void make_response(size_t body)
{
    char head[200];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                     body);
    response_size = (size_t)n + body;
    response = malloc(response_size);
    if (!response) {
        net_die("no memory");
    }
    memcpy(response, head, (size_t)n);
    memset(response + n, 'o', body);
}

static int open_listener(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096)) {
        net_die("cannot listen: %s", strerror(errno));
    }
    getsockname(fd, (struct sockaddr *)&at, &length);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int fd, void *what, int op, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = what };
    epoll_ctl(poller, op, fd, &e);
}

static void accept_all(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct client *c = calloc(1, sizeof *c);
        if (!c) {
            net_die("no memory");
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->fd = fd;
        watch(fd, c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

/* Takes whole heads off the front of the buffer; returns how many there were. */
static size_t whole_heads(struct client *c)
{
    size_t count = 0;
    char *end;
    while ((end = memmem(c->head, c->have, "\r\n\r\n", 4))) {
        size_t used = (size_t)(end + 4 - c->head);
        memmove(c->head, c->head + used, c->have - used);
        c->have -= used;
        count++;
    }
    return count;
}

static int pay(struct client *c)
{
    while (c->owed) {
        size_t into = (response_size - c->owed % response_size) % response_size;
        ssize_t sent = net_write(c->fd, NULL, response + into, response_size - into);
        if (sent == NET_WANT_WRITE) {
            break;
        }
        if (sent < 0) {
            return -1;
        }
        c->owed -= (size_t)sent;
    }
    watch(c->fd, c, EPOLL_CTL_MOD, c->owed ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return 0;
}

static int serve(struct client *c)
{
    ssize_t got = net_read(c->fd, NULL, c->head + c->have, sizeof c->head - c->have);
    if (got == NET_EOF || got == NET_ERROR) {
        return -1;
    }
    if (got > 0) {
        c->have += (size_t)got;
    }
    c->owed += whole_heads(c) * response_size;
    if (!c->owed) {
        return c->have == sizeof c->head ? -1 : 0;
    }
    if (c->owed == response_size) { /* the usual case, without epoll_ctl */
        ssize_t sent = net_write(c->fd, NULL, response, response_size);
        if (sent > 0) {
            c->owed -= (size_t)sent;
        }
        if (!c->owed) {
            return 0;
        }
    }
    return pay(c);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        net_die("usage: origin BYTES");
    }
    net_init();
    make_response(strtoul(argv[1], NULL, 10));
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = open_listener();
    watch(listener, &listener, EPOLL_CTL_ADD, EPOLLIN);
    watch(STDIN_FILENO, &poller, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (events[i].data.ptr == &poller) {
                return 0;
            }
            if (events[i].data.ptr == &listener) {
                accept_all(listener);
            }
            else if (serve(c) < 0) {
                close(c->fd);
                free(c);
            }
        }
    }
}
