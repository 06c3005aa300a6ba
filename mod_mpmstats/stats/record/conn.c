/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each connection has two filters. The input filter, right above mod_ssl, counts bytes and records
 * how reading ended; it is omitted where mpm_hybrid, which sees all input, does that. The output
 * filter reads the clock before and after it passes a response on: the difference is the time of
 * writing. It skips that if nothing can be written.
 */
#include "stats/record/conn.h"

#include <string.h>
#include <unistd.h>

#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"
#include "http_ssl.h"
#include "util_filter.h"

#include "stats/config.h"
#include "stats/facts.h"
#include "stats/hybrid.h"
#include "stats/mpm_answer.h"
#include "stats/record/extended.h"
#include "stats/record/record.h"
#include "stats/record/request.h"
#include "stats/record/score.h"
#include "stats/record/streams.h"

/* mpm_hybrid relies on this name (inbound.c): the filter buffers nothing. */
#define IN_NAME "MPMSTATS_IN"
#define OUT_NAME "MPMSTATS_OUT"

/* mod_ssl's filters are AP_FTYPE_CONNECTION + 5, mod_reqtimeout's are below them. */
#define IN_TYPE (AP_FTYPE_CONNECTION + 4)
#define OUT_TYPE AP_FTYPE_CONNECTION

/* Written in record_conn_register() only. */
static ap_filter_rec_t *in_rec, *out_rec;

static segment_server_rec_t *server_record(void)
{
    return record.segment->server;
}

/* ---- TLS ----------------------------------------------------------------------- */

static const char *tls_variable(record_conn_t *conn, const char *name)
{
    const char *value = ap_ssl_var_lookup(conn->c->pool, conn->c->base_server, conn->c, NULL,
                                          (char *)name);

    return value != NULL ? value : "";
}

/* Counts the handshake as full, resumed or failed. */
static __attribute__((cold, noinline)) void tls_count(record_conn_t *conn)
{
    segment_server_rec_t *server = server_record();

    conn->tls_counted = true;
    if (tls_variable(conn, "SSL_CIPHER")[0] == '\0') {
        segment_add(&server->tls_failed, 1);
        conn->tls_timed = true;
        conn->tls_broken = true;
        return;
    }
    segment_add(strcmp(tls_variable(conn, "SSL_SESSION_RESUMED"), "Resumed") == 0
                    ? &server->tls_resumed
                    : &server->tls_full,
                1);
}

static void tls_time(record_conn_t *conn)
{
    const mpm_hybrid_times_t *times = conn->times;

    if (conn->tls_timed || !conn->tls_counted) {
        return;
    }
    conn->tls_timed = true;
    if (times != NULL && times->handshake_begin_us != 0
        && times->handshake_done_us >= times->handshake_begin_us) {
        histogram_record(&server_record()->tls_handshake,
                         (uint64_t)(times->handshake_done_us - times->handshake_begin_us));
    }
}

void record_conn_first_request(record_conn_t *conn)
{
    tls_time(conn);
}

/* mod_http2 writes a request into the scoreboard before it reads or writes: then it is cut. */
static inline void cut_query(const record_conn_t *conn)
{
    if (__builtin_expect(config_global.queries_cut, 0) && !conn->secondary && record.extended) {
        record_score_cut_stream(conn->c);
    }
}

/* ---- filters ------------------------------------------------------------------- */

static uint64_t bytes_after(apr_bucket_brigade *brigade, apr_bucket *bucket)
{
    uint64_t bytes = 0;

    for (; bucket != APR_BRIGADE_SENTINEL(brigade); bucket = APR_BUCKET_NEXT(bucket)) {
        if (!APR_BUCKET_IS_METADATA(bucket) && bucket->length != (apr_size_t)-1) {
            bytes += bucket->length;
        }
    }
    return bytes;
}

void record_conn_input_ended(record_conn_t *conn, apr_status_t rv)
{
    if (APR_STATUS_IS_EOF(rv)) {
        conn->ended = true;
    }
    else if (APR_STATUS_IS_TIMEUP(rv)) {
        conn->timed_out = true;
        conn->body_timed_out = conn->body_timed_out || conn->current != NULL;
    }
    else if (!APR_STATUS_IS_EAGAIN(rv)) {
        conn->broken = true;
    }
}

