/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of clients that take their time, one byte a second each.
 *
 *   slowclients KIND -p PORT -n CONNECTIONS [-r RATE] [-f PATH]
 *
 *   silence    connects and says nothing
 *   head       sends half a request head, then a byte a second
 *   hello      sends half a TLS ClientHello, then a byte a second
 *   body       sends a POST head and half of its 1 KiB body, then a byte a second
 *   read       asks for PATH and takes a byte a second of it, through a small receive buffer
 *   idle       sends one request for PATH, takes the answer and keeps the connection idle
 *
 *   tls-head, tls-body, tls-read, tls-idle: the same inside TLS
 *   h2-idle    the same as tls-idle, over HTTP/2
 *
 * Connections are opened RATE a second (2000) and not opened again when the server
 * ends them. Once a second, and when all have been started, a line of JSON on stdout
 * tells where they are: `connecting`, `handshake`, `ready` (the slow part has
 * begun), `ended` (by the server), `failed`, and `started` in all. It ends when its
 * standard input does. One thread, one epoll.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net.h"

#define SLICES 100 /* the drips of a second are spread over it */
#define SLICE_US (1000000 / SLICES)

#define H2_HEAD 9 /* bytes of a frame before its payload */
enum { H2_DATA, H2_HEADERS, H2_RST_STREAM = 3, H2_SETTINGS, H2_GOAWAY = 7 };
enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4 };

enum kind { SILENCE, HEAD, HELLO, BODY, READ, IDLE, IDLE_H2 };
enum state { UNUSED, CONNECTING, HANDSHAKE, SENDING, ANSWER, READY, ENDED, FAILED, STATES };

static const char *const state_names[STATES] = { "unused", "connecting", "handshake", "sending",
                                                 "answer", "ready",      "ended",     "failed" };

struct conn {
    int fd;
    enum state state;
    SSL *ssl;
    unsigned sent;    /* bytes of the opening, then of the drip */
    long answer_left; /* IDLE: bytes of the answer to come, -1 before its head */
    struct {          /* IDLE_H2: the frame that is being read */
        unsigned char head[H2_HEAD];
        unsigned head_size, left;
    } frame;
};

static struct {
    enum kind kind;
    bool tls;
    int port;
    long count, rate;
    const char *path;
} opt = { .rate = 2000, .path = "/" };

static struct conn *conns;
static long started, in_state[STATES];
static char opening[2048]; /* what each sends at once */
static unsigned opening_size;
static char hello[4096]; /* a whole ClientHello, of which `opening` is the first half */
static unsigned hello_size;
static SSL_CTX *tls;
static int poller;

static void enter(struct conn *c, enum state state)
{
    in_state[c->state]--;
    in_state[state]++;
    c->state = state;
}

static void finish(struct conn *c, enum state state)
{
    if (c->fd >= 0) {
        net_close(c->fd, c->ssl);
    }
    c->fd = -1;
    c->ssl = NULL;
    enter(c, state);
}

/*
 * After the opening only the end of the connection is of interest, and to a slow reader, who has
 * not read all that came before it, only its end in both directions.
 */
static void settle(struct conn *c)
{
    struct epoll_event e = { .events = opt.kind == READ ? 0 : EPOLLRDHUP, .data.ptr = c };
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
    enter(c, READY);
}

/* A frame has been read whole. Nothing is sent here but what the server waits for. */
static void take_frame(struct conn *c)
{
    static const unsigned char ack[H2_HEAD] = { 0, 0, 0, H2_SETTINGS, H2_ACK };
    unsigned type = c->frame.head[3], flags = c->frame.head[4];
    c->frame.head_size = 0;
    if (type == H2_SETTINGS && !(flags & H2_ACK)
        && net_write(c->fd, c->ssl, ack, sizeof ack) != sizeof ack) {
        return finish(c, FAILED);
    }
    if (type == H2_RST_STREAM || type == H2_GOAWAY) {
        return finish(c, FAILED);
    }
    if ((type == H2_DATA || type == H2_HEADERS) && flags & H2_END_STREAM) {
        settle(c);
    }
}

static void take_h2(struct conn *c, const char *bytes, size_t size)
{
    while (c->state == ANSWER && size > 0) {
        if (c->frame.head_size < H2_HEAD) {
            c->frame.head[c->frame.head_size++] = (unsigned char)*bytes++;
            size--;
            const unsigned char *h = c->frame.head;
            c->frame.left = (unsigned)h[0] << 16 | (unsigned)h[1] << 8 | h[2];
        }
        else {
            size_t part = size < c->frame.left ? size : c->frame.left;
            bytes += part;
            size -= part;
            c->frame.left -= (unsigned)part;
        }
        if (c->frame.head_size == H2_HEAD && c->frame.left == 0) {
            take_frame(c);
        }
    }
}

