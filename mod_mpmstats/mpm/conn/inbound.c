/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads and small bodies, read without waiting. inbound.h has the picture.
 *
 * What decides that a head is whole is http/head.c; what httpd makes of it is
 * httpd's business: the bytes are handed up as they came.
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

#include "http/body.h"
#include "http/head.h"
#include "base/must_hold.h"
#include "mpm/threads/child.h"
#include "mpm/process/handover.h"
#include "mpm/module.h"
#include "mpm/conn/network.h"
#include "mpm/threads/park.h"
#include "mpm/conn/reqtimeout.h"
#include "mpm/server.h"

#define FILTER_NAME "HYBRID_INBOUND"

/* Pieces of a head are put together up to this size. */
#define MERGE_MAX 1024

/* More than this is never held back, whatever LimitRequest* say. */
#define HEAD_BYTES_MAX (1024 * 1024)

struct inbound_t {
    conn_t *k;
    ap_filter_t *filter;       /* our place in the chain */
    apr_bucket_brigade *stash; /* read, not yet asked for by anybody */
    apr_bucket_brigade *fresh; /* working space of take_fresh */
    head_scan_t scan;
    head_limits_t limits;
    body_scan_t body;
    reqtimeout_body_t budget;  /* of this stage; for a head, once some of it has come */
    apr_uint64_t budget_bytes; /* received when the head's was extended last */
    enum { STAGE_HEAD, STAGE_BODY } stage;
    /* not APR_SUCCESS: what follows the stash; nothing below is asked any more */
    apr_status_t ended;
    apr_time_t now;           /* of this advance, monotonic */
    apr_uint64_t bytes;       /* plain bytes seen since the last dispatch */
    apr_uint64_t passed;      /* bytes that have come from the filter below, in all */
    unsigned async : 1;       /* between accept or keep-alive and dispatch */
    unsigned handshake : 1;   /* TLS, and no plain byte seen yet */
    unsigned plain : 1;       /* no filter below keeps bytes back */
    unsigned head_budget : 1; /* the budget of a head has begun */
    /* time ended it: whoever asks for more is told so, and not for a part of it */
    unsigned late : 1;
    unsigned overdue : 1;      /* the budget ended head or body; not said yet */
    unsigned overdue_body : 1; /* it was the body's */
    unsigned line_begun : 1;   /* a byte of the request line was seen */
    unsigned asked_below : 1;  /* let_remoteip_say() has */
    unsigned unscanned : 1;    /* the stash holds bytes of the next request */
    unsigned aside : 1;        /* out of the chain: its worker reads the next heads itself */
};

static ap_filter_rec_t *inbound_filter_rec;

/* Set in inbound_child_init, constant afterwards; NULL without mod_logio. */
static APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_in) * count_bytes;

void inbound_child_init(void)
{
    count_bytes = APR_RETRIEVE_OPTIONAL_FN(ap_logio_add_bytes_in);
}

/* ---- the filter -------------------------------------------------------- */

static void lookup_limits(inbound_t *in)
{
    const server_rec *s = in->k->c->base_server;
    const core_server_config *core = ap_get_core_module_config(s->module_config);

    head_limits_httpd(&in->limits, s->limit_req_line, s->limit_req_fieldsize, s->limit_req_fields,
                      HEAD_BYTES_MAX, core->http_conformance != AP_HTTP_CONFORMANCE_UNSAFE);
}

