/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load generator that accounts for every request it sends, for the scenarios
 * where wrk and h2load do not tell enough: latencies per kind of request, new
 * connections, TLS handshakes, requests at fixed times, bursts, restarts.
 *
 *   load -c CONNECTIONS [-d SECONDS] [-n REQUESTS] [-1] [-r RATE] [-t DEADLINE] TARGET...
 *
 *   TARGET   http:PORT/path or https:PORT/path, with *N for its weight (1)
 *   -c       connections at once; they are dealt out over the ports that are named
 *   -d       seconds to go on sending for; what is under way then is waited for
 *   -n       requests of each connection, after which it stops (a burst: -n 1)
 *   -1       one request a connection; without it connections are kept alive
 *   -r       requests a second at fixed times, each on a new connection, whatever
 *            becomes of those before it; without it each connection sends its next
 *            request when the last one is done
 *   -t       seconds after which a request counts as late (15)
 *
 * A latency counts from connect() for a request that needs a new connection, from
 * send() otherwise. The result is one JSON object on stdout. Limits: GET only,
 * responses need a Content-Length, heads up to 2 KiB. One thread, one epoll.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net.h"
#include "tally.h"

#define MAX_TARGETS 16
#define MAX_DETAILS 20
#define PAUSE_US 20000 /* before a connection that was refused or cut tries again */
#define SWEEP_US 50000 /* how often deadlines are looked at */

struct target {
    const char *text;
    char request[600];
    size_t request_size;
    int port, group;
    unsigned weight;
    bool tls;
    struct tally tally;
};

enum state { FREE, PAUSED, CONNECTING, HANDSHAKE, SENDING, HEAD, BODY, CLOSING, DONE };

struct conn {
    int fd;
    SSL *ssl;
    enum state state;
    int group;             /* the port it belongs to */
    struct target *target; /* of the request under way */
    uint64_t began_us, resume_us;
    unsigned served, asked; /* requests answered on this connection; begun in all */
    size_t sent, head_size;
    long body_left;
    int status;
    bool keep;
    char head[2048];
};

static struct {
    long connections, per_connection;
    double seconds, rate, deadline;
    bool once;
} opt = { .deadline = 15 };

static struct target targets[MAX_TARGETS];
static int target_count, group_count;
static struct conn *conns;
static SSL_CTX *tls;
static int poller;
/* connections with a request under way or to come */
static long busy;
static uint64_t opened, handshakes, began_us, last_us, end_us;
static char details[MAX_DETAILS][160];
static int detail_count;

static uint32_t draw(void)
{
    static uint32_t x = 2463534242u; /* always the same sequence: runs can be compared */
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

static struct target *pick(int group)
{
    unsigned total = 0;
    for (int i = 0; i < target_count; i++) {
        total += targets[i].group == group ? targets[i].weight : 0;
    }
    unsigned at = draw() % total;
    for (int i = 0; i < target_count; i++) {
        if (targets[i].group != group) {
            continue;
        }
        if (at < targets[i].weight) {
            return &targets[i];
        }
        at -= targets[i].weight;
    }
    return NULL;
}

static void watch(struct conn *c, int op, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.ptr = c };
    epoll_ctl(poller, op, c->fd, &e);
}

static void drop(struct conn *c)
{
    if (c->fd >= 0) {
        net_close(c->fd, c->ssl);
    }
    c->fd = -1;
    c->ssl = NULL;
    c->served = 0;
}

/* The connection has nothing under way: what it does next. */
static void rest(struct conn *c, uint64_t now, uint64_t pause)
{
    bool over = opt.per_connection ? c->asked >= opt.per_connection : now >= end_us;
    if (opt.rate || over) {
        drop(c);
        c->state = opt.rate ? FREE : DONE;
        busy--;
        return;
    }
    c->state = PAUSED;
    c->resume_us = now + pause;
}

