/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/inbound_filter.h"

#include <stdbool.h>
#include <string.h>

#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"
#include "http_ssl.h"

#include "mpm/conn/stash.h"
#include "mpm/module.h"
#include "mpm/process/child.h"

#define FILTER_NAME "HYBRID_INBOUND"
#define SENT_FILTER_NAME "HYBRID_FRAMES_SENT"

static ap_filter_rec_t *filter_rec, *sent_filter_rec;

/* Set in inbound_filter_child_init, constant afterwards; NULL without mod_logio. */
static APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_in) * count_bytes;

/* What mod_reqtimeout does when its filter finds the budget spent. */
static void say_overdue(inbound_t *in)
{
    conn_rec *c = in->k->c;

    in->overdue = 0;
    reqtimeout_say(c, in->overdue_body ? "body" : "header");
    apr_table_setn(c->notes, "short-lingering-close", "1");
    c->keepalive = AP_CONN_CLOSE;
}

/* The status readers get after the stash. */
static apr_status_t tell_end(inbound_t *in)
{
    if (in->overdue) {
        say_overdue(in);
    }
    return in->ended;
}

/*
 * mod_logio counts bytes as they pass its filter, so read-ahead bytes would all count for the
 * first request. Count them when a request consumes them instead.
 */
static bool is_counted(const inbound_t *in)
{
    return in->plain && count_bytes != NULL;
}

/* Bytes of the buckets after @a last. */
static apr_uint64_t bytes_behind(const apr_bucket *last, const apr_bucket_brigade *bb)
{
    const apr_bucket *e;
    apr_uint64_t bytes = 0;

    for (e = APR_BUCKET_NEXT(last); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        bytes += inbound_filter_bytes(e);
    }
    return bytes;
}

static void count_asked(const inbound_t *in, const apr_bucket_brigade *bb)
{
    if (is_counted(in)) {
        count_bytes(in->k->c, (apr_off_t)bytes_behind(APR_BRIGADE_SENTINEL(bb), bb));
    }
}

void inbound_filter_read_ahead(inbound_t *in, apr_off_t bytes)
{
    in->passed += (apr_uint64_t)bytes;
    if (is_counted(in)) {
        count_bytes(in->k->c, -bytes); /* count_asked() counts them */
    }
}

/* Dropped line ends before a request count as read. */
static apr_status_t eat_crlf(inbound_t *in)
{
    apr_size_t dropped = 0;
    apr_status_t rv = stash_eat_crlf(in->stash, &dropped);

    if (is_counted(in) && dropped > 0) {
        count_bytes(in->k->c, (apr_off_t)dropped);
    }
    return rv;
}

/* Serve a reader from the stash. */
static apr_status_t read_stash(inbound_t *in, apr_bucket_brigade *bb, ap_input_mode_t mode,
                               apr_off_t readbytes)
{
    apr_status_t rv;

    /* A reader that waits for a line gets no part of one that timed out incomplete. */
    if (mode == AP_MODE_GETLINE && in->late && !stash_has_line(in->stash)) {
        count_asked(in, in->stash);
        apr_brigade_cleanup(in->stash);
        return tell_end(in);
    }
    if (mode == AP_MODE_EATCRLF) {
        return eat_crlf(in);
    }
    rv = stash_read(in->stash, bb, mode, readbytes);
    if (mode != AP_MODE_SPECULATIVE) {
        count_asked(in, bb);
    }
    return rv;
}

/*
 * A worker that keeps its connection reads nothing ahead, so the filter would only cost time.
 * Call between requests: a request whose head is being read has copied the chain, and would lose
 * HTTP_IN.
 */
static void step_aside(inbound_t *in)
{
    if (!child.lane->is_async && !in->async && !in->aside) {
        ap_remove_input_filter(in->filter);
        in->aside = 1;
    }
}

/*
 * Filters of one type stand in the order of insertion: reinserted, ours would be below those
 * that other modules have added since.
 */
static void put_on_top(ap_filter_t **chain, ap_filter_t *f)
{
    ap_filter_t **link = chain;

    while (*link != f) {
        link = &(*link)->next;
    }
    *link = f->next;
    f->next = *chain;
    *chain = f;
}

void inbound_filter_add(inbound_t *in)
{
    in->filter = ap_add_input_filter_handle(filter_rec, in, NULL, in->k->c);
}

void inbound_filter_step_back(inbound_t *in)
{
    if (in->aside) {
        inbound_filter_add(in);
        in->aside = 0;
        put_on_top(&in->k->c->input_filters, in->filter);
    }
}

/* Count the bytes after @a last, which a reader got from below. */
static void count_passed(inbound_t *in, const apr_bucket_brigade *bb, const apr_bucket *last,
                         bool ends_if_none)
{
    mpm_hybrid_times_t *times = &in->k->times;
    apr_uint64_t bytes = bytes_behind(last, bb);

    times->received += bytes;
    in->passed += bytes;
    if (bytes == 0 && ends_if_none) {
        times->input_ended = APR_EOF; /* the core's first sign of it: success without bytes */
    }
}

bool inbound_filter_held_below(const inbound_t *in, const network_t *net)
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
 * mod_remoteip logs a missing PROXY header only in a blocking read, so issue one. It does not
 * wait: the bucket returns the end of input or APR_TIMEUP at once.
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
    /* mod_reqtimeout's filter would wait on the socket itself */
    reqtimeout = reqtimeout_detach(in->filter, &above);
    (void)ap_get_brigade(in->filter->next, in->fresh, mode, APR_BLOCK_READ, readbytes);
    apr_brigade_cleanup(in->fresh);
    reqtimeout_attach(reqtimeout, above);
}