/* Whether bytes may be kept by a filter between us and the socket. */
static int nothing_kept_below(const ap_filter_t *f)
{
    for (; f != NULL; f = f->next) {
        const char *name = f->frec->name;

        if (strcmp(name, "core_in") != 0 && strcmp(name, "reqtimeout") != 0
            && strcmp(name, "log_input_output") != 0 && strcmp(name, "mpmstats_in") != 0) {
            return 0;
        }
    }
    return 1;
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
    /* otherwise the filter leaves the chain at times */
    k->times.counts_input = child.lane->is_async;
    in->filter = ap_add_input_filter_handle(inbound_filter_rec, in, NULL, c);
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

/* As mod_reqtimeout does when its filter finds the budget spent. */
static void say_overdue(inbound_t *in)
{
    conn_rec *c = in->k->c;

    in->overdue = 0;
    reqtimeout_say(c, in->overdue_body ? "body" : "header");
    apr_table_setn(c->notes, "short-lingering-close", "1");
    c->keepalive = AP_CONN_CLOSE;
}

/* What follows the stash. */
static apr_status_t tell_end(inbound_t *in)
{
    if (in->overdue) {
        say_overdue(in);
    }
    return in->ended;
}

/*
 * mod_logio counts what passes its filter: what was read ahead would be the first request's. It is
 * counted when it is asked for, by whichever request asks, as where nothing is read ahead.
 */
static void count_asked(const inbound_t *in, apr_bucket_brigade *bb)
{
    apr_off_t bytes;

    if (in->plain && count_bytes != NULL && apr_brigade_length(bb, 0, &bytes) == APR_SUCCESS
        && bytes > 0) {
        count_bytes(in->k->c, bytes);
    }
}

/* They come from below into the stash. */
static void note_read_ahead(inbound_t *in, apr_off_t bytes)
{
    in->passed += (apr_uint64_t)bytes;
    if (in->plain && count_bytes != NULL) {
        count_bytes(in->k->c, -bytes); /* count_asked() counts them */
    }
}

static int stash_has_line(const inbound_t *in)
{
    apr_bucket *e;
    const char *data;
    apr_size_t len;

    for (e = APR_BRIGADE_FIRST(in->stash); e != APR_BRIGADE_SENTINEL(in->stash);
         e = APR_BUCKET_NEXT(e)) {
        if (APR_BUCKET_IS_METADATA(e)
            || apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS
            || memchr(data, '\n', len) != NULL) {
            return 1;
        }
    }
    return 0;
}

/* One line, or as much of it as there is; see head.h on lines that httpd will find too long. */
static apr_status_t stash_getline(inbound_t *in, apr_bucket_brigade *bb)
{
    apr_bucket *last;
    apr_status_t rv;
    const char *data;
    apr_size_t len;

    /*
     * A line that did not come whole in time is none: a reader that waits for it gets no part of it
     * either.
     */
    if (in->late && !stash_has_line(in)) {
        count_asked(in, in->stash);
        apr_brigade_cleanup(in->stash);
        return tell_end(in);
    }
    rv = apr_brigade_split_line(bb, in->stash, APR_NONBLOCK_READ, HUGE_STRING_LEN);
    last = APR_BRIGADE_LAST(bb);
    if (rv != APR_SUCCESS || APR_BRIGADE_EMPTY(bb) || !APR_BRIGADE_EMPTY(in->stash)
        || APR_BUCKET_IS_METADATA(last)
        || apr_bucket_read(last, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS || len == 0
        || data[len - 1] == '\n') {
        return rv;
    }
    if (len > 1 || APR_BRIGADE_FIRST(bb) != last) {
        if (len > 1) {
            apr_bucket_split(last, len - 1);
            last = APR_BUCKET_NEXT(last);
        }
        APR_BUCKET_REMOVE(last);
        APR_BRIGADE_INSERT_HEAD(in->stash, last);
    }
    return rv;
}

static apr_status_t stash_take(inbound_t *in, apr_bucket_brigade *bb, apr_off_t readbytes)
{
    apr_bucket *after;
    apr_status_t rv = apr_brigade_partition(in->stash, readbytes, &after);

    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
        return rv;
    }
    while (APR_BRIGADE_FIRST(in->stash) != after && !APR_BRIGADE_EMPTY(in->stash)) {
        apr_bucket *e = APR_BRIGADE_FIRST(in->stash);

        APR_BUCKET_REMOVE(e);
        APR_BRIGADE_INSERT_TAIL(bb, e);
    }
    return APR_SUCCESS;
}

static apr_status_t stash_peek(inbound_t *in, apr_bucket_brigade *bb, apr_off_t readbytes)
{
    apr_bucket *after, *e, *copy;
    apr_status_t rv = apr_brigade_partition(in->stash, readbytes, &after);

    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
        return rv;
    }
    for (e = APR_BRIGADE_FIRST(in->stash); e != after && e != APR_BRIGADE_SENTINEL(in->stash);
         e = APR_BUCKET_NEXT(e)) {
        rv = apr_bucket_copy(e, &copy);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        APR_BRIGADE_INSERT_TAIL(bb, copy);
    }
    return APR_SUCCESS;
}

