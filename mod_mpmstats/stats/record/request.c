/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request is in flight from post_read_request, after its head is parsed, to log_transaction,
 * after its response is written. An invalid one (a malformed request line, a head that is too long)
 * has only the latter: it is counted, but never in flight.
 *
 *     first byte     head whole    dispatched                       logged
 *         |--- head ----|-- queue ----|-- handler -- write -- handler -- write --|
 *
 * Without mpm_hybrid the time before the head was read is unknown: the request begins there.
 */
#include "stats/record/request.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "apr_portable.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"

#include "stats/config.h"
#include "stats/hybrid.h"
#include "stats/mpm_answer.h"
#include "stats/record/record.h"
#include "stats/record/conn.h"
#include "stats/record/extended.h"
#include "stats/record/report.h"
#include "stats/record/sample.h"
#include "stats/record/score.h"
#include "stats/record/streams.h"

/* Waits in the kernel below (µs) are within its clock's accuracy, above (ms) implausible. */
#define KERNEL_TIME_LEAST 5000
#define KERNEL_TIME_MOST 600000

/* ---- the begin of a request -------------------------------------------------------- */

/* Microseconds after a full server's request ended in which a request may have waited for it. */
#define AFTERMATH 50000

/* When a request last ended while every worker was busy; written by any thread. */
static _Atomic int64_t last_full;

/*
 * Whether no thread was left to read new requests; @a full is the segment's answer for the process
 * or the server. A process with one worker reads only what it serves: there only the server as a
 * whole counts.
 */
static inline bool nobody_reads(bool full)
{
    const segment_server_rec_t *server = record.segment->server;

    return full
        && (record.threaded
            || segment_get(&server->requests_in_flight) + 1
                >= segment_get(&server->max_request_workers));
}

/*
 * While every worker is busy the head waits in the kernel, the connection possibly in the listen
 * queue. The kernel knows its arrival to the millisecond: adds this wait to the queue phase.
 */
static __attribute__((cold, noinline)) void add_time_in_kernel(record_request_t *request,
                                                               const record_conn_t *conn)
{
    apr_socket_t *socket = ap_get_conn_socket(conn->c);
    struct tcp_info info;
    socklen_t len = sizeof(info);
    apr_os_sock_t fd;
    int64_t waited;

    if (socket == NULL || apr_os_sock_get(&fd, socket) != APR_SUCCESS
        || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        return;
    }
    waited = request->begun + request->head
        - (record_clock() - (int64_t)info.tcpi_last_data_recv * 1000);
    if (waited >= KERNEL_TIME_LEAST && info.tcpi_last_data_recv < KERNEL_TIME_MOST) {
        request->queue += waited;
        request->begun -= waited;
    }
}

/* Takes the times from mpm_hybrid, which read the head without a worker. False: it has none. */
static inline bool take_times(record_request_t *request, record_conn_t *conn, bool full)
{
    const mpm_hybrid_times_t *times = conn->times;

    if (times == NULL || times->dispatched_us == conn->last_dispatch) {
        return false;
    }
    conn->last_dispatch = times->dispatched_us;
    if (times->first_byte_us == 0 || times->head_us < times->first_byte_us
        || times->dispatched_us < times->head_us) {
        return false;
    }
    request->begun = times->first_byte_us;
    request->head = times->head_us - times->first_byte_us;
    request->queue = times->dispatched_us - times->head_us;
    request->dispatched = times->dispatched_us;
    if (full
        || request->dispatched
            < atomic_load_explicit(&last_full, memory_order_relaxed) + AFTERMATH) {
        add_time_in_kernel(request, conn);
    }
    return true;
}