static void note(struct conn *c, enum tally_outcome outcome, const char *why)
{
    if (outcome == TALLY_answered || detail_count == MAX_DETAILS) {
        return;
    }
    snprintf(details[detail_count++], sizeof details[0],
             "%.3f s: %s: request %u of its connection, %zu bytes of head",
             (double)(net_now_us() - began_us) / 1e6, why, c->served + 1, c->head_size);
}

/* The request under way has ended badly, and its connection with it. */
static void fail(struct conn *c, enum tally_outcome outcome, const char *why)
{
    uint64_t now = net_now_us();
    note(c, outcome, why);
    tally_add(&c->target->tally, outcome, 0);
    drop(c);
    last_us = now;
    rest(c, now, PAUSE_US);
}

static void cut(struct conn *c, const char *why)
{
    bool silent = c->head_size == 0;
    fail(c, silent && c->served ? TALLY_retryable : TALLY_lost, why);
}

static void begin(struct conn *c, uint64_t now);

static void complete(struct conn *c)
{
    uint64_t now = net_now_us();
    enum tally_outcome outcome = c->status == 200 ? TALLY_answered : TALLY_wrong;
    note(c, outcome, "another status");
    tally_add(&c->target->tally, outcome, now - c->began_us);
    last_us = now;
    c->served++;
    if (opt.once || opt.rate) {
        c->state = CLOSING; /* the server closes first, as it announced */
        return;
    }
    if (!c->keep) {
        drop(c);
    }
    rest(c, now, 0);
    if (c->state == PAUSED) {
        begin(c, now);
    }
}

static void take_body(struct conn *c, size_t size)
{
    c->body_left -= (long)size;
    if (c->body_left <= 0) {
        complete(c);
    }
}

/* Reads what the head says; true when it is whole. */
static bool parse_head(struct conn *c, size_t *body_bytes)
{
    c->head[c->head_size] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        return false;
    }
    *body_bytes = c->head_size - (size_t)(end + 4 - c->head);
    end[2] = 0;
    c->status = (int)strtol(c->head + 9, NULL, 10);
    char *length = strcasestr(c->head, "\r\nContent-Length:");
    c->body_left = length ? strtol(length + 17, NULL, 10) : 0;
    char *connection = strcasestr(c->head, "\r\nConnection:");
    c->keep = !connection || strncasecmp(connection + 13, " close", 6);
    return true;
}

static void take_head(struct conn *c, const char *data, size_t size)
{
    size_t room = sizeof c->head - 1 - c->head_size;
    size_t copied = size < room ? size : room, body;
    memcpy(c->head + c->head_size, data, copied);
    c->head_size += copied;
    if (!parse_head(c, &body)) {
        if (copied == room) {
            fail(c, TALLY_wrong, "a head too large to read");
        }
        return;
    }
    c->state = BODY;
    take_body(c, body + size - copied);
}

/* The server has closed after its answer, as it had announced. */
static void closed(struct conn *c)
{
    uint64_t now = net_now_us();
    drop(c);
    rest(c, now, 0);
    if (c->state == PAUSED) {
        begin(c, now);
    }
}

static void receive(struct conn *c)
{
    static char buffer[65536];
    while (c->state == HEAD || c->state == BODY || c->state == CLOSING) {
        ssize_t got = net_read(c->fd, c->ssl, buffer, sizeof buffer);
        if (got == NET_WANT_READ || got == NET_WANT_WRITE) {
            return;
        }
        if (got <= 0 && c->state == CLOSING) {
            return closed(c);
        }
        if (got <= 0) {
            return cut(c, got == NET_EOF ? "end of connection" : "reset");
        }
        if (c->state == HEAD) {
            take_head(c, buffer, (size_t)got);
        }
        else if (c->state == BODY) {
            take_body(c, (size_t)got);
        }
        if (!c->ssl && (size_t)got < sizeof buffer) {
            return;
        }
    }
}

