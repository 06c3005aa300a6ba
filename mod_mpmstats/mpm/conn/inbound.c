/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Non-blocking reading of heads and small bodies; see inbound.h.
 *
 * http/head.c decides when a head is complete. httpd parses it: it gets the
 * bytes unchanged.
 */
#include "mpm/conn/inbound.h"

#include "apr_portable.h"
#include "apr_strings.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"
#include "http_ssl.h"
#include "util_filter.h"

#include "base/clock.h"
#include "http/body.h"
#include "http/head.h"
#include "base/must_hold.h"
#include "mpm/process/child.h"
#include "mpm/process/handover.h"
#include "mpm/module.h"
#include "mpm/conn/inbound_filter.h"
#include "mpm/conn/reqtimeout.h"
#include "mpm/conn/server.h"
#include "mpm/conn/stash.h"

/* Upper bound of a buffered head, whatever the LimitRequest* directives allow. */
#define HEAD_BYTES_MAX (1024 * 1024)

/* Interval of inbound_look(), so that mod_reqtimeout can end a handshake. */
#define LOOK_INTERVAL apr_time_from_sec(1)

static apr_interval_time_t look_interval;

void inbound_child_init(void)
{
    inbound_filter_child_init();
    reqtimeout_child_init();
    look_interval = ap_find_linked_module("mod_reqtimeout.c") != NULL ? LOOK_INTERVAL : 0;
}

apr_interval_time_t inbound_look_interval(void)
{
    return look_interval;
}

static void lookup_limits(inbound_t *in)
{
    const server_rec *s = in->k->c->base_server;
    const core_server_config *core = ap_get_core_module_config(s->module_config);

    head_limits_httpd(&in->limits, s->limit_req_line, s->limit_req_fieldsize, s->limit_req_fields,
                      HEAD_BYTES_MAX, core->http_conformance != AP_HTTP_CONFORMANCE_UNSAFE);
}

/* Whether no filter between ours and the socket buffers or changes bytes. */
static bool nothing_kept_below(const ap_filter_t *f)
{
    for (; f != NULL; f = f->next) {
        const char *name = f->frec->name;

        if (strcmp(name, "core_in") != 0 && strcmp(name, "reqtimeout") != 0
            && strcmp(name, "log_input_output") != 0 && strcmp(name, "mpmstats_in") != 0) {
            return false;
        }
    }
    return true;
}

void inbound_attach(conn_t *k)
{
    conn_rec *c = k->c;
    inbound_t *in = apr_pcalloc(c->pool, sizeof(*in));

    in->k = k;
    in->stash = apr_brigade_create(c->pool, c->bucket_alloc);
    in->fresh = apr_brigade_create(c->pool, c->bucket_alloc);
    in->async = 1;
    k->inbound = in;
    /* in the other models the filter is at times out of the chain */
    k->times.counts_input = child.lane->is_async;
    inbound_filter_add(in);
}

void inbound_prepare(conn_t *k)
{
    inbound_t *in = k->inbound;

    MUST_HOLD(in->k->c->input_filters == in->filter);
    lookup_limits(in);
    head_scan_init(&in->scan, &in->limits);
    in->plain = nothing_kept_below(in->filter->next);
    in->handshake = ap_ssl_conn_is_ssl(k->c);
}

/* ---- advancing --------------------------------------------------------- */

/* The server whose MPMBodyBuffer applies. */
static const server_rec *server_in_charge(const inbound_t *in)
{
    conn_rec *c = in->k->c;
    char host[256];

    if (!server_hosts_differ() || in->scan.host_len == 0 || in->scan.host_len >= sizeof(host)) {
        return c->base_server;
    }
    memset(host, 0, sizeof(host));
    stash_copy(in->stash, in->scan.host_off, host, in->scan.host_len);
    return server_of_host(c, host);
}

/* The head is complete. WAIT if a body is to be collected. */
static inbound_e head_complete(inbound_t *in)
{
    apr_off_t limit = server_body_buffer(server_in_charge(in));

    if (!body_scan_init_after(&in->body, &in->scan, (uint64_t)limit, in->limits.strict)) {
        return INBOUND_READY;
    }
    in->stage = STAGE_BODY;
    reqtimeout_begin(&in->budget, in->k->c->base_server, clock_now());
    return INBOUND_WAIT;
}

