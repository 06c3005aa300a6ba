/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/record/streams.h"

#include <string.h>

#include "apr_optional.h"
#include "ap_mpm.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"

#include "base/must_hold.h"
#include "stats/facts.h"
#include "stats/mpm_answer.h"
#include "stats/record/record.h"
#include "stats/record/score.h"

APLOG_USE_MODULE(mpmstats);

/* ---- those that run ------------------------------------------------------------------- */

/* An optional function of mod_http2: the numbers of its threads in a process. */
APR_DECLARE_OPTIONAL_FN(void, http2_get_num_workers, (server_rec * s, int *least, int *most));

unsigned record_streams_threads(void)
{
    APR_OPTIONAL_FN_TYPE(http2_get_num_workers) *ask = APR_RETRIEVE_OPTIONAL_FN(
        http2_get_num_workers);
    int least, most = 0;

    if (ask != NULL && mpm_answer(AP_MPMQ_IS_THREADED, 0) != AP_MPMQ_NOT_SUPPORTED) {
        ask(ap_server_conf, &least, &most);
    }
    return most > 0 ? (unsigned)most : 0;
}

/* The number of threads that have run a stream: spreads their hints. */
static _Atomic unsigned threads;

/*
 * Of a thread of mod_http2. A signal handler reads it, so it must not be allocated lazily: the
 * initial-exec TLS model.
 */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    segment_stream_rec_t *running; /* the record of the stream it runs; NULL: none */
    unsigned hint;                 /* where its last record was */
    bool known;                    /* the hint is set */
} mine;

static segment_stream_rec_t *claim(void)
{
    if (__builtin_expect(!mine.known, 0)) {
        mine.known = true;
        mine.hint = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
    }
    return segment_stream_claim(record.segment, &record.self, &mine.hint);
}

void record_streams_begin(const request_rec *r, record_request_t *request)
{
    const record_conn_t *carrier = record_conn_of(r->connection->master);
    segment_stream_rec_t *stream = claim();
    bool names = facts_get()->details != FACTS_DETAILS_NOBODY;

    MUST_HOLD(!request->runs && request->stream == NULL);
    request->runs = true;
    request->stream = mine.running = stream;
    if (stream == NULL) {
        return;
    }
    segment_set(&stream->begun, (uint64_t)r->request_time);
    segment_set(&stream->vhost, (uint64_t)request->row + 1);
    segment_set(&stream->handler, 0);
    segment_set(&stream->tls, carrier != NULL && carrier->tls);
    segment_set(&stream->tunnel, 0);
    segment_set(&stream->signal, 0);
    segment_put_text(stream->client, names && r->useragent_ip != NULL ? r->useragent_ip : "");
    segment_put_text(stream->request, names ? record_score_line(r, sizeof(stream->request)) : "");
    segment_stream_runs(stream);
}

void record_streams_end(record_request_t *request)
{
    if (!request->runs) {
        return;
    }
    request->runs = false;
    if (mine.running == request->stream) {
        mine.running = NULL;
    }
    segment_stream_release(record.segment, &record.self, request->stream);
    request->stream = NULL;
}

void record_streams_crash(int sig)
{
    if (mine.running != NULL) {
        segment_set(&mine.running->signal, (uint64_t)sig);
    }
}

/* ---- their records ---------------------------------------------------------------------- */

/* Copies a text of the segment, which may hold any bytes, cut to @a size. */
#define TAKE_TEXT(to, words) \
    take_text((to), sizeof(to), (words), sizeof(words) / sizeof((words)[0]))
static void take_text(char *to, size_t size, const _Atomic uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count && i * 8 < size; i++) {
        uint64_t word = segment_get(&words[i]);

        memcpy(to + i * 8, &word, 8);
    }
    to[size - 1] = '\0';
}

static void take(record_stream_t *to, const segment_process_rec_t *process,
                 const segment_stream_rec_t *from)
{
    const segment_t *segment = record.segment;
    uint64_t vhost = segment_get(&from->vhost), handler = segment_get(&from->handler);

    to->pid = (pid_t)segment_get(&process->pid);
    to->begun = (apr_time_t)segment_get(&from->begun);
    to->hit = segment_get(&from->signal) != 0;
    to->tunnel = segment_get(&from->tunnel) == 1;
    to->vhost[0] = to->handler[0] = '\0';
    TAKE_TEXT(to->client, from->client);
    TAKE_TEXT(to->request, from->request);
    if (vhost > 0 && vhost <= segment->shape.vhosts) {
        TAKE_TEXT(to->vhost, segment->vhost[vhost - 1].name);
    }
    if (handler > 0 && handler <= segment->shape.handlers) {
        TAKE_TEXT(to->handler, segment->handler[handler - 1].name);
    }
}

