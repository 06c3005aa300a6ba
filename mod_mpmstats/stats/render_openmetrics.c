/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks metrics.def scope by scope. What is unknown has no sample, and a family
 * without a sample is not begun.
 */
#include "stats/render_openmetrics.h"

#include <stddef.h>
#include <string.h>

#include "apr_strings.h"
#include "stats/metrics.h"
#include "stats/om.h"
#include "stats/states.h"
#include "stats/view.h"

#define PREFIX "httpd_"

static const char *unit_of(const metric_t *metric)
{
    switch (metric->unit) {
    case METRIC_UNIT_BYTES:
        return "bytes";
    case METRIC_UNIT_SECONDS:
    case METRIC_UNIT_MICROSECONDS:
        return "seconds";
    default:
        return NULL;
    }
}

/* Length of the name without the ending that tells the unit there, but not here. */
static int bare_length(const metric_t *metric)
{
    const char *ending = metric->unit == METRIC_UNIT_MICROSECONDS ? "_us"
                         : metric->unit == METRIC_UNIT_SECONDS ? "_s" : "";
    size_t len = strlen(metric->name);
    size_t cut = strlen(ending);

    return (int)(len > cut && strcmp(metric->name + len - cut, ending) == 0 ? len - cut : len);
}

static void begin_family(om_t *om, const char *scope, const metric_t *metric)
{
    const char *unit = unit_of(metric);
    /* "bytes" is name and unit in one. */
    int appended = unit != NULL && strcmp(metric->name, unit) != 0;
    char name[OM_NAME_BYTES];

    apr_snprintf(name, sizeof(name), PREFIX "%s%.*s%s%s%s", scope, bare_length(metric),
                 metric->name, metric->kind == METRIC_TIME ? "_timestamp" : "",
                 appended ? "_" : "", appended ? unit : "");
    om_family(om, name, metric->kind == METRIC_COUNTER ? OM_COUNTER : OM_GAUGE, unit,
              metric->help);
}

static void put_value(om_t *om, const metric_t *metric, const void *record)
{
    apr_int64_t number;

    if (metric->kind == METRIC_REAL) {
        om_value_real(om, metric_real(metric, record));
        return;
    }
    number = metric_number(metric, record);
    if (metric->unit == METRIC_UNIT_MICROSECONDS) {
        om_value_us(om, number);
    }
    else if (metric->kind == METRIC_CEILING && number == 0) {
        om_value_infinite(om);
    }
    else {
        om_value(om, number);
    }
}

static int is_number(const metric_t *metric)
{
    return metric->kind != METRIC_TEXT && metric->kind != METRIC_LETTER;
}

/* A record there is only one of: each of its numbers is a family of one sample. */
static void put_record(om_t *om, const char *scope_word, metrics_scope_e scope, const void *record)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        if (is_number(&metrics[i]) && metric_known(&metrics[i], record)) {
            begin_family(om, scope_word, &metrics[i]);
            om_sample(om);
            put_value(om, &metrics[i], record);
        }
    }
}

/* The texts are labels of one sample, all but the name: that is what the client calls the server. */
static void put_info(om_t *om, const snapshot_server_t *server)
{
    int count;
    const metric_t *metrics = metrics_of(METRICS_SERVER, &count);

    om_family(om, PREFIX "server", OM_INFO, NULL, "The server as a whole");
    om_sample(om);
    for (int i = 0; i < count; i++) {
        if (!is_number(&metrics[i]) && metric_known(&metrics[i], server)
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
    om_family(om, PREFIX "connections_by_state", OM_GAUGE, NULL,
              "Client connections by what they wait for");
    for (int i = 0; i < count; i++) {
        if (metric_known(&metrics[i], connections)) {
            om_sample(om);
            om_label(om, "state", metrics[i].name);
            put_value(om, &metrics[i], connections);
        }
    }
}

static apr_int64_t count_letter(const snapshot_t *snapshot, char letter)
{
    apr_int64_t count = 0;

    for (int i = 0; i < snapshot->process_count; i++) {
        for (const char *at = snapshot->processes[i].scoreboard; *at != '\0'; at++) {
            count += *at == letter;
        }
    }
    return count;
}

static void put_states(om_t *om, const snapshot_t *snapshot)
{
    om_family(om, PREFIX "workers_by_state", OM_GAUGE, NULL,
              "Workers by what they do, the scoreboard's letters in words; "
              "open: a process could have one more there");
    for (int i = 0; i < STATE_COUNT; i++) {
        om_sample(om);
        om_label(om, "state", states[i].name);
        om_value(om, count_letter(snapshot, states[i].letter[0]));
    }
}

/* One family with a sample for each process that knows the metric. */
static void put_process_family(om_t *om, const snapshot_t *snapshot, const char *scope_word,
                               const metric_t *metric, size_t offset)
{
    int begun = 0;

    for (int i = 0; i < snapshot->process_count; i++) {
        const char *record = (const char *)&snapshot->processes[i] + offset;

        if (!metric_known(metric, record)) {
            continue;
        }
        if (!begun) {
            begin_family(om, scope_word, metric);
            begun = 1;
        }
        om_sample(om);
        om_label_number(om, "slot", snapshot->processes[i].slot);
        put_value(om, metric, record);
    }
}

static void put_processes(om_t *om, const snapshot_t *snapshot, const char *scope_word,
                          metrics_scope_e scope, size_t offset)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        int is_label = scope == METRICS_PROCESS
                       && metrics[i].offset == offsetof(snapshot_process_t, slot);

        if (is_number(&metrics[i]) && !is_label) {
            put_process_family(om, snapshot, scope_word, &metrics[i], offset);
        }
    }
}

void render_openmetrics(out_t *out, const snapshot_t *snapshot, unsigned parts, int openmetrics)
{
    om_t om;

    om_begin(&om, out, openmetrics);
    put_info(&om, &snapshot->server);
    put_record(&om, "server_", METRICS_SERVER, &snapshot->server);
    if (parts & VIEW_LIMITS) {
        put_record(&om, "limit_", METRICS_LIMITS, &snapshot->limits);
    }
    if (parts & VIEW_TOTALS) {
        put_record(&om, "", METRICS_TOTALS, &snapshot->totals);
        put_connections(&om, &snapshot->connections);
    }
    if (parts & VIEW_WORKERS) {
        put_states(&om, snapshot);
    }
    if (parts & VIEW_PROCESSES) {
        put_processes(&om, snapshot, "process_", METRICS_PROCESS, 0);
        put_processes(&om, snapshot, "process_workers_", METRICS_PROCESS_WORKERS,
                      offsetof(snapshot_process_t, workers));
    }
    om_end(&om);
}
