/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys are the names of metrics.def, record by record. What is unknown is
 * left out: a reader tells "not known" from zero by the absence of the key.
 */
#include "stats/render_json.h"

#include "apr_strings.h"
#include "stats/metrics.h"
#include "stats/view.h"

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

/* Left out altogether when the MPM knows none of the states. */
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
    out_raw(out, "}\n");
}