void record_streams_walk(pid_t pid, void (*each)(void *baton, const record_stream_t *stream),
                         void *baton)
{
    const segment_t *segment = record.segment;
    record_stream_t copy;

    for (unsigned i = 0; i < segment->shape.processes; i++) {
        const segment_process_rec_t *process = &segment->process[i];
        const segment_stream_rec_t *streams = &segment->stream[(size_t)i * segment->shape.streams];
        uint64_t owner = segment_get(&process->pid);

        if (owner == 0 || (pid != 0 && owner != (uint64_t)pid)
            || segment_get(&process->left) != 0) {
            continue;
        }
        for (unsigned k = 0; k < segment->shape.streams; k++) {
            if (segment_get(&streams[k].state) == SEGMENT_STREAM_RUNS) {
                take(&copy, process, &streams[k]);
                each(baton, &copy);
            }
        }
    }
}

static void report(void *baton, const record_stream_t *stream)
{
    apr_time_t now = *(const apr_time_t *)baton;

    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "child pid %" APR_PID_T_FMT ", HTTP/2 stream%s: vhost \"%s\", request \"%s\", "
                 "handler \"%s\", client %s, for %" APR_TIME_T_FMT " ms",
                 stream->pid, stream->hit ? " (received the signal)" : "", stream->vhost,
                 stream->request, stream->handler, stream->client,
                 stream->begun > 0 && stream->begun < now ? (now - stream->begun) / 1000 : 0);
}

void record_streams_report(pid_t pid)
{
    apr_time_t now = apr_time_now();

    record_streams_walk(pid, report, &now);
}

/* ---- those that wait ----------------------------------------------------------------------- */

/*
 * The wait of a stream is known only when it starts to run, so the number of waiting streams cannot
 * be sampled. The sum of their waits in a window, divided by its length, is their average number
 * (Little's law). Only the part of a wait within the window counts, so the average never exceeds
 * the number of streams.
 */
/*
 * Microseconds: the minimum window of the average, and the time of continuous waits that counts as
 * saturation.
 */
#define WINDOW UINT64_C(1000000)
#define LASTING UINT64_C(3000000)

/* Resets the figures when a restart has loaded mod_http2. */
static void begin(void)
{
    segment_server_rec_t *server = record.segment->server;

    segment_set(&server->streams_queued_peak, 0);
    segment_set(&server->streams_queued_since, 0);
    segment_set(&server->streams_saturated, 0);
    segment_set(&server->streams_queued, 0);
}

void record_streams_ran(int64_t now, int64_t waited)
{
    segment_head_t *head = record.segment->head;
    int64_t window = now - (int64_t)segment_get(&head->streams_clock);

    if (waited > window) {
        waited = window;
    }
    if (__builtin_expect(segment_get(&record.segment->server->streams_queued) == SEGMENT_UNKNOWN,
                         0)) {
        begin();
    }
    if (waited > 0) {
        segment_add(&head->streams_waited, (uint64_t)waited);
    }
}

static void tell(segment_server_rec_t *server, uint64_t queued, uint64_t window)
{
    uint64_t now = (uint64_t)apr_time_now(), since = segment_get(&server->streams_queued_since);

    if (queued == 0) {
        since = 0;
    }
    else if (since == 0) {
        since = now - window;
    }
    segment_set(&server->streams_queued, queued);
    segment_raise(&server->streams_queued_peak, queued);
    segment_set(&server->streams_queued_since, since);
    segment_set(&server->streams_saturated, since != 0 && now - since >= LASTING);
}

void record_streams_look(int64_t now)
{
    segment_head_t *head = record.segment->head;
    uint64_t begun = segment_get(&head->streams_clock);
    uint64_t waited;

    if (segment_get(&record.segment->server->streams_queued) == SEGMENT_UNKNOWN
        || (uint64_t)now < begun + WINDOW
        || !atomic_compare_exchange_strong_explicit(&head->streams_clock, &begun, (uint64_t)now,
                                                    memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    waited = atomic_exchange_explicit(&head->streams_waited, 0, memory_order_relaxed);
    if (begun != 0) {
        tell(record.segment->server, waited / ((uint64_t)now - begun), (uint64_t)now - begun);
    }
}