static __attribute__((hot)) apr_status_t filter_in(ap_filter_t *f, apr_bucket_brigade *brigade,
                                                   ap_input_mode_t mode, apr_read_type_e block,
                                                   apr_off_t bytes)
{
    record_conn_t *conn = f->ctx;
    apr_bucket *last = APR_BRIGADE_LAST(brigade);
    apr_status_t rv;
    uint64_t got;

    cut_query(conn);
    rv = ap_get_brigade(f->next, brigade, mode, block, bytes);
    if (rv != APR_SUCCESS) {
        record_conn_input_ended(conn, rv);
        return rv;
    }
    if (mode == AP_MODE_SPECULATIVE || mode == AP_MODE_INIT) {
        return rv;
    }
    if (conn->bytes_in == 0 && conn->tls && !conn->tls_counted && !APR_BRIGADE_EMPTY(brigade)) {
        tls_count(conn);
    }
    got = bytes_after(brigade, APR_BUCKET_NEXT(last));
    if (got == 0 && mode == AP_MODE_GETLINE && block == APR_BLOCK_READ) {
        conn->ended = true; /* how the core first reports the end of input */
    }
    conn->bytes_in += got;
    return rv;
}

/* The contents of a brigade that is passed on. */
typedef struct {
    uint64_t bytes;
    bool kept;       /* nothing in it makes a filter below write at once */
    bool unmeasured; /* has buckets of unknown length */
    bool ends;       /* has the end of the response */
} pass_t;

static inline pass_t look_at(apr_bucket_brigade *brigade)
{
    pass_t pass = { 0, true, false, false };

    for (apr_bucket *e = APR_BRIGADE_FIRST(brigade); e != APR_BRIGADE_SENTINEL(brigade);
         e = APR_BUCKET_NEXT(e)) {
        if (APR_BUCKET_IS_METADATA(e)) {
            pass.kept = false;
            pass.ends = pass.ends || APR_BUCKET_IS_EOS(e);
        }
        else if (e->length == (apr_size_t)-1) {
            pass.kept = false;
            pass.unmeasured = true;
        }
        else {
            pass.bytes += e->length;
            pass.kept = pass.kept && !APR_BUCKET_IS_FILE(e);
        }
    }
    return pass;
}

/* Bytes that the core's output filter still buffers. */
#define KEPT_MOST 4000

/*
 * Whether passing the brigade on writes nothing, so the clock is not read: the first bytes of a
 * response (its head), if they are few and nothing is pending, because the core's filter buffers
 * them; and an end without data after all data was passed on. mod_ssl and mod_http2 have buffers of
 * their own.
 */
static inline bool writes_nothing(const record_conn_t *conn, const record_request_t *request,
                                  const pass_t *pass)
{
    if (conn->tls || conn->secondary || conn->c->data_in_output_filters) {
        return false;
    }
    if (request->written != 0) {
        return pass->bytes == 0 && !pass->unmeasured;
    }
    return pass->kept && request->bytes_out == pass->bytes && pass->bytes <= KEPT_MOST;
}

/* Passes a piece on after which the handler continues. */
static __attribute__((noinline)) apr_status_t pass_middle(ap_filter_t *f,
                                                          apr_bucket_brigade *brigade,
                                                          record_request_t *request, bool writes)
{
    record_conn_t *conn = f->ctx;
    apr_status_t rv;

    conn->pass_begin = writes ? record_clock() : 0;
    rv = ap_pass_brigade(f->next, brigade);
    if (conn->current == request && (writes || request->written != 0)) {
        request->written = record_clock();
        request->writing += writes ? request->written - conn->pass_begin : 0;
    }
    conn->pass_begin = 0;
    return rv;
}

/*
 * After the last piece only writing is left, so all time until the request is logged counts as
 * writing, and the clock is not read again.
 */
