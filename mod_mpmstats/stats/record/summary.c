/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent writes the summary, so that it works when every worker is busy. Its percentiles are
 * those since the previous summary, in the first one after a restart since the restart.
 */
#include "stats/record/summary.h"

#include <string.h>

#include "apr_strings.h"
#include "http_log.h"
#include "http_main.h"
#include "scoreboard.h"

#include "stats/config.h"
#include "stats/mpm_answer.h"
#include "stats/record/record.h"
#include "stats/record/report.h"
#include "stats/record/streams.h"

APLOG_USE_MODULE(mpmstats);

/* ---- approaching the limit ------------------------------------------------------------------ */

/* Microseconds below the threshold after which its end is logged. */
#define QUIET_TIME UINT64_C(5000000)

void record_summary_threshold(uint64_t busy, uint64_t limit, const char *what, uint64_t now)
{
    segment_server_rec_t *server = record.segment->server;
    uint64_t since = segment_get(&server->busy_since);
    unsigned threshold = config_global.busy_threshold;

    if (threshold != 0 && busy * 100 >= limit * threshold) {
        segment_set(&server->busy_seen, now);
        if (since == 0 && atomic_compare_exchange_strong(&server->busy_since, &since, now)) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                         "%" APR_UINT64_T_FMT " of %" APR_UINT64_T_FMT " %s are busy, that is "
                         "%u%% (MPMStatsBusyThreshold) or more",
                         (apr_uint64_t)busy, (apr_uint64_t)limit, what, threshold);
        }
    }
    else if (since != 0 && now > segment_get(&server->busy_seen) + QUIET_TIME
             && atomic_compare_exchange_strong(&server->busy_since, &since, 0)) {
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
            "fewer than %u%% (MPMStatsBusyThreshold) of the workers are busy again, after %.1f s",
            threshold, (double)(segment_get(&server->busy_seen) - since) / 1e6);
    }
}

/* ---- summaries ----------------------------------------------------------------------------- */

/* Requests that run for longer are logged, the LONG_TOLD longest. */
#define LONG_TIME apr_time_from_sec(10)
#define LONG_TOLD 3

/* State at the last summary; the parent's only thread. All 0 after a restart. */
static struct {
    apr_time_t due;
    uint64_t requests;
    histogram_counts_t queue;
    histogram_counts_t handler;
} last;

/* A long-running request. */
typedef struct {
    apr_time_t took;
    pid_t pid;
    char request[sizeof(((worker_score *)0)->request)];
    char vhost[sizeof(((worker_score *)0)->vhost)];
    char client[sizeof(((worker_score *)0)->client64)];
} long_one_t;

typedef struct {
    unsigned by_status[SERVER_NUM_STATUS];
    unsigned streams; /* HTTP/2, running; in no status */
    long_one_t longest[LONG_TOLD];
    unsigned long_ones;
} workers_t;

/* The scoreboard's texts may lack their NUL. */
static void copy_text(char *to, const char *from, size_t size)
{
    memcpy(to, from, size - 1);
    to[size - 1] = '\0';
}

/* A place for a request that has run for @a took among the longest; NULL: it is none of them. */
static long_one_t *note_long(workers_t *workers, pid_t pid, apr_time_t took)
{
    long_one_t *one;
    int at = LONG_TOLD;

    workers->long_ones++;
    while (at > 0 && took > workers->longest[at - 1].took) {
        at--;
    }
    if (at == LONG_TOLD) {
        return NULL;
    }
    one = &workers->longest[at];
    memmove(one + 1, one, (size_t)(LONG_TOLD - 1 - at) * sizeof(*one));
    one->took = took;
    one->pid = pid;
    return one;
}