static apr_status_t read_bytes(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                               apr_read_type_e block, apr_off_t readbytes)
{
    inbound_t *in = f->ctx;
    network_t *net = in->k->network;

    if (mode == AP_MODE_INIT) {
        apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, readbytes);

        if (in->late && in->k->c->aborted) {
            /* mod_ssl gave up the late handshake: there is no request to log */
            in->ended = APR_ECONNABORTED;
        }
        return rv;
    }
    if (!APR_BRIGADE_EMPTY(in->stash)) {
        return read_stash(in, bb, mode, readbytes);
    }
    if (in->ended != APR_SUCCESS) {
        let_remoteip_say(in, mode, readbytes);
        return tell_end(in);
    }
    /* The core looks for a pipelined request after each response. */
    if (mode == AP_MODE_SPECULATIVE && block == APR_NONBLOCK_READ) {
        step_aside(in);
        /* Socket and core are empty; epoll reports bytes that arrived since. */
        if (in->plain && net != NULL && net->dry && !net->eof
            && !inbound_filter_held_below(in, net)) {
            return APR_EAGAIN;
        }
    }
    return pass_on(f, bb, mode, block, readbytes);
}

/* ---- HTTP/2 ------------------------------------------------------------ */

/* Replace @a e by what is left of it once new streams are refused. */
static void leave_out(frames_t *frames, apr_bucket *e, const char *data, apr_size_t len)
{
    char *left = apr_bucket_alloc(len + FRAMES_ROOM, e->list);
    apr_size_t n = frames_feed(frames, data, len, (unsigned char *)left);

    if (n == 0) {
        apr_bucket_free(left);
    }
    else {
        APR_BUCKET_INSERT_BEFORE(e, apr_bucket_heap_create(left, n, apr_bucket_free, e->list));
    }
    apr_bucket_delete(e);
}

static apr_status_t scan_input(frames_t *frames, apr_bucket_brigade *bb)
{
    apr_bucket *e, *next;
    apr_status_t rv = APR_SUCCESS;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb) && rv == APR_SUCCESS; e = next) {
        const char *data = NULL;
        apr_size_t len = 0;

        rv = APR_BUCKET_IS_METADATA(e) ? APR_SUCCESS
                                       : apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ);
        next = APR_BUCKET_NEXT(e);
        if (rv != APR_SUCCESS || len == 0) {
            continue;
        }
        if (frames->refuses) {
            leave_out(frames, e, data, len);
        }
        else {
            (void)frames_feed(frames, data, len, NULL);
        }
    }
    return rv;
}

static bool speaks_http2(conn_rec *c)
{
    const char *protocol = ap_get_protocol(c);

    return protocol != NULL && (strcmp(protocol, "h2") == 0 || strcmp(protocol, "h2c") == 0);
}

/* mod_http2 reads in this way; its first read brings the preface, and it has written whole frames. */
static bool reads_frames(inbound_t *in, ap_input_mode_t mode, apr_read_type_e block)
{
    conn_rec *c = in->k->c;

    if (mode != AP_MODE_READBYTES) {
        return false;
    }
    if (in->frames == NULL && block == APR_NONBLOCK_READ && speaks_http2(c)) {
        in->frames = apr_palloc(c->pool, sizeof(*in->frames));
        frames_init(in->frames, in->k->r != NULL);
        put_on_top(&c->output_filters,
                   ap_add_output_filter_handle(sent_filter_rec, in->frames, NULL, c));
    }
    return in->frames != NULL;
}

static apr_status_t read_filter(ap_filter_t *f, apr_bucket_brigade *bb, ap_input_mode_t mode,
                                apr_read_type_e block, apr_off_t readbytes)
{
    inbound_t *in = f->ctx;
    apr_status_t rv;

    if (!reads_frames(in, mode, block)) {
        return read_bytes(f, bb, mode, block, readbytes);
    }
    do {
        if (frames_are_over(in->frames)) {
            in->k->end = MPM_HYBRID_END_STOPPING;
            return APR_EOF;
        }
        rv = read_bytes(f, bb, mode, block, readbytes);
        in->read_dry = rv != APR_SUCCESS || APR_BRIGADE_EMPTY(bb);
        if (in->read_dry) {
            return rv;
        }
        rv = scan_input(in->frames, bb);
    } while (rv == APR_SUCCESS && APR_BRIGADE_EMPTY(bb));
    return rv;
}

/* The server's frames pass: which streams are answered. Payloads, of files too, are not read. */
static apr_status_t sent_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    frames_t *frames = f->ctx;
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_METADATA(e)) {
            continue;
        }
        if (e->length <= frames_to_skip(frames)) {
            frames_skip(frames, e->length);
        }
        else if (apr_bucket_read(e, &data, &len, APR_BLOCK_READ) == APR_SUCCESS) {
            frames_sent(frames, data, len);
        }
    }
    return ap_pass_brigade(f->next, bb);
}

bool inbound_filter_refuse_streams(inbound_t *in)
{
    if (in->frames == NULL || in->frames->refuses) {
        return true;
    }
    return frames_refuse(in->frames) || !frames_are_amid_head(in->frames);
}

void inbound_filter_child_init(void)
{
    count_bytes = APR_RETRIEVE_OPTIONAL_FN(ap_logio_add_bytes_in);
}

void inbound_filter_register(void)
{
    filter_rec = ap_register_input_filter(FILTER_NAME, read_filter, NULL, AP_FTYPE_CONNECTION);
    sent_filter_rec = ap_register_output_filter(SENT_FILTER_NAME, sent_filter, NULL,
                                                AP_FTYPE_CONNECTION);
}
