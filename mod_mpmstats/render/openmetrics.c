/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks figures.def scope by scope. Unknown figures have no sample, and a family without samples is
 * omitted.
 */
#include "render/openmetrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "apr_strings.h"
#include "figures/metrics.h"
#include "render/om.h"
#include "render/om_metric.h"
#include "figures/states.h"
#include "figures/sums.h"
#include "figures/parts.h"

/* A scope with a single record: each of its numbers is a sample. */
static void put_record(om_t *om, metrics_scope_e scope, const void *record)
{
    const metric_t *before = NULL;
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        if (om_metric_is_number(&metrics[i]) && metric_known(&metrics[i], record)) {
            if (!om_metric_continues(before, &metrics[i])) {
                om_metric_family(om, scope, &metrics[i]);
            }
            om_sample(om);
            om_metric_label(om, &metrics[i]);
            om_metric_value(om, &metrics[i], record);
            before = &metrics[i];
        }
    }
}

/*
 * The texts are labels of one sample, except the name, which the client chooses.
 */
static void put_info(om_t *om, const snapshot_server_t *server)
{
    int count;
    const metric_t *metrics = metrics_of(METRICS_SERVER, &count);

    om_family(om, OM_PREFIX "server", OM_INFO, NULL, "The server as a whole");
    om_sample(om);
    for (int i = 0; i < count; i++) {
        if (!om_metric_is_number(&metrics[i]) && metric_known(&metrics[i], server)
            && metrics[i].offset != offsetof(snapshot_server_t, name)) {
            om_label(om, metrics[i].name, metric_text(&metrics[i], server));
        }
    }
    om_value(om, 1);
}

static void put_connections(om_t *om, const snapshot_connections_t *connections)
{
    int count;
    const metric_t *metrics = metrics_of(METRICS_CONNECTIONS, &count);

    if (!metrics_any_known(METRICS_CONNECTIONS, connections)) {
        return;
    }
    om_family(om, OM_PREFIX "connections_by_state", OM_GAUGE, NULL,
              "Client connections by what they wait for");
    for (int i = 0; i < count; i++) {
        if (metric_known(&metrics[i], connections)) {
            om_sample(om);
            om_label(om, "state", metrics[i].name);
            om_metric_value(om, &metrics[i], connections);
        }
    }
}

static void put_states(om_t *om, const snapshot_t *snapshot)
{
    om_family(om, OM_PREFIX "workers_by_state", OM_GAUGE, NULL,
              "Workers by what they do, the scoreboard's letters in words; "
              "open: a process could have one more there");
    for (int i = 0; i < STATE_COUNT; i++) {
        om_sample(om);
        om_label(om, "state", states[i].name);
        om_value(om, sums_in_state(snapshot, &states[i]));
    }
}

/*
 * Records with samples of their own, distinguished by a label whose value is `key`, the first
 * figure of the scope.
 */
typedef struct {
    metrics_scope_e scope;
    const metric_t *key;
    const char *records;
    int count;
    apr_size_t stride;
    apr_size_t offset; /* of the scope's record in each */
} rows_t;

static rows_t rows_of(metrics_scope_e scope, const void *records, int count, apr_size_t stride)
{
    int figures;

    return (rows_t){ scope, metrics_of(scope, &figures), records, count, stride, 0 };
}

static void put_row_label(om_t *om, const rows_t *rows, const char *row)
{
    if (om_metric_is_number(rows->key)) {
        om_label_number(om, metrics_places[rows->scope].label, metric_number(rows->key, row));
    }
    else {
        om_label(om, metrics_places[rows->scope].label, metric_text(rows->key, row));
    }
}

/*
 * Writes the samples of one metric, and the family before the first unless it was `begun`. @return
 * whether there were any
 */
static bool put_column(om_t *om, const rows_t *rows, const metric_t *metric, bool begun)
{
    for (int i = 0; i < rows->count; i++) {
        const char *row = rows->records + (apr_size_t)i * rows->stride;

        if (!metric_known(metric, row + rows->offset)) {
            continue;
        }
        if (!begun) {
            om_metric_family(om, rows->scope, metric);
            begun = true;
        }
        om_sample(om);
        put_row_label(om, rows, row);
        om_metric_label(om, metric);
        om_metric_value(om, metric, row + rows->offset);
    }
    return begun;
}