static __attribute__((noinline)) void take_time_of_reading(record_request_t *request,
                                                           const request_rec *r)
{
    int64_t now = record_clock();
    apr_interval_time_t ago = apr_time_now() - r->request_time;

    /* A difference beyond an hour means that the wall clock was set. */
    request->head = request->queue = RECORD_UNKNOWN;
    request->begun = ago > 0 && ago < apr_time_from_sec(3600) ? now - ago : now;
    request->dispatched = request->begun;
    if (request->conn->secondary) {
        /* r->request_time is the arrival of the stream; a worker of mod_http2 runs it from now. */
        request->dispatched = now;
        request->queue = now - request->begun;
        record_streams_ran(now, request->queue);
    }
}

/*
 * The worker's scoreboard entry, for readers of the segment; negative: unknown. Under a stock MPM
 * the number of a connection is that of its worker's entry, over all processes.
 */
static inline long number_of_worker(const record_conn_t *conn)
{
    const mpm_hybrid_times_t *times = conn->times;

    return times != NULL   ? (long)*times->slot * record.threads_of_slot + times->worker
        : hybrid_present() ? -1
                           : conn->c->id;
}

/*
 * A worker stays with an HTTP/2 connection while mod_http2's threads run its requests, in the
 * models that are not async also between them. It has no request of its own: its entry is marked
 * as a tunnel, and as one that drives.
 */
void record_request_note_carrier(const record_conn_t *carrier)
{
    long index = number_of_worker(carrier);

    if (index >= 0) {
        segment_worker_tunnels(record.segment, (size_t)index);
        segment_worker_drives(record.segment, (size_t)index);
    }
}

void record_request_note_turn(const record_conn_t *conn)
{
    long index;

    if (conn->h2) {
        record_request_note_carrier(conn);
    }
    else if ((index = number_of_worker(conn)) >= 0) {
        segment_worker_turns(record.segment, (size_t)index);
    }
}

/* Counts the begin or end of a stream on its connection, which outlives it. */
static void note_stream(const record_conn_t *stream, int change, bool cut)
{
    record_conn_t *carrier = record_conn_of(stream->c->master);

    if (carrier != NULL) {
        carrier->h2 = true;
        if (change > 0) {
            record_request_note_carrier(carrier);
        }
        if (change < 0) {
            atomic_store_explicit(&carrier->stream_cut, cut, memory_order_relaxed);
        }
        atomic_fetch_add_explicit(&carrier->streams, (unsigned)change, memory_order_relaxed);
    }
}

static void note_on_connection(record_conn_t *conn, const record_request_t *request)
{
    segment_server_rec_t *server = record.segment->server;

    conn->requests++;
    if (conn->requests == 1) {
        record_conn_first_request(conn);
        return;
    }
    segment_add(&server->connections_reused, 1);
    if (conn->last_end != 0) {
        histogram_record(&server->keepalive_gap,
                         request->begun > conn->last_end
                             ? (uint64_t)(request->begun - conn->last_end)
                             : 0);
    }
}

/* Attributes bytes written from now on to this virtual host. */
static void own_what_is_sent(record_conn_t *conn)
{
    record_conn_t *carrier = conn->secondary ? record_conn_of(conn->c->master) : conn;

    if (carrier != NULL) {
        atomic_store_explicit(&carrier->sent_row, conn->row, memory_order_relaxed);
    }
}

__attribute__((hot)) int record_request_post_read(request_rec *r)
{
    record_request_t *request;
    record_conn_t *conn;
    unsigned row;
    bool full;

    /* An internal redirect runs this hook once more. */
    if (r->prev != NULL || r->main != NULL || record.segment == NULL
        || (conn = record_conn_of(r->connection)) == NULL) {
        return DECLINED;
    }
    if (conn->server != r->server) {
        conn->server = r->server;
        conn->row = config_of_server(r->server)->row;
        conn->folded = config_of_server(r->server)->folded;
        conn->protocol = NULL;
        own_what_is_sent(conn);
    }
    row = conn->row;
    if (__builtin_expect(conn->folded != NULL, 0)) {
        segment_add(conn->folded, 1);
    }
    request = apr_pcalloc(r->pool, sizeof(*request));
    request->conn = conn;
    request->row = row;
    ap_set_module_config(r->request_config, &mpmstats_module, request);
    conn->current = request;
    full = nobody_reads(segment_request_begins(record.segment, &record.self, row));
    if (!take_times(request, conn, full)) {
        take_time_of_reading(request, r);
    }
    if (!conn->secondary) {
        note_on_connection(conn, request);
    }
    else {
        note_stream(conn, 1, false);
        record_streams_begin(r, request);
    }
    record_sample_at_begin(request->dispatched, full);
    return DECLINED;
}