static void transmit(struct conn *c)
{
    const struct target *t = c->target;
    ssize_t n = net_write(c->fd, c->ssl, t->request + c->sent, t->request_size - c->sent);
    if (n == NET_WANT_READ || n == NET_WANT_WRITE) {
        return;
    }
    if (n <= 0) {
        return cut(c, "not sent");
    }
    c->sent += (size_t)n;
    if (c->sent == t->request_size) {
        c->state = HEAD;
    }
}

static void shake(struct conn *c)
{
    int step = net_handshake(c->ssl);
    if (step == NET_ERROR) {
        return cut(c, "handshake failed");
    }
    if (step != 1) {
        return;
    }
    handshakes++;
    c->state = SENDING;
    transmit(c);
}

static void connected(struct conn *c)
{
    int error = net_connect_error(c->fd);
    if (error) {
        return fail(c, error == ECONNREFUSED ? TALLY_refused : TALLY_lost, strerror(error));
    }
    watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP);
    opened++;
    c->state = SENDING;
    if (!c->target->tls) {
        return transmit(c);
    }
    c->ssl = SSL_new(tls);
    if (!c->ssl || !SSL_set_fd(c->ssl, c->fd)) {
        net_die("no memory for TLS");
    }
    SSL_set_connect_state(c->ssl);
    c->state = HANDSHAKE;
    shake(c);
}