static __attribute__((hot, noinline)) apr_status_t pass_piece(ap_filter_t *f,
                                                              apr_bucket_brigade *brigade,
                                                              record_request_t *request)
{
    record_conn_t *conn = f->ctx;
    pass_t pass = look_at(brigade);
    bool writes;

    request->bytes_out += pass.bytes;
    if (__builtin_expect(request->may_tunnel != NULL, 0)) {
        record_request_answers(request);
    }
    writes = !writes_nothing(conn, request, &pass);
    if (!pass.ends && (writes || request->written != 0)) {
        return pass_middle(f, brigade, request, writes);
    }
    if (pass.ends) {
        request->ended = true;
        request->late = conn->c->aborted != 0;
        request->written = writes ? record_clock() : 0;
    }
    return ap_pass_brigade(f->next, brigade);
}

/* httpd passes the end of a request (EOR) on as the first of a brigade of its own. */
static inline bool ends_request(const apr_bucket_brigade *brigade)
{
    return !APR_BRIGADE_EMPTY(brigade) && AP_BUCKET_IS_EOR(APR_BRIGADE_FIRST(brigade));
}

static __attribute__((hot)) apr_status_t filter_out(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    record_conn_t *conn = f->ctx;
    record_request_t *request = conn->current;

    if (request == NULL) {
        cut_query(conn);
        if (conn->h2) {
            record_request_note_carrier(conn); /* it may have another worker than before */
        }
    }
    else if (request->runs && ends_request(brigade)) {
        record_streams_end(request);
    }
    return request == NULL || request->ended ? ap_pass_brigade(f->next, brigade)
                                             : pass_piece(f, brigade, request);
}

/* ---- what is written ------------------------------------------------------------ */

/*
 * The writers to a client's socket (the core's output filter, mpm_hybrid's direct output) report
 * the bytes to an optional function of mod_logio. This module's function replaces and calls it: so
 * only bytes that were written are counted.
 */
static APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_out) * logio;

/*
 * mod_http2 reports the frame that resets a stream to the stream's connection, also before the
 * stream's thread has prepared that: mod_logio has no place to count on it yet, and would crash.
 * record_conn_pre_connection() comes after mod_logio's.
 */
static void bytes_written(conn_rec *c, apr_off_t bytes)
{
    record_conn_t *conn = record_conn_of(c);

    if (logio != NULL && (conn != NULL || c->master == NULL)) {
        logio(c, bytes);
    }
    if (conn == NULL || record.segment == NULL || bytes <= 0) {
        return;
    }
    if (!conn->secondary) {
        segment_add(&record.segment
                         ->vhost[atomic_load_explicit(&conn->sent_row, memory_order_relaxed)]
                         .sent,
                    (uint64_t)bytes);
    }
}

/* Before post_config, where the core retrieves the function. */
int record_conn_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    logio = APR_RETRIEVE_OPTIONAL_FN(ap_logio_add_bytes_out);
    if (logio == bytes_written) {
        logio = NULL;
    }
    apr_dynamic_fn_register("ap_logio_add_bytes_out", (apr_opt_fn_t *)bytes_written);
    return OK;
}

void record_conn_register(void)
{
    in_rec = ap_register_input_filter(IN_NAME, filter_in, NULL, IN_TYPE);
    out_rec = ap_register_output_filter(OUT_NAME, filter_out, NULL, OUT_TYPE);
}

/* ---- the end --------------------------------------------------------------------- */

/* Whether the connection had no request in progress when it ended. */
static bool was_idle(const record_conn_t *conn)
{
    if (conn->h2) {
        /* Frames outside of requests arrive at any time, so bytes_in says nothing. */
        return atomic_load_explicit(&conn->streams, memory_order_relaxed) == 0
            && !atomic_load_explicit(&conn->stream_cut, memory_order_relaxed);
    }
    return conn->current == NULL && !conn->cut_short && conn->bytes_in == conn->bytes_done;
}