/*
 * Note when the request line is complete, after any empty lines: httpd uses this as the request's
 * time.
 */
static void look_for_line(inbound_t *in, const char *data, apr_size_t len)
{
    while (len > 0 && !in->line_begun && (*data == '\r' || *data == '\n')) {
        data++;
        len--;
    }
    if (len > 0) {
        in->line_begun = 1;
        if (memchr(data, '\n', len) != NULL) {
            in->k->line_us = in->now;
        }
    }
}

/* Scan the next bytes of the request. */
static inbound_e scan_bytes(inbound_t *in, const char *data, apr_size_t len)
{
    size_t used = 0;

    if (in->bytes == 0) {
        in->k->times.first_byte_us = in->now;
        in->k->line_us = 0;
        in->line_begun = 0;
    }
    in->bytes += len;
    if (in->k->line_us == 0) {
        look_for_line(in, data, len);
    }
    if (in->stage == STAGE_HEAD) {
        head_verdict_e verdict = head_scan_feed(&in->scan, data, len, &used);

        if (verdict == HEAD_MORE) {
            return INBOUND_WAIT;
        }
        if (verdict != HEAD_COMPLETE || head_complete(in) == INBOUND_READY) {
            return INBOUND_READY;
        }
        data += used;
        len -= used;
    }
    reqtimeout_extend(&in->budget, len);
    return body_scan_feed(&in->body, data, len, &used) == BODY_MORE ? INBOUND_WAIT : INBOUND_READY;
}

static inbound_e scan_bucket(inbound_t *in, apr_bucket *e)
{
    const char *data;
    apr_size_t len;

    if (APR_BUCKET_IS_METADATA(e)) {
        return INBOUND_READY; /* an error or the end: httpd handles it */
    }
    if (stash_keep(e) != APR_SUCCESS
        || apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS) {
        return INBOUND_READY;
    }
    if (len == 0) {
        return INBOUND_WAIT;
    }
    if (in->handshake) {
        in->handshake = 0;
        in->k->times.handshake_done_us = in->now;
    }
    return scan_bytes(in, data, len);
}

/* Bytes that the last request left in the stash begin the next one. */
static inbound_e scan_left_over(inbound_t *in)
{
    apr_bucket *e;

    in->unscanned = 0;
    for (e = APR_BRIGADE_FIRST(in->stash); e != APR_BRIGADE_SENTINEL(in->stash);
         e = APR_BUCKET_NEXT(e)) {
        if (scan_bucket(in, e) == INBOUND_READY) {
            return INBOUND_READY;
        }
    }
    return INBOUND_WAIT;
}

/* Scan the bytes of the last read and move them to the stash. */
static inbound_e take_fresh(inbound_t *in)
{
    inbound_e verdict = INBOUND_WAIT;

    while (!APR_BRIGADE_EMPTY(in->fresh)) {
        apr_bucket *e = APR_BRIGADE_FIRST(in->fresh);

        APR_BUCKET_REMOVE(e);
        APR_BRIGADE_INSERT_TAIL(in->stash, e);
        if (verdict == INBOUND_WAIT) {
            verdict = scan_bucket(in, e);
        }
        else if (!APR_BUCKET_IS_METADATA(e)) {
            (void)stash_keep(e);
        }
        in->k->times.received += inbound_filter_bytes(e);
        inbound_filter_read_ahead(in, (apr_off_t)inbound_filter_bytes(e));
        if (!APR_BUCKET_IS_METADATA(e) && e->length == 0) {
            apr_bucket_delete(e); /* the stash must not begin with an empty bucket */
        }
        else {
            stash_merge_last(in->stash);
        }
    }
    return verdict;
}

/* ALPN or a module may have switched to a protocol without heads. */
bool inbound_has_heads(const conn_t *k)
{
    const char *protocol = ap_get_protocol(k->c);

    return protocol == NULL || strncmp(protocol, "http/1.", 7) == 0;
}

