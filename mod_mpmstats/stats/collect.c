/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server and its limits, from httpd's own queries. The processes and workers
 * are read in slots.c, what only mpm_hybrid knows in hybrid.c.
 */
#include "stats/collect.h"

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "scoreboard.h"
#include "stats/facts.h"
#include "stats/hybrid.h"
#include "figures/metrics.h"
#include "stats/mpm_answer.h"
#include "stats/record/record.h"
#include "stats/record/sample.h"
#include "figures/read.h"
#include "stats/slots.h"

/* A limit httpd reports as 0 where the running MPM has no such limit. */
static apr_int64_t nonzero_limit(int question)
{
    int answer = mpm_answer(question, 0);

    return answer > 0 ? answer : SNAPSHOT_UNKNOWN;
}

static void collect_times(snapshot_server_t *server)
{
    const facts_t *facts = facts_get();

    server->now_us = apr_time_now();
    server->started_us = facts->started;
    server->restarted_us = facts->restarted;
    /* The clock may have been set back. */
    server->uptime_s = server->now_us > facts->started
        ? apr_time_sec(server->now_us - facts->started)
        : 0;
    server->pid = facts->parent;
}

static void collect_load(snapshot_server_t *server)
{
    ap_loadavg_t load;

    ap_get_loadavg(&load);
    server->load1 = load.loadavg;
    server->load5 = load.loadavg5;
    server->load15 = load.loadavg15;
}

static void collect_server(snapshot_server_t *server, const char *name)
{
    metrics_clear(METRICS_SERVER, server);
    server->version = ap_get_server_description();
    server->built = ap_get_server_built();
    server->name = name;
    server->mpm = ap_show_mpm();
    /* Not the MPM's answer: in a child of an old generation that is the old number. */
    server->generation = ap_get_scoreboard_global()->running_generation;
    server->config_generation = ap_state_query(AP_SQ_CONFIG_GEN);
    server->threaded = mpm_answer(AP_MPMQ_IS_THREADED, 0) != AP_MPMQ_NOT_SUPPORTED;
    server->async = mpm_answer(AP_MPMQ_IS_ASYNC, 0) != 0;
    server->extended_status = facts_get()->details != FACTS_DETAILS_NOBODY;
    collect_times(server);
    collect_load(server);
}

/* Stock MPMs tell daemons and threads apart from each other; their product is the limit. */
static void collect_limits(snapshot_limits_t *limits, int threaded)
{
    int daemons = mpm_answer(AP_MPMQ_MAX_DAEMONS, 0);
    int threads = mpm_answer(AP_MPMQ_MAX_THREADS, 1);

    if (daemons > 0) {
        limits->max_request_workers = (apr_int64_t)daemons * (threads > 0 ? threads : 1);
    }
    limits->server_limit = nonzero_limit(AP_MPMQ_HARD_LIMIT_DAEMONS);
    limits->min_spare_servers = nonzero_limit(AP_MPMQ_MIN_SPARE_DAEMONS);
    limits->max_spare_servers = nonzero_limit(AP_MPMQ_MAX_SPARE_DAEMONS);
    if (threaded) {
        limits->thread_limit = nonzero_limit(AP_MPMQ_HARD_LIMIT_THREADS);
        limits->threads_per_child = nonzero_limit(AP_MPMQ_MAX_THREADS);
        limits->min_spare_threads = nonzero_limit(AP_MPMQ_MIN_SPARE_THREADS);
        limits->max_spare_threads = nonzero_limit(AP_MPMQ_MAX_SPARE_THREADS);
    }
    limits->max_connections_per_child = mpm_answer(AP_MPMQ_MAX_REQUESTS_DAEMON, 0);
}

void collect_limits_only(snapshot_limits_t *limits, const char **model)
{
    *model = NULL;
    metrics_clear(METRICS_LIMITS, limits);
    if (!hybrid_limits(limits, model)) {
        collect_limits(limits, mpm_answer(AP_MPMQ_IS_THREADED, 0) != AP_MPMQ_NOT_SUPPORTED);
    }
}

/* What this process's mapping of the segment says; no segment, nothing recorded. */
static void collect_recorded(snapshot_t *snapshot, apr_pool_t *pool, unsigned parts)
{
    segment_view_t *view = NULL;

    recorded_clear(snapshot);
    if (record.segment != NULL) {
        record_sample_look(record_clock(), 1); /* what is sampled is as new as the rest */
        view = segment_view(record.segment);
    }
    if (view != NULL) {
        recorded_read(snapshot, pool, view, parts);
        segment_close(view);
    }
}

const snapshot_t *collect_snapshot(apr_pool_t *pool, const char *name, unsigned parts)
{
    snapshot_t *snapshot;

    if (!ap_exists_scoreboard_image()) {
        return NULL;
    }
    snapshot = apr_pcalloc(pool, sizeof(*snapshot));
    collect_server(&snapshot->server, name);
    metrics_clear(METRICS_LIMITS, &snapshot->limits);
    if (!hybrid_limits(&snapshot->limits, &snapshot->server.model)) {
        collect_limits(&snapshot->limits, snapshot->server.threaded != 0);
    }
    slots_read(snapshot, pool);
    collect_recorded(snapshot, pool, parts);
    return snapshot;
}