/* A stock MPM does not report the reason: derives it from the result of reading. */
static mpm_hybrid_end_e judge_end(const record_conn_t *conn)
{
    bool idle = was_idle(conn);

    if (conn->timed_out) {
        return idle && (conn->requests > 0 || conn->h2) ? MPM_HYBRID_END_KEEPALIVE_TIMEOUT
                                                        : MPM_HYBRID_END_HEAD_TIMEOUT;
    }
    if (!idle) {
        return MPM_HYBRID_END_ERROR;
    }
    if (conn->said_close) {
        return MPM_HYBRID_END_SERVER;
    }
    if (conn->ended || conn->broken || conn->c->aborted) {
        return MPM_HYBRID_END_CLIENT;
    }
    if (mpm_answer_is_stopping()) {
        return MPM_HYBRID_END_STOPPING;
    }
    return conn->requests > 0 || conn->h2 ? MPM_HYBRID_END_KEEPALIVE_TIMEOUT
                                          : MPM_HYBRID_END_HEAD_TIMEOUT;
}

static mpm_hybrid_end_e told_or_judged(const record_conn_t *conn)
{
    mpm_hybrid_end_e end = hybrid_end(conn->c);

    if (conn->tls_broken && end != MPM_HYBRID_END_HEAD_TIMEOUT && end != MPM_HYBRID_END_SHED
        && end != MPM_HYBRID_END_STOPPING && !conn->timed_out) {
        return MPM_HYBRID_END_ERROR;
    }
    if (conn->h2 && end == MPM_HYBRID_END_ERROR && was_idle(conn)) {
        /* mpm_hybrid took a frame for the beginning of a request. */
        end = MPM_HYBRID_END_UNKNOWN;
    }
    /* mpm_hybrid also reports SERVER if the connection ended while a worker was reading. */
    if (end == MPM_HYBRID_END_UNKNOWN || (end == MPM_HYBRID_END_SERVER && !conn->said_close)) {
        return judge_end(conn);
    }
    return end == MPM_HYBRID_END_CLIENT && !was_idle(conn) ? MPM_HYBRID_END_ERROR : end;
}

/*
 * A stopping process shuts down its sockets while workers write: to them this looks like a client
 * that has closed.
 */
static mpm_hybrid_end_e why(const record_conn_t *conn)
{
    mpm_hybrid_end_e end = told_or_judged(conn);

    return end == MPM_HYBRID_END_ERROR && mpm_answer_is_stopping() ? MPM_HYBRID_END_STOPPING : end;
}

static _Atomic uint64_t *counter_of_end(const record_conn_t *conn)
{
    segment_server_rec_t *server = server_record();
    mpm_hybrid_end_e end = why(conn);

    if (end == MPM_HYBRID_END_BODY_TIMEOUT
        || (conn->body_timed_out && end != MPM_HYBRID_END_SHED && end != MPM_HYBRID_END_STOPPING)) {
        return &server->closed_body_timeout;
    }
    switch (end) {
    case MPM_HYBRID_END_CLIENT:
        return &server->closed_client;
    case MPM_HYBRID_END_SERVER:
        return conn->limit_reached ? &server->closed_keepalive_limit : &server->closed_server;
    case MPM_HYBRID_END_KEEPALIVE_TIMEOUT:
        return &server->closed_keepalive_timeout;
    case MPM_HYBRID_END_HEAD_TIMEOUT:
        return &server->closed_head_timeout;
    case MPM_HYBRID_END_SHED:
        return &server->closed_shed;
    case MPM_HYBRID_END_STOPPING:
        return &server->closed_stopping;
    default:
        return &server->closed_error;
    }
}

/*
 * A process with one worker has no request in flight when its connection ends. A request that is
 * still counted ran in a process that a module forked for the connection (mpm_itk), which ended
 * before it was logged.
 */
static void settle_process(void)
{
    if (!record.threaded && segment_get(&record.self.record->requests_in_flight) != 0
        && segment_get(&record.self.record->pid) == (uint64_t)getpid()) {
        segment_process_settle(record.segment, &record.self);
    }
}