static void put_rows(om_t *om, const rows_t *rows)
{
    const metric_t *before = NULL;
    int count;
    const metric_t *metrics = metrics_of(rows->scope, &count);

    for (int i = 0; i < count; i++) {
        if (om_metric_is_number(&metrics[i]) && &metrics[i] != rows->key
            && put_column(om, rows, &metrics[i], om_metric_continues(before, &metrics[i]))) {
            before = &metrics[i];
        }
    }
}

static void put_processes(om_t *om, const snapshot_t *snapshot)
{
    rows_t rows = rows_of(METRICS_PROCESS, snapshot->processes, snapshot->process_count,
                          sizeof(snapshot_process_t));

    put_rows(om, &rows);
    rows.scope = METRICS_PROCESS_WORKERS;
    rows.offset = offsetof(snapshot_process_t, workers);
    put_rows(om, &rows);
}

/* ---- times: histograms ------------------------------------------------------- */

/* By snapshot_bounds_us. */
static const char *const bounds[SNAPSHOT_BOUNDS] = { "0.0001", "0.0005", "0.001", "0.0025",
                                                     "0.005",  "0.01",   "0.025", "0.05",
                                                     "0.1",    "0.25",   "0.5",   "1.0",
                                                     "2.5",    "5.0",    "10.0",  "60.0" };

/* A histogram's samples; `label` distinguishes it within its family; NULL: it is the only one. */
static void put_histogram(om_t *om, const char *label, const char *value,
                          const snapshot_latency_t *latency, const snapshot_steps_t *steps)
{
    for (int i = 0; i <= SNAPSHOT_BOUNDS; i++) {
        om_sample_of(om, "_bucket");
        if (label != NULL) {
            om_label(om, label, value);
        }
        om_label(om, "le", i < SNAPSHOT_BOUNDS ? bounds[i] : "+Inf");
        om_value(om, i < SNAPSHOT_BOUNDS ? steps->at_most[i] : latency->count);
    }
    om_sample_of(om, "_sum");
    if (label != NULL) {
        om_label(om, label, value);
    }
    om_value_us(om, latency->sum_us);
    om_sample_of(om, "_count");
    if (label != NULL) {
        om_label(om, label, value);
    }
    om_value(om, latency->count);
}

static bool is_timed(const snapshot_latency_t *latency)
{
    return latency->count != SNAPSHOT_UNKNOWN;
}

/* The phases of a request, whose sum is its total time. */
static void put_phases(om_t *om, const snapshot_t *snapshot)
{
    bool begun = false;

    for (int i = 0; i < SNAPSHOT_SPREAD_total; i++) {
        const snapshot_spread_t *spread = &snapshot->spreads[i];

        if (!is_timed(&spread->latency)) {
            continue;
        }
        if (!begun) {
            om_family(om, OM_PREFIX "request_phase_seconds", OM_HISTOGRAM, "seconds",
                      "Time of requests by phase: head (the client), queue (the server), handler, "
                      "write (the client again)");
            begun = true;
        }
        put_histogram(om, "phase", metrics_spreads[i].name, &spread->latency, &spread->steps);
    }
}

static void put_times(om_t *om, const snapshot_t *snapshot)
{
    put_phases(om, snapshot);
    for (int i = SNAPSHOT_SPREAD_total; i < SNAPSHOT_SPREADS; i++) {
        const snapshot_spread_t *spread = &snapshot->spreads[i];
        char name[OM_NAME_BYTES];

        if (is_timed(&spread->latency)) {
            apr_snprintf(name, sizeof(name), OM_PREFIX "%s_seconds",
                         i == SNAPSHOT_SPREAD_total ? "request_duration" : metrics_spreads[i].name);
            om_family(om, name, OM_HISTOGRAM, "seconds", metrics_spreads[i].help);
            put_histogram(om, NULL, NULL, &spread->latency, &spread->steps);
        }
    }
}

