/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/prefork/peek.h"

#include <errno.h>
#include <poll.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "http_core.h"
#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/module.h"
#include "mpm/conn/server.h"

/* Most bytes of a request that are peeked at; a longer one counts as complete. */
#define PEEK_SIZE (64 * 1024)

#define TLS_HANDSHAKE 22

/* The most a record may hold (RFC 8446, 5.1; RFC 5246, 6.2.3 allows for compression). */
#define TLS_RECORD_MAX (16384 + 2048)

/* PROXY protocol: longest line of version 1; length of version 2's fixed part. */
#define PROXY_LINE_MAX 108
#define PROXY_BLOCK 16
static const char proxy_signature[12] = { '\r', '\n', '\r', '\n', '\0', '\r',
                                          '\n', 'Q',  'U',  'I',  'T',  '\n' };

/* Constant after peek_set_up(). */
static int may_be_proxied;

static char peeked[PEEK_SIZE];
static head_limits_t limits; /* constant after peek_set_up() */

void peek_set_up(void)
{
    const core_server_config *core = ap_get_core_module_config(ap_server_conf->module_config);

    may_be_proxied = ap_find_linked_module("mod_remoteip.c") != NULL;
    head_limits_httpd(&limits, ap_server_conf->limit_req_line, ap_server_conf->limit_req_fieldsize,
                      ap_server_conf->limit_req_fields, PEEK_SIZE,
                      core->http_conformance != AP_HTTP_CONFORMANCE_UNSAFE);
}

void peek_begin(peek_t *p, const server_rec *s, int is_tls)
{
    memset(p, 0, sizeof(*p));
    p->server = s;
    p->is_tls = (unsigned char)is_tls;
    head_scan_init(&p->scan, &limits);
    if (is_tls) {
        reqtimeout_begin_handshake(&p->budget, s, clock_now());
    }
    else {
        reqtimeout_begin_head(&p->budget, s, clock_now());
    }
}

static bool body_complete(peek_t *p, const char *data, size_t len)
{
    size_t used;

    reqtimeout_extend(&p->budget, len);
    return body_scan_feed(&p->body, data, len, &used) != BODY_MORE;
}

/* The head is complete: true unless a small body is still to come. */
static bool head_complete(peek_t *p, const char *rest, size_t len)
{
    apr_off_t limit = server_body_buffer(p->server);

    if (limit > PEEK_SIZE / 2) {
        limit = PEEK_SIZE / 2;
    }
    if (!body_scan_init_after(&p->body, &p->scan, (uint64_t)limit, limits.strict)) {
        return true;
    }
    p->in_body = 1;
    reqtimeout_begin(&p->budget, p->server, clock_now());
    return body_complete(p, rest, len);
}

static bool request_complete(peek_t *p, const char *data, size_t len)
{
    size_t used;
    head_verdict_e verdict;

    if (p->in_body) {
        return body_complete(p, data, len);
    }
    reqtimeout_extend(&p->budget, len);
    verdict = head_scan_feed(&p->scan, data, len, &used);
    if (verdict == HEAD_MORE) {
        return false;
    }
    return verdict != HEAD_COMPLETE || head_complete(p, data + used, len - used);
}

static bool begins_with(const char *what, size_t len, size_t seen)
{
    return memcmp(peeked, what, seen < len ? seen : len) == 0;
}

/*
 * Whether the first @a seen bytes hold a complete PROXY protocol header or none; zero if it is
 * incomplete or still possible. @a bytes: out, its length.
 */
static bool proxy_header(size_t seen, size_t *bytes)
{
    const char *end;

    *bytes = 0;
    if (!may_be_proxied) {
        return true;
    }
    if (begins_with("PROXY ", 6, seen)) {
        end = memchr(peeked, '\n', seen);
        *bytes = end != NULL ? (size_t)(end + 1 - peeked) : 0;
        return end != NULL || seen >= PROXY_LINE_MAX;
    }
    if (begins_with(proxy_signature, sizeof(proxy_signature), seen)) {
        *bytes = seen < PROXY_BLOCK
            ? PROXY_BLOCK
            : PROXY_BLOCK + ((size_t)(unsigned char)peeked[14] << 8) + (unsigned char)peeked[15];
        return seen >= *bytes;
    }
    return true;
}

/* Whether the first TLS record is complete, or this is no TLS. */
static bool hello_complete(const char *data, size_t len)
{
    size_t record;

    if (data[0] != TLS_HANDSHAKE) {
        return true;
    }
    if (len < 5) {
        return false;
    }
    record = ((size_t)(unsigned char)data[3] << 8) + (unsigned char)data[4];
    return record > TLS_RECORD_MAX || len >= 5 + record;
}

/*
 * The bytes stay in the socket, so the client can only send until the receive buffer
 * (ReceiveBufferSize, tcp_rmem) is full. The kernel may close the window once half of it is used;
 * the rest may then never arrive.
 */
static bool buffer_is_full(int fd)
{
    uint32_t memory[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(memory);

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0
        || memory[SK_MEMINFO_RMEM_ALLOC] >= memory[SK_MEMINFO_RCVBUF] / 2;
}

/* MSG_PEEK stops at urgent data, whatever follows it. */
static bool has_urgent_data(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLPRI };

    return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLPRI);
}

/* Whether the request after the PROXY protocol header of @a begin bytes is complete. */
static bool is_complete(peek_t *p, size_t begin)
{
    size_t from = p->scanned > begin ? p->scanned : begin;

    if (p->seen == sizeof(peeked)) {
        return true;
    }
    if (p->seen == from) {
        return false;
    }
    if (from == begin && peeked[begin] == TLS_HANDSHAKE) {
        p->is_tls = 1; /* whatever Listen says: no HTTP request begins with this byte */
        reqtimeout_begin_handshake(&p->budget, p->server, clock_now());
    }
    p->scanned = p->seen;
    return p->is_tls ? hello_complete(peeked + begin, p->seen - begin)
                     : request_complete(p, peeked + from, p->seen - from);
}

peek_e peek_look(peek_t *p, int fd)
{
    ssize_t n = recv(fd, peeked, sizeof(peeked), MSG_PEEK | MSG_DONTWAIT);
    size_t seen = p->seen, begin;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return PEEK_WAIT;
    }
    if (n <= 0) {
        return seen == 0 ? PEEK_GONE : PEEK_READY;
    }
    p->seen = (size_t)n > seen ? (size_t)n : seen;
    if (seen == 0) {
        p->first_us = clock_now();
    }
    if ((p->seen > seen
         && ((proxy_header(p->seen, &begin) && is_complete(p, begin)) || buffer_is_full(fd)))
        || has_urgent_data(fd)) {
        p->whole_us = clock_now();
        return PEEK_READY;
    }
    return PEEK_WAIT;
}

mpm_hybrid_conn_e peek_kind(const peek_t *p)
{
    if (p->seen == 0) {
        return MPM_HYBRID_CONN_NEW;
    }
    if (p->is_tls) {
        return MPM_HYBRID_CONN_HANDSHAKE;
    }
    return p->in_body ? MPM_HYBRID_CONN_BODY : MPM_HYBRID_CONN_HEAD;
}