static apr_status_t closed(void *data)
{
    record_conn_t *conn = data;
    config_server_t *config;

    if (record.segment == NULL) {
        return APR_SUCCESS; /* the process ends; the configuration pool is already cleared */
    }
    record_conn_look_at_input(conn);
    segment_add(counter_of_end(conn), 1);
    if (conn->requests > 0) {
        histogram_record(&server_record()->connection_requests, conn->requests);
    }
    if (conn->bytes_in > conn->bytes_in_told) {
        /* Bytes outside of requests: a partial head, or an HTTP/2 session. */
        config = config_of_server(conn->c->base_server);
        segment_add(&record.segment->vhost[config->row].bytes_in,
                    conn->bytes_in - conn->bytes_in_told);
    }
    if (record.scores) {
        record_score_closed(conn->c);
    }
    record_extended_closed(conn);
    if (record.self.record != NULL) {
        segment_down(&record.self.record->connections);
        settle_process();
    }
    return APR_SUCCESS;
}

int record_conn_pre_close(conn_rec *c)
{
    record_conn_t *conn = record_conn_of(c);

    if (conn != NULL && !conn->secondary) {
        const char *protocol = ap_get_protocol(c);

        conn->h2 = conn->h2 || (protocol != NULL && protocol[0] == 'h' && protocol[1] == '2');
    }
    if (record.scores && hybrid_present()) {
        /* The worker goes on at once. */
        record_score_closed(c);
    }
    if (conn == NULL || !conn->tls || conn->tls_timed) {
        return OK;
    }
    if (!conn->tls_counted && conn->times != NULL && conn->times->handshake_begin_us == 0) {
        return OK; /* no byte was received */
    }
    if (!conn->tls_counted) {
        tls_count(conn);
    }
    tls_time(conn);
    return OK;
}

/* ---- the beginning ----------------------------------------------------------------- */

static void count_in(record_conn_t *conn)
{
    segment_process_rec_t *process = record.self.record;

    segment_add(&server_record()->connections_accepted, 1);
    if (process != NULL) {
        segment_add(&process->connections_accepted, 1);
        segment_add(&process->connections, 1);
    }
    conn->read_by_hybrid = !conn->tls && conn->times != NULL && conn->times->counts_input;
    if (!conn->read_by_hybrid) {
        ap_add_input_filter_handle(in_rec, conn, NULL, conn->c);
    }
    apr_pool_cleanup_register(conn->c->pool, conn, closed, apr_pool_cleanup_null);
}

int record_conn_pre_connection(conn_rec *c, void *csd)
{
    record_conn_t *conn;

    (void)csd;
    if (record.segment == NULL || c->outgoing) {
        return OK;
    }
    conn = apr_pcalloc(c->pool, sizeof(*conn));
    conn->c = c;
    conn->secondary = c->master != NULL;
    conn->sent_row = config_of_server(c->base_server)->row;
    ap_set_module_config(c->conn_config, &mpmstats_module, conn);
    ap_add_output_filter_handle(out_rec, conn, NULL, c);
    if (!conn->secondary) {
        conn->times = hybrid_times(c);
        conn->tls = ap_ssl_conn_is_ssl(c);
        count_in(conn);
    }
    else if (record_conn_of(c->master) != NULL) {
        record_extended_carries(record_conn_of(c->master));
    }
    return OK;
}

/* mod_http2 answers for a TLS connection from its first text on; others are known by their streams. */
static void look_at_protocol(record_conn_t *conn)
{
    const char *protocol = ap_get_protocol(conn->c);

    conn->protocol_known = true;
    if (protocol != NULL && protocol[0] == 'h' && protocol[1] == '2') {
        record_extended_carries(conn);
    }
}

int record_conn_turn(conn_rec *c)
{
    const record_conn_t *conn = record_conn_of(c);

    if (conn != NULL && !conn->secondary) {
        record_request_note_turn(conn);
    }
    return DECLINED;
}

int record_conn_process(conn_rec *c)
{
    record_conn_t *conn = record_conn_of(c);

    if (!record.scores || conn == NULL || conn->secondary) {
        return DECLINED;
    }
    if (conn->tls && !conn->protocol_known) {
        look_at_protocol(conn);
    }
    /* Where mpm_hybrid has read the head, the request is written at once. */
    if ((conn->times == NULL || conn->times->first_byte_us == 0)
        && !atomic_load_explicit(&conn->extended, memory_order_relaxed)) {
        record_score_conn(conn);
    }
    return DECLINED;
}