/* ---- virtual hosts ------------------------------------------------------------- */

static void put_vhost_times(om_t *om, const snapshot_t *snapshot)
{
    bool begun = false;

    for (int i = 0; i < snapshot->vhost_count; i++) {
        const snapshot_vhost_t *vhost = &snapshot->vhosts[i];

        if (!is_timed(&vhost->latency[SNAPSHOT_SPREAD_total])) {
            continue;
        }
        if (!begun) {
            om_family(om, OM_PREFIX "vhost_request_duration_seconds", OM_HISTOGRAM, "seconds",
                      metrics_spreads[SNAPSHOT_SPREAD_total].help);
            begun = true;
        }
        put_histogram(om, "vhost", vhost->name, &vhost->latency[SNAPSHOT_SPREAD_total],
                      &vhost->total);
    }
}

/*
 * A histogram for each phase of each virtual host would be too many samples: only the sums are
 * written.
 */
static void put_vhost_phases(om_t *om, const snapshot_t *snapshot)
{
    bool begun = false;

    for (int i = 0; i < snapshot->vhost_count * SNAPSHOT_SPREAD_total; i++) {
        const snapshot_vhost_t *vhost = &snapshot->vhosts[i / SNAPSHOT_SPREAD_total];
        int phase = i % SNAPSHOT_SPREAD_total;

        if (!is_timed(&vhost->latency[phase])) {
            continue;
        }
        if (!begun) {
            om_family(om, OM_PREFIX "vhost_phase_seconds", OM_COUNTER, "seconds",
                      "Time of all requests together by phase");
            begun = true;
        }
        om_sample(om);
        om_label(om, "vhost", vhost->name);
        om_label(om, "phase", metrics_spreads[phase].name);
        om_value_us(om, vhost->latency[phase].sum_us);
    }
}

static void put_vhosts(om_t *om, const snapshot_t *snapshot)
{
    rows_t rows = rows_of(METRICS_VHOST, snapshot->vhosts, snapshot->vhost_count,
                          sizeof(snapshot_vhost_t));

    put_rows(om, &rows);
    put_vhost_times(om, snapshot);
    put_vhost_phases(om, snapshot);
}

static void put_handlers(om_t *om, const snapshot_t *snapshot)
{
    rows_t rows = rows_of(METRICS_HANDLER, snapshot->handlers, snapshot->handler_count,
                          sizeof(snapshot_handler_t));

    put_rows(om, &rows);
}

static void put_listeners(om_t *om, const snapshot_t *snapshot)
{
    rows_t rows = rows_of(METRICS_LISTENER, snapshot->listeners, snapshot->listener_count,
                          sizeof(snapshot_listener_t));

    put_rows(om, &rows);
}

void render_openmetrics(out_t *out, const snapshot_t *snapshot, unsigned parts, bool openmetrics)
{
    om_t om;

    om_begin(&om, out, openmetrics);
    put_info(&om, &snapshot->server);
    put_record(&om, METRICS_SERVER, &snapshot->server);
    if (parts & VIEW_LIMITS) {
        put_record(&om, METRICS_LIMITS, &snapshot->limits);
    }
    if (parts & VIEW_TOTALS) {
        put_record(&om, METRICS_TOTALS, &snapshot->totals);
        put_connections(&om, &snapshot->connections);
    }
    if (parts & VIEW_WORKERS) {
        put_states(&om, snapshot);
    }
    if (parts & VIEW_PROCESSES) {
        put_processes(&om, snapshot);
    }
    if (parts & VIEW_LATENCY) {
        put_times(&om, snapshot);
    }
    if (parts & VIEW_VHOSTS) {
        put_vhosts(&om, snapshot);
    }
    if (parts & VIEW_HANDLERS) {
        put_handlers(&om, snapshot);
    }
    if (parts & VIEW_LISTENERS) {
        put_listeners(&om, snapshot);
    }
    om_end(&om);
}