/* Read until the request is complete, its stage changes or no bytes are left. */
static inbound_e read_through(inbound_t *in)
{
    for (;;) {
        network_t *net;
        apr_status_t rv = ap_get_brigade(in->filter->next, in->fresh, AP_MODE_READBYTES,
                                         APR_NONBLOCK_READ, NETWORK_READ_SIZE);

        net = in->k->network;
        if (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(in->fresh)) {
            int stage = in->stage;

            if (take_fresh(in) == INBOUND_READY) {
                return INBOUND_READY;
            }
            if ((int)in->stage != stage) {
                return INBOUND_WAIT;
            }
            continue;
        }
        apr_brigade_cleanup(in->fresh);
        if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)) {
            in->ended = in->k->times.input_ended = rv;
            return INBOUND_READY;
        }
        if (net == NULL || net->eof) {
            in->ended = in->k->times.input_ended = APR_EOF;
            return INBOUND_READY;
        }
        return INBOUND_WAIT;
    }
}

/* Whether the handshake is over: mod_ssl, asked to continue it, does not ask for more bytes. */
static bool handshake_is_over(inbound_t *in)
{
    apr_status_t rv = ap_get_brigade(in->filter->next, in->fresh, AP_MODE_INIT, APR_NONBLOCK_READ,
                                     0);

    apr_brigade_cleanup(in->fresh);
    return rv == APR_SUCCESS;
}

/*
 * mod_reqtimeout's filter keeps the budget of the handshake only: it learns that a head or body
 * begins when a worker reads it, and until then applies the stage before. So detach it for those.
 */
static inbound_e read_on(inbound_t *in)
{
    ap_filter_t *above = NULL, *reqtimeout;
    inbound_e verdict = INBOUND_WAIT;

    if (in->handshake) {
        verdict = read_through(in);
        if (verdict == INBOUND_READY) {
            return verdict;
        }
        if (in->handshake && handshake_is_over(in)) {
            in->handshake = 0;
            in->k->times.handshake_done_us = in->now;
        }
        if (in->stage == STAGE_HEAD) {
            return verdict;
        }
    }
    reqtimeout = reqtimeout_detach(in->filter, &above);
    do {
        int stage = in->stage;

        verdict = read_through(in);
        if ((int)in->stage == stage) {
            break;
        }
    } while (verdict == INBOUND_WAIT);
    reqtimeout_attach(reqtimeout, above);
    return verdict;
}

/*
 * Keep the budget of an incomplete head here: mod_reqtimeout's begins when a worker reads it,
 * which is after it is complete. As there, bytes of the socket extend it, which over TLS are more
 * than those of the head.
 */
static void charge_head(inbound_t *in)
{
    apr_uint64_t received = in->k->network != NULL ? in->k->network->received : 0;

    if (in->handshake || (in->bytes == 0 && in->k->used)) {
        return;
    }
    if (!in->head_budget) {
        in->head_budget = 1;
        reqtimeout_begin_head(&in->budget, in->k->c->base_server, in->now);
        reqtimeout_extend(&in->budget, (apr_size_t)in->bytes);
    }
    else {
        reqtimeout_extend(&in->budget, (apr_size_t)(received - in->budget_bytes));
    }
    in->budget_bytes = received;
}

inbound_e inbound_advance(conn_t *k)
{
    inbound_t *in = k->inbound;
    network_t *net = k->network;
    inbound_e verdict = INBOUND_WAIT;

    MUST_HOLD(conn_is_mine(k) && !k->parked);
    if (in->ended != APR_SUCCESS || !inbound_has_heads(k)) {
        return INBOUND_READY;
    }
    in->async = 1;
    in->now = clock_now();
    inbound_filter_step_back(in);
    if (in->handshake && k->times.handshake_begin_us == 0) {
        k->times.handshake_begin_us = in->now;
    }
    if (net != NULL) {
        net->advancing = 1;
        net->dry = 0;
        net->stops_early = k->urgent;
    }
    if (in->unscanned) {
        verdict = scan_left_over(in);
    }
    if (verdict == INBOUND_WAIT) {
        verdict = read_on(in);
    }
    if (verdict == INBOUND_WAIT && !inbound_has_heads(k)) {
        verdict = INBOUND_READY;
    }
    if (verdict == INBOUND_READY) {
        k->times.head_us = in->now;
        k->times.head_bytes = in->bytes;
    }
    else if (in->stage == STAGE_HEAD) {
        charge_head(in);
    }
    net = k->network; /* the first read makes it */
    if (net != NULL) {
        net->advancing = 0;
    }
    return verdict;
}

