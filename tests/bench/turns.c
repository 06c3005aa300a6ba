/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares the CPU time that servers take for a request where the machine itself is less steady
 * than what they differ by: it gives them load in turns so short that what else happens to the
 * machine falls on all of them alike.
 *
 *   turns -c CONNECTIONS -n REQUESTS -d SECONDS [-p PATH] PORT:PID[,PID...] ...
 *
 *   -c   keep-alive connections to each server, opened anew where a process of it goes and closes them
 *   -n   requests of a turn; each connection has one under way until they are used up
 *   -d   seconds to go on for; a round that has begun is finished
 *   -p   what to ask for (/1k.bin); every answer must be a 200 with a Content-Length
 *
 * A round is one turn of each server, each round in another order. The CPU time is that of the
 * processes that are named, read from their CPU clocks right before and right after the turn. The
 * first round warms up and is not told of, nor is a round in which one of the processes was seen to
 * have ended.
 *
 * On stdout: a line for each round, with the CPU microseconds a request took on each server, in the
 * order of the arguments. Anything that goes wrong ends the program. One thread, one epoll for each
 * server.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

#define MAX_SERVERS 16
#define MAX_PIDS 64
#define PATIENCE_MS 10000

struct conn {
    int fd;
    bool waits;  /* a request is under way */
    size_t owed; /* bytes of the answer that have not come; 0: nothing of it has */
};

struct server {
    int port, poller;
    int pids[MAX_PIDS], pid_count;
    struct conn *conns;
    long to_send, to_come; /* in this turn */
    double us;             /* what a request took in the last turn */
};

static struct server servers[MAX_SERVERS];
static int server_count, conn_count = 64;
static bool somebody_ended; /* in this round */
static const char *path = "/1k.bin";

/* The length of an answer, from its first packet, which has all of the head. */
static size_t measure_answer(const struct server *s, const char *bytes, size_t size)
{
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);
    const char *length = memmem(bytes, size, "Content-Length: ", 16);

    if (size < 12 || memcmp(bytes, "HTTP/1.1 200", 12) != 0) {
        net_die("port %d answered %.*s", s->port, (int)(size < 40 ? size : 40), bytes);
    }
    if (!end || !length || length > end) {
        net_die("port %d: no length in the first packet of its answer", s->port);
    }
    return (size_t)(end + 4 - bytes) + strtoul(length + 16, NULL, 10);
}

static void connect_one(struct server *s, struct conn *c)
{
    struct epoll_event in = { .events = EPOLLIN, .data.ptr = c };
    struct pollfd connecting = { .events = POLLOUT };

    if (c->fd >= 0) {
        close(c->fd);
    }
    c->waits = false;
    c->owed = 0;
    c->fd = connecting.fd = net_connect(s->port, (unsigned)(c - s->conns), 0);
    if (c->fd < 0 || poll(&connecting, 1, PATIENCE_MS) != 1 || net_connect_error(c->fd) != 0
        || epoll_ctl(s->poller, EPOLL_CTL_ADD, c->fd, &in) != 0) {
        net_die("cannot connect to port %d: %s", s->port, strerror(errno));
    }
}

static void ask(struct server *s, struct conn *c)
{
    char request[600];
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                        path, s->port);

    if (net_write(c->fd, NULL, request, (size_t)size) != size) {
        connect_one(s, c);
        if (net_write(c->fd, NULL, request, (size_t)size) != size) {
            net_die("port %d does not take a request: %s", s->port, strerror(errno));
        }
    }
    c->waits = true;
    s->to_send--;
}

static void connect_all(struct server *s)
{
    s->poller = epoll_create1(0);
    s->conns = calloc((size_t)conn_count, sizeof *s->conns);
    if (!s->conns || s->poller < 0) {
        net_die("no memory");
    }
    for (int i = 0; i < conn_count; i++) {
        s->conns[i].fd = -1;
        connect_one(s, &s->conns[i]);
    }
}