static apr_status_t stash_eat_crlf(inbound_t *in)
{
    while (!APR_BRIGADE_EMPTY(in->stash)) {
        apr_bucket *e = APR_BRIGADE_FIRST(in->stash);
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_METADATA(e)) {
            return APR_SUCCESS;
        }
        if (apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS) {
            return APR_SUCCESS;
        }
        if (len > 0 && *data != '\r' && *data != '\n') {
            return APR_SUCCESS;
        }
        if (len > 1) {
            apr_bucket_split(e, 1);
        }
        if (len > 0 && in->plain && count_bytes != NULL) {
            count_bytes(in->k->c, 1);
        }
        apr_bucket_delete(e);
    }
    return APR_EAGAIN;
}

/* Splitting at the very end leaves a bucket without bytes; the next reader would
 * take it for an answer. */
static void drop_empty(inbound_t *in)
{
    while (!APR_BRIGADE_EMPTY(in->stash)) {
        apr_bucket *e = APR_BRIGADE_FIRST(in->stash);

        if (APR_BUCKET_IS_METADATA(e) || e->length != 0) {
            return;
        }
        apr_bucket_delete(e);
    }
}

static apr_status_t from_stash(inbound_t *in, apr_bucket_brigade *bb, ap_input_mode_t mode,
                               apr_off_t readbytes)
{
    switch (mode) {
    case AP_MODE_GETLINE:
        return stash_getline(in, bb);
    case AP_MODE_SPECULATIVE:
        return stash_peek(in, bb, readbytes);
    case AP_MODE_EATCRLF:
        return stash_eat_crlf(in);
    case AP_MODE_EXHAUSTIVE:
        APR_BRIGADE_CONCAT(bb, in->stash);
        return APR_SUCCESS;
    default:
        return stash_take(in, bb, readbytes);
    }
}

/*
 * Where a connection stays with its worker nothing will be held back any more: the readers need not
 * come by. To be called between requests: a request whose head is being read has taken over the
 * chain, and would be given one without HTTP_IN.
 */
static void step_aside(inbound_t *in)
{
    if (!child.lane->is_async && !in->async && !in->aside) {
        ap_remove_input_filter(in->filter);
        in->aside = 1;
    }
}

/*
 * Filters of one type stand in the order in which they came: one that comes back would be below
 * those that other modules have added to the connection since.
 */
static void put_on_top(ap_filter_t *f)
{
    ap_filter_t **link = &f->c->input_filters;

    while (*link != f) {
        link = &(*link)->next;
    }
    *link = f->next;
    f->next = f->c->input_filters;
    f->c->input_filters = f;
}

/*
 * It is to wait without a worker after all. Between requests: no filter of a request stands in the
 * chain.
 */
static void step_back(inbound_t *in)
{
    if (in->aside) {
        in->filter = ap_add_input_filter_handle(inbound_filter_rec, in, NULL, in->k->c);
        in->aside = 0;
        put_on_top(in->filter);
    }
}

/* As many as are known of. */
static apr_uint64_t bytes_of(const apr_bucket *e)
{
    return APR_BUCKET_IS_METADATA(e) || e->length == (apr_size_t)-1 ? 0 : e->length;
}

/* What came from below @a last, as somebody asked for it. */
static void count_passed(inbound_t *in, apr_bucket_brigade *bb, apr_bucket *last, int ends_if_none)
{
    mpm_hybrid_times_t *times = &in->k->times;
    apr_uint64_t bytes = 0;
    apr_bucket *e;

    for (e = APR_BUCKET_NEXT(last); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        bytes += bytes_of(e);
    }
    times->received += bytes;
    in->passed += bytes;
    if (bytes == 0 && ends_if_none) {
        times->input_ended = APR_EOF; /* how the core tells it the first time */
    }
}

/*
 * Whether the core's input filter keeps bytes back that were read from the socket. It reads more
 * than it is asked for, and a blocking reader leaves the rest there. Plain connections only:
 * elsewhere the filters between count in bytes of their own.
 */
static int held_below(const inbound_t *in, const network_t *net)
{
    return in->plain && net->received != in->passed;
}

static apr_status_t pass_on(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                            apr_read_type_e block, apr_off_t readbytes)
{
    inbound_t *in = f->ctx;
    apr_bucket *last = APR_BRIGADE_LAST(bb);
    apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, readbytes);

    if (rv == APR_SUCCESS && mode != AP_MODE_SPECULATIVE) {
        count_passed(in, bb, last, mode == AP_MODE_GETLINE && block == APR_BLOCK_READ);
    }
    else if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv)) {
        in->k->times.input_ended = rv;
    }
    return rv;
}

/*
 * mod_remoteip logs that its PROXY header has not come when a reader that would wait asks, and none
 * has. Nothing below waits any more: the bucket tells the end, or that time is up.
 */