/*
 * Right after httpd has noted that the worker writes, with the address that post_read_request may
 * have replaced (mod_remoteip). An internal redirect runs this hook once more.
 */
__attribute__((hot)) int record_request_quick(request_rec *r, int lookup)
{
    record_request_t *request;

    if (!record.scores || lookup || r->main != NULL || r->prev != NULL) {
        return DECLINED;
    }
    request = ap_get_module_config(r->request_config, &mpmstats_module);
    if (request != NULL) {
        record_score_begin(r, request);
    }
    return DECLINED;
}

/* ---- its handler and tunnels --------------------------------------------------------- */

static inline void note_handler(const record_conn_t *conn, unsigned row)
{
    long index = number_of_worker(conn);

    if (index >= 0) {
        segment_worker_runs(record.segment, (size_t)index, row);
    }
}

/*
 * A tunnel: the connection has switched to another protocol (WebSocket), or CONNECT succeeded.
 */
static inline bool is_tunnel(const request_rec *first, const request_rec *last)
{
    return last->status == HTTP_SWITCHING_PROTOCOLS
        || (first->method_number == M_CONNECT && last->status < 300);
}

static inline bool wants_tunnel(const request_rec *r)
{
    return r->method_number == M_CONNECT || apr_table_get(r->headers_in, "Upgrade") != NULL;
}

__attribute__((cold, noinline)) void record_request_answers(record_request_t *request)
{
    const request_rec *last = request->may_tunnel;
    long index = request->conn->secondary ? -1 : number_of_worker(request->conn);

    while (last->next != NULL) {
        last = last->next;
    }
    if (!is_tunnel(request->may_tunnel, last)) {
        return;
    }
    request->may_tunnel = NULL;
    if (request->stream != NULL) {
        segment_set(&request->stream->tunnel, 1);
    }
    else if (index >= 0) {
        segment_worker_tunnels(record.segment, (size_t)index);
    }
}

/*
 * Without a handler r->handler is the file's media type, or "". Media types that name handlers are
 * httpd/... and application/x-httpd-...
 */
static inline bool is_default_handler(const char *handler)
{
    const char *slash;

    if (handler == NULL || handler[0] == '\0') {
        return true;
    }
    slash = strchr(handler, '/');
    if (slash == NULL) {
        return false;
    }
    return !(slash - handler == 5 && memcmp(handler, "httpd", 5) == 0)
        && !(slash[1] == 'x' && strncmp(slash, "/x-httpd-", 9) == 0
             && strncmp(handler, "application/", 12) == 0);
}

/* server-status, application/x-httpd-status; most handlers are a file's media type. */
static inline bool may_be_mod_status(const char *handler)
{
    return handler != NULL && (handler[0] == 's' || handler[0] == 'a');
}