static void read_answer(struct server *s, struct conn *c)
{
    static char buffer[(1 << 18) + 1]; /* with a NUL behind what came */
    ssize_t n = net_read(c->fd, NULL, buffer, sizeof buffer - 1);

    if (n == NET_WANT_READ) {
        return;
    }
    if (n <= 0) {
        s->to_send += c->waits;
        connect_one(s, c);
        if (s->to_send > 0) {
            ask(s, c);
        }
        return;
    }
    if (!c->waits) {
        net_die("port %d answers what was not asked", s->port);
    }
    buffer[n] = 0;
    if (c->owed == 0) {
        c->owed = measure_answer(s, buffer, (size_t)n);
    }
    if ((size_t)n > c->owed) {
        net_die("port %d sent more than it said", s->port);
    }
    c->owed -= (size_t)n;
    if (c->owed > 0) {
        return;
    }
    c->waits = false;
    s->to_come--;
    if (s->to_send > 0) {
        ask(s, c);
    }
}

/* The scheduler's clock of a process: all of its threads, ended ones too. */
static double cpu_us(struct server *s)
{
    double sum = 0;

    for (int i = 0; i < s->pid_count; i++) {
        struct timespec t;

        if (s->pids[i] == 0) {
            continue;
        }
        if (clock_gettime((clockid_t)((~(unsigned)s->pids[i] << 3) | 2), &t) != 0) {
            s->pids[i] = 0;
            somebody_ended = true;
            continue;
        }
        sum += (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
    }
    return sum;
}

static void turn(struct server *s, long requests)
{
    struct epoll_event events[64];
    double before = cpu_us(s);

    s->to_send = s->to_come = requests;
    for (int i = 0; i < conn_count && s->to_send > 0; i++) {
        ask(s, &s->conns[i]);
    }
    while (s->to_come > 0) {
        int n = epoll_wait(s->poller, events, 64, PATIENCE_MS);

        if (n <= 0 && errno != EINTR) {
            net_die("port %d does not answer", s->port);
        }
        for (int i = 0; i < n; i++) {
            read_answer(s, events[i].data.ptr);
        }
    }
    s->us = (cpu_us(s) - before) / (double)requests;
}

/* Every order comes up, by rotation and by turning round. */
static void one_round(long number, long requests)
{
    somebody_ended = false;
    for (int i = 0; i < server_count; i++) {
        int at = (int)((number / 2 + i) % server_count);

        turn(&servers[number % 2 ? server_count - 1 - at : at], requests);
    }
}

static void tell(void)
{
    for (int i = 0; i < server_count; i++) {
        printf("%.4f%c", servers[i].us, i + 1 < server_count ? ' ' : '\n');
    }
}

static void parse_server(const char *text)
{
    struct server *s = &servers[server_count++];
    char *at;

    s->port = (int)strtol(text, &at, 10);
    while ((*at == ':' || *at == ',') && s->pid_count < MAX_PIDS) {
        s->pids[s->pid_count++] = (int)strtol(at + 1, &at, 10);
    }
    if (*at || s->pid_count == 0) {
        net_die("not PORT:PID,...: %s", text);
    }
}

int main(int argc, char **argv)
{
    long requests = 2000;
    double seconds = 1;
    uint64_t end;
    int option;

    while ((option = getopt(argc, argv, "c:n:d:p:")) != -1) {
        switch (option) {
        case 'c':
            conn_count = atoi(optarg);
            break;
        case 'n':
            requests = atol(optarg);
            break;
        case 'd':
            seconds = atof(optarg);
            break;
        case 'p':
            path = optarg;
            break;
        default:
            net_die(
                "usage: turns -c CONNECTIONS -n REQUESTS -d SECONDS [-p PATH] PORT:PID[,PID...] ...");
        }
    }
    if (optind == argc || argc - optind > MAX_SERVERS || conn_count < 1 || requests < 1) {
        net_die("1 to %d servers, at least one connection and one request", MAX_SERVERS);
    }
    for (int i = optind; i < argc; i++) {
        parse_server(argv[i]);
    }
    net_init();
    for (int i = 0; i < server_count; i++) {
        connect_all(&servers[i]);
    }
    one_round(0, requests);
    end = net_now_us() + (uint64_t)(seconds * 1e6);
    for (long round = 1; net_now_us() < end; round++) {
        one_round(round, requests);
        if (!somebody_ended) {
            tell();
        }
    }
    return 0;
}