static void let_remoteip_say(inbound_t *in, ap_input_mode_t mode, apr_off_t readbytes)
{
    ap_filter_t *above = NULL, *reqtimeout;
    const ap_filter_t *f;

    if (in->asked_below || in->bytes != 0 || in->k->network == NULL
        || !(in->late || in->k->network->eof) || ap_ssl_conn_is_ssl(in->k->c)) {
        return;
    }
    in->asked_below = 1;
    for (f = in->filter->next; f != NULL && strcmp(f->frec->name, "remoteip_input") != 0;
         f = f->next) {
    }
    if (f == NULL) {
        return;
    }
    /* it would wait by itself, on the socket */
    reqtimeout = reqtimeout_detach(in->filter, &above);
    (void)ap_get_brigade(in->filter->next, in->fresh, mode, APR_BLOCK_READ, readbytes);
    apr_brigade_cleanup(in->fresh);
    reqtimeout_attach(reqtimeout, above);
}

static apr_status_t inbound_filter(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                                   apr_read_type_e block, apr_off_t readbytes)
{
    inbound_t *in = f->ctx;
    network_t *net = in->k->network;

    if (mode == AP_MODE_INIT) {
        apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, readbytes);

        if (in->late && in->k->c->aborted) {
            /* the handshake was late, says mod_ssl: there is no request to complain of */
            in->ended = APR_ECONNABORTED;
        }
        return rv;
    }
    if (!APR_BRIGADE_EMPTY(in->stash)) {
        apr_status_t rv = from_stash(in, bb, mode, readbytes);

        if (mode != AP_MODE_SPECULATIVE) {
            count_asked(in, bb);
        }
        drop_empty(in);
        return rv;
    }
    if (in->ended != APR_SUCCESS) {
        let_remoteip_say(in, mode, readbytes);
        return tell_end(in);
    }
    /* The core looks for a pipelined request after each response. */
    if (mode == AP_MODE_SPECULATIVE && block == APR_NONBLOCK_READ) {
        step_aside(in);
        /* Socket and core have no more: what has come since then, epoll will tell. */
        if (in->plain && net != NULL && net->dry && !net->eof && !held_below(in, net)) {
            return APR_EAGAIN;
        }
    }
    return pass_on(f, bb, mode, block, readbytes);
}

/* ---- advancing --------------------------------------------------------- */

/* Keep the bytes of @a e beyond this call: filters below may lend us their buffers. */
static apr_status_t keep(apr_bucket *e, const char *data, apr_size_t len)
{
    char *copy;

    if (APR_BUCKET_IS_HEAP(e) || APR_BUCKET_IS_IMMORTAL(e)) {
        return APR_SUCCESS;
    }
    copy = malloc(len);
    if (copy == NULL) {
        return APR_ENOMEM;
    }
    memcpy(copy, data, len);
    e->type->destroy(e->data);
    apr_bucket_heap_make(e, copy, len, free);
    return APR_SUCCESS;
}

/* Copy the bytes of the stash from @a offset on. */
static void copy_from_stash(const inbound_t *in, apr_uint64_t offset, char *to, apr_size_t size)
{
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(in->stash); e != APR_BRIGADE_SENTINEL(in->stash) && size > 0;
         e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_METADATA(e)
            || apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS) {
            continue;
        }
        if (len <= offset) {
            offset -= len;
            continue;
        }
        len -= (apr_size_t)offset;
        len = len < size ? len : size;
        memcpy(to, data + offset, len);
        to += len;
        size -= len;
        offset = 0;
    }
}

/* The server whose MPMBodyBuffer counts. */
static const server_rec *server_in_charge(const inbound_t *in)
{
    conn_rec *c = in->k->c;
    char host[256];

    if (!server_hosts_differ() || in->scan.host_len == 0 || in->scan.host_len >= sizeof(host)) {
        return c->base_server;
    }
    memset(host, 0, sizeof(host));
    copy_from_stash(in, in->scan.host_off, host, in->scan.host_len);
    return server_of_host(c, host);
}

