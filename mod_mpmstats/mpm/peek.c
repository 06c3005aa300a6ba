/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/peek.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "http_core.h"
#include "mpm/child.h"
#include "mpm/hybrid.h"
#include "mpm/server.h"

/* What may be looked at of one request; who runs it reads on. */
#define PEEK_SIZE (64 * 1024)

#define TLS_HANDSHAKE 22

/* The most a record may hold (RFC 8446, 5.1; RFC 5246, 6.2.3 allows for compression). */
#define TLS_RECORD_MAX (16384 + 2048)

static char peeked[PEEK_SIZE];
static head_limits_t limits;            /* constant after peek_set_up() */

void peek_set_up(void)
{
    const core_server_config *core = ap_get_core_module_config(ap_server_conf->module_config);

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
    reqtimeout_begin_head(&p->budget, s, child_now());
}

static int body_complete(peek_t *p, const char *data, size_t len)
{
    size_t used;

    reqtimeout_extend(&p->budget, len);
    return body_scan_feed(&p->body, data, len, &used) != BODY_MORE;
}

/* The head is there: is there a small body to wait for? */
static int head_complete(peek_t *p, const char *rest, size_t len)
{
    apr_off_t limit = server_body_buffer(p->server);
    head_body_e kind = head_scan_body(&p->scan);

    if (limit > PEEK_SIZE / 2) {
        limit = PEEK_SIZE / 2;
    }
    if (limit == 0 || (kind != HEAD_BODY_LENGTH && kind != HEAD_BODY_CHUNKED)
        || (kind == HEAD_BODY_LENGTH && p->scan.content_length > limit)) {
        return 1;
    }
    p->in_body = 1;
    reqtimeout_begin(&p->budget, p->server, child_now());
    if (kind == HEAD_BODY_LENGTH) {
        body_scan_init_length(&p->body, (uint64_t)p->scan.content_length, (uint64_t)limit);
    }
    else {
        body_scan_init_chunked(&p->body, (uint64_t)limit, limits.strict);
    }
    return body_complete(p, rest, len);
}

static int request_complete(peek_t *p, const char *data, size_t len)
{
    size_t used;
    head_verdict_e verdict;

    if (p->in_body) {
        return body_complete(p, data, len);
    }
    reqtimeout_extend(&p->budget, len);
    verdict = head_scan_feed(&p->scan, data, len, &used);
    if (verdict == HEAD_MORE) {
        return 0;
    }
    return verdict != HEAD_COMPLETE || head_complete(p, data + used, len - used);
}

/* A whole first TLS record, or no TLS at all. */
static int hello_complete(size_t len)
{
    size_t record;

    if (peeked[0] != TLS_HANDSHAKE) {
        return 1;
    }
    if (len < 5) {
        return 0;
    }
    record = ((size_t)(unsigned char)peeked[3] << 8) + (unsigned char)peeked[4];
    return record > TLS_RECORD_MAX || len >= 5 + record;
}

/*
 * Nothing is taken out of the socket, so the client may send until its receive buffer (ReceiveBufferSize, tcp_rmem) is full.
 * The kernel closes the window not before half of the buffer is used. From there on the rest may never come.
 */
static int buffer_is_full(int fd)
{
    uint32_t memory[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(memory);

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0
        || memory[SK_MEMINFO_RMEM_ALLOC] >= memory[SK_MEMINFO_RCVBUF] / 2;
}

peek_e peek_look(peek_t *p, int fd)
{
    ssize_t n = recv(fd, peeked, sizeof(peeked), MSG_PEEK | MSG_DONTWAIT);
    size_t seen = p->seen;
    apr_time_t now;

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return PEEK_WAIT;
    }
    if (n <= 0) {
        return seen == 0 ? PEEK_GONE : PEEK_READY;
    }
    if ((size_t)n <= seen) {
        return PEEK_WAIT;
    }
    p->seen = (size_t)n;
    now = child_now();
    if (seen == 0) {
        p->first_us = now;
        if (peeked[0] == TLS_HANDSHAKE) {
            p->is_tls = 1;              /* whatever Listen says: no request begins with this */
        }
    }
    if ((size_t)n == sizeof(peeked)
        || (p->is_tls ? hello_complete((size_t)n) : request_complete(p, peeked + seen, (size_t)n - seen))
        || buffer_is_full(fd)) {
        p->whole_us = now;
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