static void take_answer(struct conn *c)
{
    char buffer[4096];
    for (;;) {
        ssize_t got = net_read(c->fd, c->ssl, buffer, sizeof buffer - 1);
        if (got == NET_WANT_READ || got == NET_WANT_WRITE) {
            return;
        }
        if (got <= 0) {
            return finish(c, ENDED);
        }
        if (opt.kind == IDLE_H2) {
            take_h2(c, buffer, (size_t)got);
            if (c->state != ANSWER) {
                return;
            }
            continue;
        }
        if (c->answer_left < 0) { /* the head comes in one piece on loopback */
            buffer[got] = 0;
            char *length = strcasestr(buffer, "\r\nContent-Length:"),
                 *end = strstr(buffer, "\r\n\r\n");
            if (!length || !end || strncmp(buffer + 8, " 200", 4)) {
                return finish(c, FAILED);
            }
            c->answer_left = strtol(length + 17, NULL, 10);
            got -= end + 4 - buffer;
        }
        c->answer_left -= got;
        if (c->answer_left <= 0) {
            return settle(c);
        }
    }
}

static void send_opening(struct conn *c)
{
    while (c->sent < opening_size) {
        ssize_t n = net_write(c->fd, c->ssl, opening + c->sent, opening_size - c->sent);
        if (n == NET_WANT_READ || n == NET_WANT_WRITE) {
            return;
        }
        if (n <= 0) {
            return finish(c, ENDED);
        }
        c->sent += (unsigned)n;
    }
    if (opt.kind != IDLE && opt.kind != IDLE_H2) {
        return settle(c);
    }
    enter(c, ANSWER);
    take_answer(c);
}

static void shake(struct conn *c)
{
    int step = net_handshake(c->ssl);
    if (step == NET_ERROR) {
        return finish(c, ENDED);
    }
    if (step != 1) {
        return;
    }
    enter(c, SENDING);
    send_opening(c);
}

static void connected(struct conn *c)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };
    if (net_connect_error(c->fd)) {
        return finish(c, FAILED);
    }
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
    enter(c, SENDING);
    if (!opt.tls) {
        return send_opening(c);
    }
    c->ssl = SSL_new(tls);
    if (!c->ssl || !SSL_set_fd(c->ssl, c->fd)) {
        net_die("no memory for TLS");
    }
    SSL_set_connect_state(c->ssl);
    enter(c, HANDSHAKE);
    shake(c);
}

static void advance(struct conn *c)
{
    switch (c->state) {
    case CONNECTING:
        return connected(c);
    case HANDSHAKE:
        return shake(c);
    case SENDING:
        return send_opening(c);
    case ANSWER:
        return take_answer(c);
    case READY:
        return finish(c, ENDED);
    default:
        return;
    }
}

static void start(struct conn *c, unsigned nth)
{
    struct epoll_event e = { .events = EPOLLOUT, .data.ptr = c };
    started++;
    c->fd = net_connect(opt.port, nth, opt.kind == READ ? 4096 : 0);
    if (c->fd < 0) {
        return enter(c, FAILED);
    }
    enter(c, CONNECTING);
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

/* One more byte of what the client has to say. */
static void drip(struct conn *c)
{
    char byte = 'x';
    ssize_t n;
    switch (opt.kind) {
    case HEAD:
        /* A field a minute, so that no limit on a line is met. */
        byte = c->sent % 60 < 4 ? "\r\nX:"[c->sent % 60] : 'x';
        break;
    case HELLO:
        if (c->sent >= hello_size) {
            return;
        }
        byte = hello[c->sent];
        break;
    case BODY:
        break;
    case READ:
        n = net_read(c->fd, c->ssl, &byte, 1);
        if (n == NET_EOF || n == NET_ERROR) {
            finish(c, ENDED);
        }
        return;
    case SILENCE:
    case IDLE:
    case IDLE_H2:
        return;
    }
    n = net_write(c->fd, c->ssl, &byte, 1);
    if (n > 0) {
        c->sent++;
    }
    else if (n == NET_EOF || n == NET_ERROR) {
        finish(c, ENDED);
    }
}

static void make_hello(void)
{
    SSL *ssl = SSL_new(tls);
    BIO *out = BIO_new(BIO_s_mem()), *in = BIO_new(BIO_s_mem());
    if (!ssl || !out || !in) {
        net_die("no memory for TLS");
    }
    SSL_set_tlsext_host_name(ssl, "localhost");
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    int n = BIO_read(out, hello, sizeof hello);
    if (n <= 0) {
        net_die("no ClientHello");
    }
    hello_size = (unsigned)n;
    opening_size = hello_size / 2;
    memcpy(opening, hello, opening_size);
    SSL_free(ssl);
}

static unsigned put_frame(char *to, unsigned size, unsigned type, unsigned flags, unsigned stream)
{
    const unsigned char head[H2_HEAD] = { (unsigned char)(size >> 16),
                                          (unsigned char)(size >> 8),
                                          (unsigned char)size,
                                          (unsigned char)type,
                                          (unsigned char)flags,
                                          0,
                                          0,
                                          0,
                                          (unsigned char)stream };
    memcpy(to, head, sizeof head);
    return H2_HEAD;
}

/* The preface, no settings, and GET on stream 1: fields of HPACK's static table, literals not indexed. */
static int make_h2(void)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", host[] = "localhost";
    char block[512];
    int n = 0, size;
    size = snprintf(block, sizeof block, "\x82\x87\x04%c%s\x01%c%s", (char)strlen(opt.path),
                    opt.path, (char)strlen(host), host);
    memcpy(opening, preface, sizeof preface - 1);
    n += (int)sizeof preface - 1;
    n += (int)put_frame(opening + n, 0, H2_SETTINGS, 0, 0);
    n += (int)put_frame(opening + n, (unsigned)size, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, 1);
    memcpy(opening + n, block, (size_t)size);
    return n + size;
}