/* A complete head: is there a body to wait for? */
static inbound_e head_complete(inbound_t *in)
{
    apr_off_t limit = server_body_buffer(server_in_charge(in));
    head_body_e kind = head_scan_body(&in->scan);

    if (limit == 0 || (kind != HEAD_BODY_LENGTH && kind != HEAD_BODY_CHUNKED)) {
        return INBOUND_READY;
    }
    if (kind == HEAD_BODY_LENGTH && in->scan.content_length > limit) {
        return INBOUND_READY;
    }
    in->stage = STAGE_BODY;
    reqtimeout_begin(&in->budget, in->k->c->base_server, child_now());
    if (kind == HEAD_BODY_LENGTH) {
        body_scan_init_length(&in->body, (uint64_t)in->scan.content_length, (uint64_t)limit);
    }
    else {
        body_scan_init_chunked(&in->body, (uint64_t)limit, in->limits.strict);
    }
    return INBOUND_WAIT;
}

/*
 * When the request line is whole, empty lines before it apart: httpd takes that for the time of a
 * request.
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

/* Look at the next bytes of the request, once. */
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
        return INBOUND_READY; /* an error or the end: httpd knows what to do */
    }
    if (apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS
        || keep(e, data, len) != APR_SUCCESS) {
        return INBOUND_READY;
    }
    if (len == 0) {
        return INBOUND_WAIT;
    }
    apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ);
    if (in->handshake) {
        in->handshake = 0;
        in->k->times.handshake_done_us = in->now;
    }
    return scan_bytes(in, data, len);
}

/* What the last request left in the stash is the beginning of the next. */
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

/* A client that sends byte by byte would cost a bucket for each: put small ones together. */
static void merge_last(inbound_t *in)
{
    apr_bucket *last = APR_BRIGADE_LAST(in->stash), *before;
    const char *a, *b;
    apr_size_t a_len, b_len;
    char *both;

    if (APR_BRIGADE_EMPTY(in->stash) || last == APR_BRIGADE_FIRST(in->stash)) {
        return;
    }
    before = APR_BUCKET_PREV(last);
    if (!APR_BUCKET_IS_HEAP(last) || !APR_BUCKET_IS_HEAP(before)
        || last->length + before->length > MERGE_MAX
        || apr_bucket_read(before, &a, &a_len, APR_NONBLOCK_READ) != APR_SUCCESS
        || apr_bucket_read(last, &b, &b_len, APR_NONBLOCK_READ) != APR_SUCCESS) {
        return;
    }
    both = malloc(a_len + b_len);
    if (both == NULL) {
        return;
    }
    memcpy(both, a, a_len);
    memcpy(both + a_len, b, b_len);
    before->type->destroy(before->data);
    apr_bucket_heap_make(before, both, a_len + b_len, free);
    apr_bucket_delete(last);
}

/* Scan what a read has brought and add it to the stash. */
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
            const char *data;
            apr_size_t len;

            if (apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) == APR_SUCCESS) {
                (void)keep(e, data, len);
            }
        }
        in->k->times.received += bytes_of(e);
        note_read_ahead(in, (apr_off_t)bytes_of(e));
        if (!APR_BUCKET_IS_METADATA(e) && e->length == 0) {
            apr_bucket_delete(e); /* nothing may begin with an empty bucket */
        }
        else {
            merge_last(in);
        }
    }
    return verdict;
}

/* The protocol was settled in the handshake (ALPN), or a module has switched it: no heads. */
int inbound_has_heads(const conn_t *k)
{
    const char *protocol = ap_get_protocol(k->c);

    return protocol == NULL || strncmp(protocol, "http/1.", 7) == 0;
}

/* Read with the filters that are in the chain now. */
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

/* Whether the handshake is over. mod_ssl would go on with it, but finds nothing to read. */
static int handshake_is_over(inbound_t *in)
{
    apr_status_t rv = ap_get_brigade(in->filter->next, in->fresh, AP_MODE_INIT, APR_NONBLOCK_READ,
                                     0);

    apr_brigade_cleanup(in->fresh);
    return rv == APR_SUCCESS;
}

/*
 * Only the handshake's budget is mod_reqtimeout's filter's to keep: it learns that a head begins,
 * or a body, when a worker reads it, and until then goes by what came before. So it stands aside.
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
 * A head that is not there yet. mod_reqtimeout counts its time from the moment a worker begins to
 * read it, which is not before it is complete, so its budget is kept here. As there, what extends
 * it are bytes of the socket, which over TLS are more than those of the head.
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

/* A prefork child has one thread, and its connections are not the park's. */
static int is_mine(const conn_t *k)
{
    return !child.lane->is_threaded || park_is_mine(k);
}