/* Sends the next request, on the connection that is there or on a new one. */
static void begin(struct conn *c, uint64_t now)
{
    static unsigned nth;
    c->target = pick(c->group);
    c->began_us = now;
    c->sent = c->head_size = 0;
    c->asked++;
    if (c->fd >= 0) {
        c->state = SENDING;
        return transmit(c);
    }
    c->fd = net_connect(c->target->port, nth++, 0);
    if (c->fd < 0) {
        return fail(c, errno == ECONNREFUSED ? TALLY_refused : TALLY_lost, strerror(errno));
    }
    c->state = CONNECTING;
    watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void advance(struct conn *c)
{
    switch (c->state) {
    case CONNECTING:
        return connected(c);
    case HANDSHAKE:
        return shake(c);
    case SENDING:
        return transmit(c);
    case HEAD:
    case BODY:
    case CLOSING:
        return receive(c);
    case FREE:
    case PAUSED:
    case DONE:
        return;
    }
}

static void sweep(uint64_t now)
{
    for (long i = 0; i < opt.connections; i++) {
        struct conn *c = &conns[i];
        if (c->state == PAUSED && now >= c->resume_us) {
            if (opt.per_connection || now < end_us) {
                begin(c, now);
            }
            else {
                rest(c, now, 0);
            }
        }
        else if (c->state >= CONNECTING && c->state <= BODY
                 && now > c->began_us + (uint64_t)(opt.deadline * 1e6)) {
            fail(c, TALLY_late, "no answer in time");
        }
        else if (c->state == CLOSING && now > c->began_us + (uint64_t)(opt.deadline * 1e6)) {
            drop(c);
            rest(c, now, 0);
        }
    }
}

/* Open loop: starts every request that is due by now. */
static void start_due(uint64_t now)
{
    static uint64_t started;
    static long next;
    uint64_t until = now < end_us ? now : end_us;
    while ((double)started * 1e6 / opt.rate < (double)(until - began_us)) {
        int group = (int)(started++ % (unsigned)group_count);
        long tried = 0;
        while (tried < opt.connections && conns[next].state != FREE) {
            next = (next + 1) % opt.connections;
            tried++;
        }
        struct conn *c = &conns[next];
        if (c->state != FREE) {
            tally_add(&pick(group)->tally, TALLY_unsent, 0);
            continue;
        }
        c->group = group;
        c->asked = 0;
        busy++;
        begin(c, now);
    }
}

static void run(void)
{
    struct epoll_event events[512];
    uint64_t now = net_now_us(), swept = now;
    began_us = last_us = now;
    end_us = opt.seconds ? now + (uint64_t)(opt.seconds * 1e6) : UINT64_MAX;
    for (long i = 0; i < opt.connections && !opt.rate; i++) {
        conns[i].group = (int)(i % group_count);
        busy++;
        begin(&conns[i], net_now_us());
    }
    while (busy || (opt.rate && now < end_us)) {
        int n = epoll_wait(poller, events, 512, opt.rate ? 1 : 10);
        for (int i = 0; i < n; i++) {
            advance(events[i].data.ptr);
        }
        now = net_now_us();
        if (opt.rate) {
            start_due(now);
        }
        if (now - swept >= (n ? SWEEP_US : PAUSE_US / 2)) {
            sweep(now);
            swept = now;
        }
    }
}

static void parse_target(char *text)
{
    if (target_count == MAX_TARGETS) {
        net_die("more than %d targets", MAX_TARGETS);
    }
    struct target *t = &targets[target_count];
    char path[300] = "", scheme[6] = "";
    t->weight = 1;
    t->text = text;
    if (sscanf(text, "%5[a-z]:%d%299[^*]*%u", scheme, &t->port, path, &t->weight) < 3 || !t->weight
        || (strcmp(scheme, "http") && strcmp(scheme, "https"))) {
        net_die("%s: not http:PORT/path or https:PORT/path with *WEIGHT", text);
    }
    t->tls = !strcmp(scheme, "https");
    t->request_size = (size_t)snprintf(t->request, sizeof t->request,
                                       "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
                                       opt.once || opt.rate ? "Connection: close\r\n" : "");
    t->group = group_count;
    for (int i = 0; i < target_count; i++) {
        if (targets[i].port == t->port) {
            t->group = targets[i].group;
        }
    }
    group_count += t->group == group_count;
    target_count++;
}

static void parse(int argc, char **argv)
{
    int o;
    while ((o = getopt(argc, argv, "c:d:n:1r:t:")) != -1) {
        switch (o) {
        case 'c':
            opt.connections = atol(optarg);
            break;
        case 'd':
            opt.seconds = atof(optarg);
            break;
        case 'n':
            opt.per_connection = atol(optarg);
            break;
        case '1':
            opt.once = true;
            break;
        case 'r':
            opt.rate = atof(optarg);
            break;
        case 't':
            opt.deadline = atof(optarg);
            break;
        default:
            net_die("usage: see the head of load.c");
        }
    }
    if (opt.connections < 1 || optind == argc || (opt.seconds <= 0) == (opt.per_connection <= 0)
        || (opt.rate && !opt.seconds)) {
        net_die("load: needs -c, a target, and either -d or -n");
    }
    for (int i = optind; i < argc; i++) {
        parse_target(argv[i]);
    }
}

static void print(void)
{
    printf("{\"seconds\": %.4f, \"connections\": %llu, \"handshakes\": %llu, \"targets\": [",
           (double)(last_us - began_us) / 1e6, (unsigned long long)opened,
           (unsigned long long)handshakes);
    for (int i = 0; i < target_count; i++) {
        printf("%s{\"target\": \"%s\", ", i ? ", " : "", targets[i].text);
        tally_print(&targets[i].tally, stdout);
        printf("}");
    }
    printf("], \"details\": [");
    for (int i = 0; i < detail_count; i++) {
        printf("%s\"%s\"", i ? ", " : "", details[i]);
    }
    printf("]}\n");
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    long limit = net_init();
    if (opt.connections > limit - 20) {
        net_die("load: %ld connections, but only %ld open files are allowed", opt.connections,
                limit);
    }
    conns = calloc((size_t)opt.connections, sizeof *conns);
    tls = net_tls_context();
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || poller < 0) {
        net_die("load: %s", strerror(errno));
    }
    for (long i = 0; i < opt.connections; i++) {
        conns[i].fd = -1;
    }
    run();
    print();
    return 0;
}