inbound_e inbound_look(conn_t *k)
{
    inbound_t *in = k->inbound;
    network_t *net = k->network;
    inbound_e verdict;
    unsigned dry;

    MUST_HOLD(conn_is_mine(k) && !k->parked);
    if (net == NULL || !in->handshake) {
        return INBOUND_WAIT;
    }
    dry = net->dry;
    net->advancing = 1;
    net->dry = 1; /* no system call: epoll reports new bytes */
    verdict = read_on(in);
    net->advancing = 0;
    net->dry = dry;
    return verdict;
}

void inbound_give_up(conn_t *k, apr_status_t why)
{
    inbound_t *in = k->inbound;

    MUST_HOLD(conn_is_mine(k) && !k->parked);
    if (in->ended == APR_SUCCESS) {
        in->ended = why;
        in->late = 1;
        if (k->network != NULL) {
            k->network->late = 1;
        }
        in->overdue = APR_STATUS_IS_TIMEUP(why) && in->budget.until != 0;
        in->overdue_body = in->stage == STAGE_BODY;
    }
}

void inbound_over_budget(conn_t *k)
{
    inbound_give_up(k, APR_TIMEUP);
    k->inbound->overdue = 1;
}

void inbound_dispatched(conn_t *k)
{
    inbound_t *in = k->inbound;

    in->async = 0;
    in->stage = STAGE_HEAD;
    in->bytes = 0;
    in->budget.until = 0;
    in->head_budget = 0;
    if (in->handshake) {
        in->handshake = 0;
        in->k->times.handshake_done_us = clock_now();
    }
    in->unscanned = 1;
    head_scan_init(&in->scan, &in->limits);
}

apr_interval_time_t inbound_patience(const conn_t *k)
{
    const inbound_t *in = k->inbound;
    apr_interval_time_t left;

    if (in->budget.until == 0) {
        return k->timeout;
    }
    left = in->budget.until - clock_now();
    return left < 0 ? 0 : left < k->timeout ? left : k->timeout;
}

int inbound_reads_ahead(const conn_t *k)
{
    return k->inbound->async;
}

int inbound_is_to_be_looked_at(const conn_t *k)
{
    return k->inbound->handshake;
}

int inbound_is_late(const conn_t *k)
{
    return k->inbound->late;
}

bool inbound_ended(const conn_t *k)
{
    return k->inbound->ended != APR_SUCCESS;
}

bool inbound_begun(const conn_t *k)
{
    return k->inbound->bytes != 0;
}

apr_size_t inbound_held(const conn_t *k)
{
    return k->inbound != NULL ? (apr_size_t)k->inbound->bytes : 0;
}

bool inbound_drained(const conn_t *k)
{
    const network_t *net = k->network;

    return k->inbound != NULL && net != NULL && net->dry && !net->eof && inbound_has_heads(k)
        && !inbound_filter_held_below(k->inbound, net);
}

bool inbound_is_empty(const conn_t *k)
{
    const inbound_t *in = k->inbound;
    const network_t *net = k->network;

    return in != NULL && net != NULL && net->dry && !net->eof && APR_BRIGADE_EMPTY(in->stash)
        && !inbound_filter_held_below(in, net);
}

bool inbound_buffered(const conn_t *k)
{
    const network_t *net = k->network;

    return !APR_BRIGADE_EMPTY(k->inbound->stash)
        || (net != NULL && inbound_filter_held_below(k->inbound, net));
}

bool inbound_leaves_it(const conn_t *k)
{
    return k->inbound == NULL || k->inbound->aside;
}

bool inbound_is_plain(conn_rec *c)
{
    const conn_t *k = conn_of(c);
    const ap_filter_t *f = c->input_filters;

    return nothing_kept_below(k != NULL && k->inbound != NULL && f == k->inbound->filter ? f->next
                                                                                         : f);
}

/*
 * Move the bytes that the core's filter has buffered into the stash, without reading the socket.
 * Zero on an error.
 */
