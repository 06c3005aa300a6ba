/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys are the names of figures.def, record by record. Unknown figures are omitted, so that
 * readers can distinguish them from zero.
 */
#include "render/json.h"

#include "apr_strings.h"
#include "figures/metrics.h"
#include "render/request_view.h"

static void put_key(out_t *out, const char *name, int *first)
{
    out_raw(out, *first ? "\"" : ",\"");
    out_raw(out, name);
    out_raw(out, "\":");
    *first = 0;
}

static void put_value(out_t *out, const metric_t *metric, const void *record)
{
    char text[32];

    switch (metric->kind) {
    case METRIC_TEXT:
    case METRIC_LETTER:
        out_json(out, metric_text(metric, record));
        break;
    case METRIC_FLAG:
        out_raw(out, metric_number(metric, record) ? "true" : "false");
        break;
    case METRIC_REAL:
        apr_snprintf(text, sizeof(text), "%.2f", metric_real(metric, record));
        out_raw(out, text);
        break;
    default:
        out_number(out, metric_number(metric, record));
        break;
    }
}

/* The members of one record, without the braces: some records have more members. */
static void put_members(out_t *out, metrics_scope_e scope, const void *record, int *first)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        if (metric_known(&metrics[i], record)) {
            put_key(out, metrics[i].name, first);
            put_value(out, &metrics[i], record);
        }
    }
}

static void put_object(out_t *out, metrics_scope_e scope, const void *record)
{
    int first = 1;

    out_raw(out, "{");
    put_members(out, scope, record, &first);
    out_raw(out, "}");
}

/* Omitted if the MPM knows none of the states. */
static void put_connections(out_t *out, const snapshot_connections_t *connections, int *first)
{
    if (metrics_any_known(METRICS_CONNECTIONS, connections)) {
        put_key(out, "connections_by_state", first);
        put_object(out, METRICS_CONNECTIONS, connections);
    }
}

static void put_totals(out_t *out, const snapshot_t *snapshot)
{
    int first = 1;

    out_raw(out, "{");
    put_members(out, METRICS_TOTALS, &snapshot->totals, &first);
    put_connections(out, &snapshot->connections, &first);
    out_raw(out, "}");
}

static void put_process(out_t *out, const snapshot_process_t *process)
{
    int first = 1;

    out_raw(out, "{");
    put_members(out, METRICS_PROCESS, process, &first);
    put_connections(out, &process->connections_by_state, &first);
    put_key(out, "workers", &first);
    put_object(out, METRICS_PROCESS_WORKERS, &process->workers);
    if (process->scoreboard != NULL) {
        put_key(out, "scoreboard", &first);
        out_json(out, process->scoreboard);
    }
    out_raw(out, "}");
}

static void put_processes(out_t *out, const snapshot_process_t *processes, int count)
{
    out_raw(out, "[");
    for (int i = 0; i < count; i++) {
        out_raw(out, i > 0 ? ",\n" : "\n");
        put_process(out, &processes[i]);
    }
    out_raw(out, "]");
}

static void put_all_processes(out_t *out, const snapshot_t *snapshot)
{
    out_raw(out, ",\n\"processes\":");
    put_processes(out, snapshot->processes, snapshot->process_count);
    if (snapshot->finishing != NULL) {
        out_raw(out, ",\n\"finishing\":");
        put_processes(out, snapshot->finishing, snapshot->finishing_count);
    }
}

static void put_workers(out_t *out, const snapshot_t *snapshot)
{
    out_raw(out, ",\n\"workers\":[");
    for (int i = 0; i < snapshot->worker_count; i++) {
        out_raw(out, i > 0 ? ",\n" : "\n");
        put_object(out, METRICS_WORKER, &snapshot->workers[i]);
    }
    out_raw(out, "]");
}

static void put_latency_members(out_t *out, const snapshot_latency_t *latency)
{
    int first = 1;

    put_members(out, METRICS_LATENCY, latency, &first);
}

static bool is_timed(const snapshot_latency_t *latency)
{
    return metrics_any_known(METRICS_LATENCY, latency);
}