__attribute__((hot)) int record_request_handler(request_rec *r)
{
    record_request_t *request;

    if (record.segment == NULL) {
        return DECLINED;
    }
    if (__builtin_expect(record.extended && may_be_mod_status(r->handler), 0)) {
        record_extended_handler(r);
    }
    if (r->main != NULL) {
        return DECLINED;
    }
    request = record_request_of(r);
    if (request == NULL || request->handled) {
        /* An error document, for instance: its time is the first handler's. */
        return DECLINED;
    }
    request->handled = true;
    request->handler_row = is_default_handler(r->handler)
        ? record.default_row
        : segment_handler_row(record.segment, r->handler);
    segment_handler_begins(record.segment, &record.self, request->handler_row);
    if (request->stream != NULL) {
        segment_set(&request->stream->handler, (uint64_t)request->handler_row + 1);
    }
    else if (!request->conn->secondary) {
        note_handler(request->conn, request->handler_row);
    }
    if (__builtin_expect(wants_tunnel(r), 0)) {
        while (r->prev != NULL) {
            r = r->prev;
        }
        request->may_tunnel = r;
    }
    return DECLINED;
}

/* ---- the end of a request -------------------------------------------------------------- */

static inline _Atomic uint64_t *counter_of_status(segment_vhost_rec_t *vhost, int status)
{
    static const uint16_t counters[] = {
        [1] = offsetof(segment_vhost_rec_t, responses_1xx),
        [2] = offsetof(segment_vhost_rec_t, responses_2xx),
        [3] = offsetof(segment_vhost_rec_t, responses_3xx),
        [4] = offsetof(segment_vhost_rec_t, responses_4xx),
        [5] = offsetof(segment_vhost_rec_t, responses_5xx),
    };

    return status >= 200 && status < 300 ? &vhost->responses_2xx
        : status < 100 || status > 599
        ? &vhost->responses_other
        : (_Atomic uint64_t *)((char *)vhost + counters[status / 100]);
}

static __attribute__((noinline)) _Atomic uint64_t *counter_of_other_method(
    segment_vhost_rec_t *vhost, const request_rec *r)
{
    if (r->method == NULL) {
        return &vhost->method_other;
    }
    switch (r->method_number) {
    case M_GET:
        /* HEAD shares this number; a redirect to an error document makes any method a GET. */
        return r->method[0] == 'H' ? &vhost->method_head : &vhost->method_other;
    case M_POST:
        return &vhost->method_post;
    case M_PUT:
        return &vhost->method_put;
    case M_DELETE:
        return &vhost->method_delete;
    case M_OPTIONS:
        return &vhost->method_options;
    case M_PATCH:
        return &vhost->method_patch;
    default:
        return &vhost->method_other;
    }
}

static inline _Atomic uint64_t *counter_of_method(segment_vhost_rec_t *vhost, const request_rec *r)
{
    const char *m = r->method;

    return r->method_number == M_GET && m != NULL && m[0] == 'G' && m[1] == 'E' && m[2] == 'T'
            && m[3] == '\0'
        ? &vhost->method_get
        : counter_of_other_method(vhost, r);
}

/* Sets the phases at the end, which may be within the write of the last piece. */
static inline void take_phases(record_request_t *request, const record_conn_t *conn, int64_t now)
{
    if (conn->current == request && conn->pass_begin != 0) {
        request->writing += now - conn->pass_begin;
    }
    else if (request->written != 0) {
        request->writing += now - request->written;
    }
    request->total = now - request->begun;
    request->handler = now - request->dispatched - request->writing;
    if (request->handler < 0) {
        request->handler = 0;
    }
}

/*
 * The head may be unknown, as for an HTTP/2 stream, or head and queue. The later phases of a tunnel
 * are not recorded: they are times of a connection.
 */
static inline void record_phases(segment_vhost_rec_t *vhost, const record_request_t *request,
                                 bool tunnel)
{
    bool head = request->head >= 0;

    if (head) {
        histogram_record(&vhost->head, (uint64_t)request->head);
    }
    if (head || (request->queue >= 0 && segment_histogram_known(&vhost->queue))) {
        histogram_record(&vhost->queue, (uint64_t)request->queue);
    }
    if (!tunnel) {
        histogram_record(&vhost->handler, (uint64_t)request->handler);
        histogram_record(&vhost->write, (uint64_t)request->writing);
        histogram_record(&vhost->total, (uint64_t)request->total);
    }
}