static void look_at_worker(workers_t *workers, int slot, int thread, apr_time_t now)
{
    worker_score score;
    long_one_t *one;

    ap_copy_scoreboard_worker(&score, slot, thread);
    if (score.status >= SERVER_NUM_STATUS) {
        return;
    }
    workers->by_status[score.status]++;
    if (score.status == SERVER_BUSY_WRITE && score.last_used != 0
        && now - score.last_used >= LONG_TIME
        && !segment_worker_is_tunnel(
            record.segment,
            (size_t)slot * (size_t)mpm_answer_count(AP_MPMQ_HARD_LIMIT_THREADS) + (size_t)thread)
        && (one = note_long(workers, ap_get_scoreboard_process(slot)->pid, now - score.last_used))
            != NULL) {
        copy_text(one->request, score.request, sizeof(one->request));
        copy_text(one->vhost, score.vhost, sizeof(one->vhost));
        copy_text(one->client, score.client64, sizeof(one->client));
    }
}

static void look_at_stream(void *baton, const record_stream_t *stream)
{
    workers_t *workers = baton;
    apr_time_t took = apr_time_now() - stream->begun;
    long_one_t *one;

    workers->streams++;
    if (took >= LONG_TIME && !stream->tunnel
        && (one = note_long(workers, stream->pid, took)) != NULL) {
        copy_text(one->request, stream->request, sizeof(one->request));
        copy_text(one->vhost, stream->vhost, sizeof(one->vhost));
        copy_text(one->client, stream->client, sizeof(one->client));
    }
}

static void look_at_workers(workers_t *workers, apr_time_t now)
{
    int slots = mpm_answer_count(AP_MPMQ_HARD_LIMIT_DAEMONS),
        threads = mpm_answer_count(AP_MPMQ_HARD_LIMIT_THREADS);

    memset(workers, 0, sizeof(*workers));
    for (int slot = 0; ap_exists_scoreboard_image() && slot < slots; slot++) {
        for (int thread = 0; thread < threads; thread++) {
            look_at_worker(workers, slot, thread, now);
        }
    }
    record_streams_walk(0, look_at_stream, workers);
}

static uint64_t add_phase(size_t offset, histogram_counts_t *sum, histogram_counts_t *before)
{
    histogram_counts_t one;
    histogram_counts_t all;

    memset(&all, 0, sizeof(all));
    for (unsigned i = 0; i <= segment_vhost_gone(record.segment); i++) {
        const histogram_t *histogram = (const histogram_t *)((const char *)&record.segment->vhost[i]
                                                             + offset);

        if (segment_histogram_known(histogram)) {
            histogram_read(histogram, &one);
            histogram_merge(&all, &one);
        }
    }
    *sum = all;
    histogram_subtract(sum, before);
    *before = all;
    return sum->count;
}

static uint64_t count_requests(void)
{
    uint64_t requests = 0;

    for (unsigned i = 0; i <= segment_vhost_gone(record.segment); i++) {
        const segment_vhost_rec_t *vhost = &record.segment->vhost[i];

        requests += segment_get(&vhost->responses_1xx) + segment_get(&vhost->responses_2xx)
            + segment_get(&vhost->responses_3xx) + segment_get(&vhost->responses_4xx)
            + segment_get(&vhost->responses_5xx) + segment_get(&vhost->responses_other);
    }
    return requests;
}

static const char *busy_by_handler(apr_pool_t *pool)
{
    const char *text = "";

    for (unsigned i = 0; i < record.segment->shape.handlers; i++) {
        const segment_handler_rec_t *handler = &record.segment->handler[i];
        union {
            uint64_t words[4];
            char text[32];
        } name;
        uint64_t busy = segment_get(&handler->busy);

        if (busy == 0 || segment_get(&handler->state) != 2) {
            continue;
        }
        for (size_t k = 0; k < 4; k++) {
            name.words[k] = segment_get(&handler->name[k]);
        }
        name.text[31] = '\0';
        text = apr_psprintf(pool, "%s%s%" APR_UINT64_T_FMT " in %s", text,
                            text[0] != '\0' ? ", " : "", (apr_uint64_t)busy, name.text);
    }
    return text;
}