inbound_e inbound_advance(conn_t *k)
{
    inbound_t *in = k->inbound;
    network_t *net = k->network;
    inbound_e verdict = INBOUND_WAIT;

    MUST_HOLD(is_mine(k) && !k->parked);
    if (in->ended != APR_SUCCESS || !inbound_has_heads(k)) {
        return INBOUND_READY;
    }
    in->async = 1;
    in->now = child_now();
    step_back(in);
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

    MUST_HOLD(is_mine(k) && !k->parked);
    if (net == NULL || !in->handshake) {
        return INBOUND_WAIT;
    }
    dry = net->dry;
    net->advancing = 1;
    net->dry = 1; /* no system call: epoll tells when there is something */
    verdict = read_on(in);
    net->advancing = 0;
    net->dry = dry;
    return verdict;
}

void inbound_give_up(conn_t *k, apr_status_t why)
{
    inbound_t *in = k->inbound;

    MUST_HOLD(is_mine(k) && !k->parked);
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
        in->k->times.handshake_done_us = child_now();
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
    left = in->budget.until - child_now();
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

int inbound_ended(const conn_t *k)
{
    return k->inbound->ended != APR_SUCCESS;
}

int inbound_begun(const conn_t *k)
{
    return k->inbound->bytes != 0;
}

apr_size_t inbound_held(const conn_t *k)
{
    return k->inbound != NULL ? (apr_size_t)k->inbound->bytes : 0;
}

int inbound_drained(const conn_t *k)
{
    const network_t *net = k->network;

    return k->inbound != NULL && net != NULL && net->dry && !net->eof && inbound_has_heads(k)
        && !held_below(k->inbound, net);
}

int inbound_buffered(const conn_t *k)
{
    const network_t *net = k->network;

    return !APR_BRIGADE_EMPTY(k->inbound->stash) || (net != NULL && held_below(k->inbound, net));
}

int inbound_leaves_it(const conn_t *k)
{
    return k->inbound == NULL || k->inbound->aside;
}

int inbound_is_plain(conn_rec *c)
{
    const conn_t *k = conn_of(c);
    const ap_filter_t *f = c->input_filters;

    return nothing_kept_below(k != NULL && k->inbound != NULL && f == k->inbound->filter ? f->next
                                                                                         : f);
}

/*
 * Into the stash with what the core's filter has read and nobody has asked for; the socket is not
 * read. Zero on an error.
 */
static int take_what_is_kept(inbound_t *in)
{
    network_t *net = in->k->network;
    apr_status_t rv;
    unsigned dry;

    if (net == NULL) {
        return 1;
    }
    dry = net->dry;
    net->advancing = net->dry = 1;
    while ((rv = ap_get_brigade(in->filter->next, in->fresh, AP_MODE_READBYTES, APR_NONBLOCK_READ,
                                NETWORK_READ_SIZE))
               == APR_SUCCESS
           && !APR_BRIGADE_EMPTY(in->fresh)) {
        apr_off_t bytes = 0;

        (void)apr_brigade_length(in->fresh, 0, &bytes);
        note_read_ahead(in, bytes);
        APR_BRIGADE_CONCAT(in->stash, in->fresh);
    }
    net->advancing = 0;
    net->dry = dry;
    return rv == APR_SUCCESS || APR_STATUS_IS_EAGAIN(rv);
}

int inbound_pack(conn_t *k, struct handover_t *what, char **bytes)
{
    inbound_t *in = k->inbound;
    apr_off_t have = 0;
    apr_size_t len;

    /* Out of the chain: then its worker waits for the socket, because nothing is kept anywhere. */
    if (in->ended != APR_SUCCESS || !(in->aside || take_what_is_kept(in))
        || apr_brigade_length(in->stash, 0, &have) != APR_SUCCESS || have < 0
        || have > HANDOVER_BYTES_MAX) {
        return 0;
    }
    if (have > 0) {
        len = (apr_size_t)have;
        *bytes = apr_palloc(k->c->pool, len);
        if (apr_brigade_flatten(in->stash, *bytes, &len) != APR_SUCCESS
            || len != (apr_size_t)have) {
            return 0;
        }
        what->bytes = (uint32_t)len;
        what->first_us = k->times.first_byte_us;
    }
    if (in->head_budget && in->stage == STAGE_HEAD) {
        what->budget_until = in->budget.until;
        what->budget_max_until = in->budget.max_until;
        what->budget_rate = in->budget.min_rate;
    }
    return 1;
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
    inbound_filter_rec = ap_register_input_filter(FILTER_NAME, inbound_filter, NULL,
                                                  AP_FTYPE_CONNECTION);
}