static void put_buckets(out_t *out, const snapshot_spread_t *spread)
{
    out_raw(out, ",\"buckets\":[");
    for (int i = 0; i < spread->bucket_count; i++) {
        out_raw(out, i > 0 ? ",[" : "[");
        out_number(out, spread->buckets[i].highest_us);
        out_raw(out, ",");
        out_number(out, spread->buckets[i].count);
        out_raw(out, "]");
    }
    out_raw(out, "]");
}

static void put_spreads(out_t *out, const snapshot_t *snapshot)
{
    int first = 1;

    out_raw(out, ",\n\"latency\":{");
    for (int i = 0; i < SNAPSHOT_SPREADS; i++) {
        if (is_timed(&snapshot->spreads[i].latency)) {
            put_key(out, metrics_spreads[i].name, &first);
            out_raw(out, "{");
            put_latency_members(out, &snapshot->spreads[i].latency);
            put_buckets(out, &snapshot->spreads[i]);
            out_raw(out, "}");
        }
    }
    out_raw(out, "}");
}

static void put_vhost(out_t *out, const snapshot_vhost_t *vhost)
{
    int first = 1;
    int first_phase = 1;

    out_raw(out, "{");
    put_members(out, METRICS_VHOST, vhost, &first);
    put_key(out, "latency", &first);
    out_raw(out, "{");
    for (int i = 0; i < SNAPSHOT_PHASES; i++) {
        if (is_timed(&vhost->latency[i])) {
            put_key(out, metrics_spreads[i].name, &first_phase);
            out_raw(out, "{");
            put_latency_members(out, &vhost->latency[i]);
            out_raw(out, "}");
        }
    }
    out_raw(out, "}}");
}

static void put_vhosts(out_t *out, const snapshot_t *snapshot)
{
    out_raw(out, ",\n\"vhosts\":[");
    for (int i = 0; i < snapshot->vhost_count; i++) {
        out_raw(out, i > 0 ? ",\n" : "\n");
        put_vhost(out, &snapshot->vhosts[i]);
    }
    out_raw(out, "]");
}

/* Records of one scope, `stride` bytes apart. */
static void put_list(out_t *out, const char *key, metrics_scope_e scope, const void *first,
                     int count, apr_size_t stride)
{
    out_raw(out, ",\n\"");
    out_raw(out, key);
    out_raw(out, "\":[");
    for (int i = 0; i < count; i++) {
        out_raw(out, i > 0 ? ",\n" : "\n");
        put_object(out, scope, (const char *)first + (apr_size_t)i * stride);
    }
    out_raw(out, "]");
}

/* Omitted if nothing is recorded. */
static void put_recorded(out_t *out, const snapshot_t *snapshot, unsigned parts)
{
    if (snapshot->vhosts == NULL) {
        return;
    }
    if (parts & VIEW_LATENCY) {
        put_spreads(out, snapshot);
    }
    if (parts & VIEW_VHOSTS) {
        put_vhosts(out, snapshot);
    }
    if (parts & VIEW_HANDLERS) {
        put_list(out, "handlers", METRICS_HANDLER, snapshot->handlers, snapshot->handler_count,
                 sizeof(snapshot_handler_t));
    }
    if (parts & VIEW_LISTENERS) {
        put_list(out, "listeners", METRICS_LISTENER, snapshot->listeners, snapshot->listener_count,
                 sizeof(snapshot_listener_t));
    }
    if (parts & VIEW_EVENTS) {
        put_list(out, "events", METRICS_EVENT, snapshot->events, snapshot->event_count,
                 sizeof(snapshot_event_t));
    }
}

void render_json(out_t *out, const snapshot_t *snapshot, unsigned parts)
{
    out_raw(out, "{\"schema\":");
    out_number(out, RENDER_JSON_SCHEMA);
    out_raw(out, ",\n\"server\":");
    put_object(out, METRICS_SERVER, &snapshot->server);
    if (parts & VIEW_LIMITS) {
        out_raw(out, ",\n\"limits\":");
        put_object(out, METRICS_LIMITS, &snapshot->limits);
    }
    if (parts & VIEW_TOTALS) {
        out_raw(out, ",\n\"totals\":");
        put_totals(out, snapshot);
    }
    if (parts & VIEW_PROCESSES) {
        put_all_processes(out, snapshot);
    }
    if (parts & VIEW_WORKERS) {
        put_workers(out, snapshot);
    }
    put_recorded(out, snapshot, parts);
    out_raw(out, "}\n");
}