static void make_opening(void)
{
    int n = 0;
    switch (opt.kind) {
    case SILENCE:
        break;
    case HEAD:
        n = snprintf(opening, sizeof opening,
                     "GET /1k.bin HTTP/1.1\r\nHost: localhost\r\nUser-Agent: slow");
        break;
    case HELLO:
        return make_hello();
    case BODY:
        n = snprintf(opening, sizeof opening,
                     "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1024\r\n\r\n",
                     opt.path);
        memset(opening + n, 'b', 512);
        n += 512;
        break;
    case READ:
    case IDLE:
        n = snprintf(opening, sizeof opening, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     opt.path);
        break;
    case IDLE_H2:
        n = make_h2();
        break;
    }
    opening_size = (unsigned)n;
}

static void report(void)
{
    printf("{\"started\": %ld", started);
    for (int i = CONNECTING; i < STATES; i++) {
        printf(", \"%s\": %ld", state_names[i], in_state[i]);
    }
    printf("}\n");
    fflush(stdout);
}

static void parse(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum kind kind;
    } kinds[] = { { "silence", SILENCE }, { "head", HEAD }, { "hello", HELLO },    { "body", BODY },
                  { "read", READ },       { "idle", IDLE }, { "h2-idle", IDLE_H2 } };
    const char *name = argc > 1 ? argv[1] : "";
    int o;
    bool known = false;
    opt.tls = !strncmp(name, "tls-", 4);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name + (opt.tls ? 4 : 0))) {
            continue;
        }
        opt.kind = kinds[i].kind;
        known = true;
    }
    opt.tls |= opt.kind == IDLE_H2;
    optind = 2;
    while (known && (o = getopt(argc, argv, "p:n:r:f:")) != -1) {
        switch (o) {
        case 'p':
            opt.port = atoi(optarg);
            break;
        case 'n':
            opt.count = atol(optarg);
            break;
        case 'r':
            opt.rate = atol(optarg);
            break;
        case 'f':
            opt.path = optarg;
            break;
        default:
            known = false;
        }
    }
    if (!known || opt.port < 1 || opt.count < 1 || opt.rate < 1 || strlen(opt.path) > 100) {
        net_die(
            "usage: slowclients KIND -p PORT -n CONNECTIONS [-r RATE] [-f PATH]; the kinds are in the head of "
            "slowclients.c");
    }
}

static void start_due(uint64_t since_us)
{
    long due = (long)((double)since_us * (double)opt.rate / 1e6);
    while (started < opt.count && started <= due) {
        start(&conns[started], (unsigned)started);
    }
}

static void run(void)
{
    struct epoll_event events[512];
    uint64_t began = net_now_us(), slices = 0, reported = 0;
    for (;;) {
        int n = epoll_wait(poller, events, 512, 5);
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr) {
                return;
            }
            advance(events[i].data.ptr);
        }
        uint64_t now = net_now_us() - began;
        bool ramping = started < opt.count;
        start_due(now);
        for (; slices < now / SLICE_US; slices++) {
            for (long i = (long)(slices % SLICES); i < started; i += SLICES) {
                if (conns[i].state == READY) {
                    drip(&conns[i]);
                }
            }
        }
        if (now - reported >= 1000000 || (ramping && started == opt.count)) {
            report();
            reported = now;
        }
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    long limit = net_init();
    if (opt.count > limit - 20) {
        net_die("slowclients: %ld connections, but only %ld open files are allowed", opt.count,
                limit);
    }
    conns = calloc((size_t)opt.count, sizeof *conns);
    tls = net_tls_context();
    if (opt.kind == IDLE_H2 && SSL_CTX_set_alpn_protos(tls, (const unsigned char *)"\2h2", 3)) {
        net_die("no ALPN");
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || poller < 0) {
        net_die("slowclients: %s", strerror(errno));
    }
    for (long i = 0; i < opt.count; i++) {
        conns[i].fd = -1;
        conns[i].answer_left = -1;
    }
    in_state[UNUSED] = opt.count;
    make_opening();
    struct epoll_event end = { .events = EPOLLIN, .data.ptr = NULL };
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &end);
    run();
    report();
    return 0;
}