static inline void record_kind(segment_vhost_rec_t *vhost, record_conn_t *conn,
                               const request_rec *first, const request_rec *last)
{
    segment_add(counter_of_status(vhost, last->status), 1);
    segment_add(counter_of_method(vhost, first), 1);
    if (conn->secondary) {
        segment_add(&vhost->h2_streams, 1);
    }
    else {
        segment_add(&vhost->bytes_in, conn->bytes_in - conn->bytes_in_told);
        conn->bytes_in_told = conn->bytes_in;
    }
    if (first->connection->aborted) {
        segment_add(&vhost->aborted, 1);
    }
}

/* Whether MaxKeepAliveRequests alone made this the last request of its connection. */
static __attribute__((noinline)) bool limit_reached(const request_rec *r)
{
    const server_rec *s = r->server;

    return s->keep_alive && s->keep_alive_max > 0 && r->connection->keepalives > s->keep_alive_max
        && !ap_find_token(r->pool, apr_table_get(r->headers_in, "Connection"), "close");
}

static inline void end_request(record_request_t *request, record_conn_t *conn, const request_rec *r,
                               int64_t now, bool tunnel)
{
    segment_vhost_rec_t *vhost = &record.segment->vhost[request->row];

    record_conn_look_at_input(conn);
    take_phases(request, conn, now);
    if (conn->current == request) {
        conn->current = NULL;
    }
    if (conn->secondary) {
        record_streams_end(request);
        note_stream(conn, -1, conn->c->aborted && (!request->ended || request->late));
    }
    if (request->handled) {
        segment_handler_ends(record.segment, &record.self, request->handler_row,
                             (uint64_t)(now - request->dispatched));
    }
    if (__builtin_expect(
            nobody_reads(segment_request_ends(record.segment, &record.self, request->row)), 0)) {
        atomic_store_explicit(&last_full, now, memory_order_relaxed);
    }
    record_phases(vhost, request, tunnel);
    conn->last_end = now;
    conn->bytes_done = conn->bytes_in;
    conn->cut_short = conn->broken || r->connection->aborted;
    conn->said_close = r->connection->keepalive == AP_CONN_CLOSE;
    conn->limit_reached = conn->said_close && limit_reached(r);
}

/* The end of an invalid request, which was answered and logged. */
static __attribute__((cold, noinline)) void end_other(const request_rec *r)
{
    record_conn_t *conn = record_conn_of(r->connection);
    record_request_t none = { .row = config_of_server(r->server)->row };

    if (conn == NULL) {
        return;
    }
    record_conn_look_at_input(conn);
    record_kind(&record.segment->vhost[none.row], conn, r, r);
    conn->cut_short = conn->ended || conn->broken;
    if (!conn->cut_short) {
        conn->bytes_done = conn->bytes_in;
        conn->said_close = true;
    }
}

__attribute__((hot)) int record_request_log(request_rec *r)
{
    const request_rec *last = r;
    record_request_t *request;
    bool tunnel;
    int64_t now;

    if (r->main != NULL) {
        return DECLINED;
    }
    if (record.segment == NULL) {
        return DECLINED;
    }
    request = ap_get_module_config(r->request_config, &mpmstats_module);
    now = record_clock();
    if (request != NULL && request->extended) {
        request->extended = false;
        record_extended_done();
    }
    if (request == NULL) {
        end_other(r);
    }
    else {
        while (last->next != NULL) {
            last = last->next;
        }
        tunnel = is_tunnel(r, last);
        end_request(request, request->conn, r, now, tunnel);
        record_kind(&record.segment->vhost[request->row], request->conn, r, last);
        if (record.slow_told && !tunnel) {
            record_report_slow(r, request);
        }
        record_sample_at_end(now);
    }
    if (record.self.record != NULL) {
        segment_add(&record.self.record->requests, 1);
    }
    return DECLINED;
}