static void log_workers(server_rec *s, const workers_t *workers, uint64_t requests)
{
    const unsigned *n = workers->by_status;
    unsigned busy = n[SERVER_BUSY_READ] + n[SERVER_BUSY_WRITE] + n[SERVER_BUSY_KEEPALIVE]
        + n[SERVER_BUSY_LOG] + n[SERVER_BUSY_DNS] + n[SERVER_CLOSING];

    ap_log_error(
        APLOG_MARK, APLOG_NOTICE, 0, s,
        "mpmstats: rdy %u bsy %u rd %u wr %u ka %u log %u dns %u cls %u h2 %u, %" APR_UINT64_T_FMT
        " requests",
        n[SERVER_READY], busy, n[SERVER_BUSY_READ], n[SERVER_BUSY_WRITE], n[SERVER_BUSY_KEEPALIVE],
        n[SERVER_BUSY_LOG], n[SERVER_BUSY_DNS], n[SERVER_CLOSING], workers->streams,
        (apr_uint64_t)requests);
}

static void log_long_ones(server_rec *s, const workers_t *workers)
{
    for (unsigned i = 0; i < LONG_TOLD && i < workers->long_ones; i++) {
        const long_one_t *one = &workers->longest[i];

        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, s,
            "mpmstats: long-running (%u of %u): %.0f s \"%s\", virtual host %s, client %s, process %" APR_PID_T_FMT,
            i + 1, workers->long_ones, (double)one->took / APR_USEC_PER_SEC, one->request,
            one->vhost[0] != '\0' ? one->vhost : "-", one->client[0] != '\0' ? one->client : "-",
            one->pid);
    }
}

static void log_phases(server_rec *s, apr_pool_t *pool)
{
    static histogram_counts_t queue, handler; /* large; the parent's only thread */
    bool queue_known = add_phase(offsetof(segment_vhost_rec_t, queue), &queue, &last.queue) > 0;

    if (add_phase(offsetof(segment_vhost_rec_t, handler), &handler, &last.handler) > 0) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "mpmstats: p99 in ms: queue %s, handler %s",
                     queue_known ? record_report_ms(pool, (int64_t)histogram_quantile(&queue, 0.99))
                                 : "?",
                     record_report_ms(pool, (int64_t)histogram_quantile(&handler, 0.99)));
    }
}

/* Sets the state that the next summary is compared with. */
static void begin_anew(apr_time_t now)
{
    static histogram_counts_t unused;

    last.due = now + config_global.report_interval;
    last.requests = count_requests();
    add_phase(offsetof(segment_vhost_rec_t, queue), &unused, &last.queue);
    add_phase(offsetof(segment_vhost_rec_t, handler), &unused, &last.handler);
}

static void summarize(server_rec *s, apr_pool_t *pool, apr_time_t now)
{
    static workers_t workers;
    uint64_t requests = count_requests(), done = requests - last.requests;
    const char *busy = busy_by_handler(pool);

    if (done == 0 && busy[0] == '\0') {
        return;
    }
    look_at_workers(&workers, now);
    log_workers(s, &workers, done);
    if (busy[0] != '\0') {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "mpmstats: busy: %s", busy);
    }
    log_long_ones(s, &workers);
    log_phases(s, pool);
    last.requests = requests;
}

void record_summary_due(server_rec *s)
{
    apr_time_t now = apr_time_now();
    apr_pool_t *pool;

    if (config_global.report_interval == 0) {
        return;
    }
    if (last.due == 0) {
        begin_anew(now);
        return;
    }
    /* 100 ms early rather than a whole interval of the monitor hook late. */
    if (now < last.due - apr_time_from_msec(100)) {
        return;
    }
    last.due = now + config_global.report_interval;
    apr_pool_create(&pool, NULL);
    summarize(s, pool, now);
    apr_pool_destroy(pool);
}