static bool take_what_is_kept(inbound_t *in)
{
    network_t *net = in->k->network;
    apr_status_t rv;
    unsigned dry;

    if (net == NULL) {
        return true;
    }
    dry = net->dry;
    net->advancing = net->dry = 1;
    while ((rv = ap_get_brigade(in->filter->next, in->fresh, AP_MODE_READBYTES, APR_NONBLOCK_READ,
                                NETWORK_READ_SIZE))
               == APR_SUCCESS
           && !APR_BRIGADE_EMPTY(in->fresh)) {
        apr_off_t bytes = 0;

        (void)apr_brigade_length(in->fresh, 0, &bytes);
        inbound_filter_read_ahead(in, bytes);
        APR_BRIGADE_CONCAT(in->stash, in->fresh);
    }
    net->advancing = 0;
    net->dry = dry;
    return rv == APR_SUCCESS || APR_STATUS_IS_EAGAIN(rv);
}

bool inbound_pack(conn_t *k, struct handover_t *what, char **bytes)
{
    inbound_t *in = k->inbound;
    apr_off_t have = 0;
    apr_size_t len;

    /* Out of the chain: the worker waits for the socket, so no filter buffers bytes. */
    if (in->ended != APR_SUCCESS || !(in->aside || take_what_is_kept(in))
        || apr_brigade_length(in->stash, 0, &have) != APR_SUCCESS || have < 0
        || have > HANDOVER_BYTES_MAX) {
        return false;
    }
    if (have > 0) {
        len = (apr_size_t)have;
        *bytes = apr_palloc(k->c->pool, len);
        if (apr_brigade_flatten(in->stash, *bytes, &len) != APR_SUCCESS
            || len != (apr_size_t)have) {
            return false;
        }
        what->bytes = (uint32_t)len;
        what->first_us = k->times.first_byte_us;
    }
    if (in->head_budget && in->stage == STAGE_HEAD) {
        what->budget_until = in->budget.until;
        what->budget_max_until = in->budget.max_until;
        what->budget_rate = in->budget.min_rate;
    }
    return true;
}

apr_status_t inbound_unpack(conn_t *k, const struct handover_t *what, const char *bytes)
{
    inbound_t *in = k->inbound;
    char *copy;

    if (what->bytes > 0) {
        copy = malloc(what->bytes);
        if (copy == NULL) {
            return APR_ENOMEM;
        }
        memcpy(copy, bytes, what->bytes);
        APR_BRIGADE_INSERT_TAIL(in->stash,
                                apr_bucket_heap_create(copy, what->bytes, free,
                                                       k->c->bucket_alloc));
        in->unscanned = 1;
    }
    if (what->budget_until != 0) {
        in->head_budget = 1;
        in->budget.until = what->budget_until;
        in->budget.max_until = what->budget_max_until;
        in->budget.min_rate = what->budget_rate;
    }
    return APR_SUCCESS;
}

bool inbound_has_no_stream(const conn_t *k)
{
    const frames_t *f = k->inbound != NULL ? k->inbound->frames : NULL;

    return f != NULL && f->count == 0 && !f->is_overfull;
}

bool inbound_is_read_dry(const conn_t *k)
{
    return k->inbound == NULL || k->inbound->frames == NULL || k->inbound->read_dry;
}

bool inbound_refuse_streams(conn_t *k)
{
    MUST_HOLD(conn_is_mine(k));
    return k->inbound == NULL || inbound_filter_refuse_streams(k->inbound);
}

mpm_hybrid_conn_e inbound_kind(const conn_t *k)
{
    const inbound_t *in = k->inbound;
    const network_t *net = k->network;

    if (in->stage == STAGE_BODY) {
        return MPM_HYBRID_CONN_BODY;
    }
    if (in->bytes != 0) {
        return MPM_HYBRID_CONN_HEAD;
    }
    if (k->used) {
        return MPM_HYBRID_CONN_KEEPALIVE;
    }
    if (net == NULL || !net->seen) {
        return MPM_HYBRID_CONN_NEW;
    }
    return in->handshake ? MPM_HYBRID_CONN_HANDSHAKE : MPM_HYBRID_CONN_HEAD;
}

void inbound_register(void)
{
    inbound_filter_register();
}
