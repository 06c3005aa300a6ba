/* SPDX-License-Identifier: Apache-2.0 */
/* What each table has for columns and rows. page.js makes the same keys of the same figures. */
#include "stats/page/html_tables.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"
#include "stats/page/html_table.h"
#include "stats/page/html_value.h"
#include "figures/states.h"

#define SLOW_US 1000000
#define SLOW_ROWS 12
#define KEY_BYTES 64
#define NEVER ((apr_size_t)-1)
#define PATH_MAX_BYTES 64

/* Rows that lie `stride` bytes apart. */
typedef struct {
    const char *first;
    int count;
    apr_size_t stride;
} rows_t;

static int any_row_knows(const rows_t rows[2], const metric_t *metric, apr_size_t offset)
{
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < rows[part].count; i++) {
            if (metric_known(metric,
                             rows[part].first + (apr_size_t)i * rows[part].stride + offset)) {
                return 1;
            }
        }
    }
    return 0;
}

/*
 * Adds the metrics of a scope that any row knows, and all from `always` on: their place is kept for
 * later.
 */
static void add_known(html_table_t *table, const rows_t rows[2], metrics_scope_e scope,
                      const char *prefix, apr_size_t offset, apr_size_t always)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        if (metrics[i].offset >= always || any_row_knows(rows, &metrics[i], offset)) {
            html_column_t *column = html_table_add(table, scope, metrics[i].name);

            column->prefix = prefix;
            column->offset = offset;
        }
    }
}

/* ---- processes and workers -------------------------------------------------- */

/* The slot tells processes apart, and where one is without, its number. */
static void put_process(const html_table_t *table, const snapshot_process_t *process)
{
    char key[KEY_BYTES];

    if (process->slot != SNAPSHOT_UNKNOWN) {
        apr_snprintf(key, sizeof(key), "%d", (int)process->slot);
    }
    else {
        apr_snprintf(key, sizeof(key), "p%d", (int)process->pid);
    }
    html_table_row(table, process, key);
}

void html_tables_processes(out_t *out, const snapshot_t *snapshot)
{
    const rows_t rows[2] = {
        { (const char *)snapshot->processes, snapshot->process_count, sizeof(snapshot_process_t) },
        { (const char *)snapshot->finishing, snapshot->finishing_count, sizeof(snapshot_process_t) }
    };
    html_table_t table;

    html_table_init(&table, out, snapshot);
    /* What is recorded of a process is known a moment after its start. */
    add_known(&table, rows, METRICS_PROCESS, "", 0,
              snapshot->vhosts != NULL ? offsetof(snapshot_process_t, requests) : NEVER);
    add_known(&table, rows, METRICS_PROCESS_WORKERS, "workers.",
              offsetof(snapshot_process_t, workers), NEVER);
    add_known(&table, rows, METRICS_CONNECTIONS, "connections_by_state.",
              offsetof(snapshot_process_t, connections_by_state), NEVER);
    html_table_begin(&table, "processes", "Processes");
    for (int i = 0; i < snapshot->process_count; i++) {
        put_process(&table, &snapshot->processes[i]);
    }
    for (int i = 0; i < snapshot->finishing_count; i++) {
        put_process(&table, &snapshot->finishing[i]);
    }
    html_table_end(&table);
}

static void put_worker(const html_table_t *table, const snapshot_worker_t *worker)
{
    char key[KEY_BYTES];

    apr_snprintf(key, sizeof(key), "%d.%d", (int)worker->slot, (int)worker->thread);
    html_table_row(table, worker, key);
}

void html_tables_workers(out_t *out, const snapshot_t *snapshot)
{
    const rows_t rows[2] = { { (const char *)snapshot->workers, snapshot->worker_count,
                               sizeof(snapshot_worker_t) },
                             { NULL, 0, 0 } };
    html_table_t table;
    int count;
    const metric_t *metrics = metrics_of(METRICS_WORKER, &count);

    html_table_init(&table, out, snapshot);
    /* With ExtendedStatus every column may get a value later: no column appears by itself. */
    for (int i = 0; i < count; i++) {
        if (snapshot->server.extended_status || any_row_knows(rows, &metrics[i], 0)) {
            html_table_add(&table, METRICS_WORKER, metrics[i].name);
        }
    }
    html_table_begin(&table, "workers", "Workers");
    for (int i = 0; i < snapshot->worker_count; i++) {
        put_worker(&table, &snapshot->workers[i]);
    }
    html_table_end(&table);
}

/* In a state in which somebody waits for the end of a request; page.js has the same letters. */
static int is_slow(const snapshot_worker_t *worker)
{
    return worker->since_us >= SLOW_US && worker->tunnel != 1
        && strchr("RWDL", worker->state[0]) != NULL;
}

/* Puts `worker` in its place among the slowest, at most SLOW_ROWS. @return how many there are */
static int place(const snapshot_worker_t **slowest, int count, const snapshot_worker_t *worker)
{
    int at = count < SLOW_ROWS ? count : SLOW_ROWS;

    while (at > 0 && slowest[at - 1]->since_us < worker->since_us) {
        if (at < SLOW_ROWS) {
            slowest[at] = slowest[at - 1];
        }
        at--;
    }
    if (at < SLOW_ROWS) {
        slowest[at] = worker;
    }
    return count < SLOW_ROWS ? count + 1 : SLOW_ROWS;
}

void html_tables_slow(out_t *out, const snapshot_t *snapshot)
{
    static const char *const columns[] = { "since_us", "request", "vhost", "client", "pid" };
    const snapshot_worker_t *slowest[SLOW_ROWS];
    html_table_t table;
    int count = 0;

    html_table_init(&table, out, snapshot);
    for (apr_size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        html_table_add(&table, METRICS_WORKER, columns[i]);
    }
    for (int i = 0; i < snapshot->worker_count; i++) {
        if (is_slow(&snapshot->workers[i])) {
            count = place(slowest, count, &snapshot->workers[i]);
        }
    }
    html_table_begin(&table, "slow", "Slow requests");
    for (int i = 0; i < count; i++) {
        put_worker(&table, slowest[i]);
    }
    html_table_end(&table);
}

/* ---- what is recorded ---------------------------------------------------------- */

/* The columns of a virtual host's times: which phase, which figure, under which name. */
static const struct {
    snapshot_spread_e phase;
    const char *prefix;
    const char *name;
    const char *label;
} vhost_times[] = {
    { SNAPSHOT_SPREAD_total, "latency.total.", "p50_us", "p50" },
    { SNAPSHOT_SPREAD_total, "latency.total.", "p90_us", "p90" },
    { SNAPSHOT_SPREAD_total, "latency.total.", "p99_us", "p99" },
    { SNAPSHOT_SPREAD_total, "latency.total.", "max_us", "Longest" },
    { SNAPSHOT_SPREAD_queue, "latency.queue.", "p99_us", "Queue p99" },
    { SNAPSHOT_SPREAD_handler, "latency.handler.", "p99_us", "Handler p99" },
    { SNAPSHOT_SPREAD_write, "latency.write.", "p99_us", "Write p99" },
};

static void add_vhost_columns(html_table_t *table)
{
    static const char *const counts[] = { "requests",      "in_flight",     "in_flight_peak",
                                          "responses_2xx", "responses_3xx", "responses_4xx",
                                          "responses_5xx", "aborted" };
    html_column_t *column;

    html_table_add(table, METRICS_VHOST, "name");
    column = html_table_add(table, METRICS_VHOST, "requests");
    column->is_rate = 1;
    column->label = "Requests/s";
    for (apr_size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        html_table_add(table, METRICS_VHOST, counts[i]);
    }
    for (apr_size_t i = 0; i < sizeof(vhost_times) / sizeof(vhost_times[0]); i++) {
        column = html_table_add(table, METRICS_LATENCY, vhost_times[i].name);
        column->prefix = vhost_times[i].prefix;
        column->label = vhost_times[i].label;
        column->offset = offsetof(snapshot_vhost_t, latency)
            + vhost_times[i].phase * sizeof(snapshot_latency_t);
    }
    html_table_add(table, METRICS_VHOST, "received_bytes");
    html_table_add(table, METRICS_VHOST, "sent_bytes");
}

void html_tables_vhosts(out_t *out, const snapshot_t *snapshot)
{
    html_table_t table;

    html_table_init(&table, out, snapshot);
    add_vhost_columns(&table);
    html_table_begin(&table, "vhosts", "Virtual hosts");
    for (int i = 0; i < snapshot->vhost_count; i++) {
        html_table_row(&table, &snapshot->vhosts[i], snapshot->vhosts[i].name);
    }
    html_table_end(&table);
}

static void add_all(html_table_t *table, metrics_scope_e scope)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        html_table_add(table, scope, metrics[i].name);
    }
}

void html_tables_handlers(out_t *out, const snapshot_t *snapshot)
{
    html_table_t table;

    html_table_init(&table, out, snapshot);
    add_all(&table, METRICS_HANDLER);
    html_table_begin(&table, "handlers", "Content handlers");
    for (int i = 0; i < snapshot->handler_count; i++) {
        html_table_row(&table, &snapshot->handlers[i], snapshot->handlers[i].name);
    }
    html_table_end(&table);
}

void html_tables_listeners(out_t *out, const snapshot_t *snapshot)
{
    html_table_t table;

    html_table_init(&table, out, snapshot);
    add_all(&table, METRICS_LISTENER);
    html_table_begin(&table, "listeners", "Listeners");
    for (int i = 0; i < snapshot->listener_count; i++) {
        html_table_row(&table, &snapshot->listeners[i], snapshot->listeners[i].address);
    }
    html_table_end(&table);
}

void html_tables_events(out_t *out, const snapshot_t *snapshot)
{
    static const char *const columns[] = { "time_us", "kind", "words" };
    html_table_t table;
    char key[KEY_BYTES];

    html_table_init(&table, out, snapshot);
    for (apr_size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        html_table_add(&table, METRICS_EVENT, columns[i])->label = i == 0 ? "Ago" : columns[i];
    }
    table.columns[1].label = "Event";
    table.columns[2].label = "What happened";
    html_table_begin(&table, "events", "Recent events");
    for (int i = 0; i < snapshot->event_count; i++) {
        apr_snprintf(key, sizeof(key), "%" APR_INT64_T_FMT, snapshot->events[i].number);
        html_table_row(&table, &snapshot->events[i], key);
    }
    html_table_end(&table);
}

/* ---- times by phase --------------------------------------------------------------- */

static void put_latency_cell(out_t *out, const char *when, const char *spread,
                             const metric_t *metric, const snapshot_latency_t *latency)
{
    html_value_t value = { metric, latency };
    char path[PATH_MAX_BYTES];

    apr_snprintf(path, sizeof(path), "%s.%s.%s", when, spread, metric->name);
    out_raw(out, strcmp(when, "now") == 0 ? "<td class=\"now\">" : "<td>");
    html_value_span(out, &value, path, strlen(path));
    out_raw(out, "</td>");
}

/* Of now, and of ever. */
static const char *const now[] = { "p50_us", "p90_us", "p99_us" };
static const char *const ever[] = { "p50_us", "p90_us", "p99_us", "p999_us", "max_us", "count" };

static void put_latency_title(out_t *out, const char *name, const char *class)
{
    const metric_t *metric = metrics_find(METRICS_LATENCY, name, strlen(name));

    out_raw(out, "<th scope=\"col\"");
    out_raw(out, class);
    out_raw(out, " title=\"");
    out_html(out, metric->help);
    out_raw(out, "\">");
    out_html(out, metric->label);
    out_raw(out, "</th>");
}

static void put_latency_header(out_t *out)
{
    out_raw(
        out,
        "<table id=\"latency\"><caption>Times by phase</caption><thead><tr><td rowspan=\"2\"></td>"
        "<th scope=\"colgroup\" colspan=\"3\" class=\"now\" title=\"Requests that ended in the last seconds\">"
        "last seconds</th><th scope=\"colgroup\" colspan=\"6\" title=\"Since the server was started\">"
        "since recording began</th></tr><tr>");
    for (apr_size_t i = 0; i < sizeof(now) / sizeof(now[0]); i++) {
        put_latency_title(out, now[i], " class=\"now\"");
    }
    for (apr_size_t i = 0; i < sizeof(ever) / sizeof(ever[0]); i++) {
        put_latency_title(out, ever[i], "");
    }
    out_raw(out, "</tr></thead>\n<tbody>\n");
}

static void put_latency_row(out_t *out, const snapshot_t *snapshot, int spread)
{
    const metrics_spread_t *about = &metrics_spreads[spread];
    snapshot_latency_t unknown;

    metrics_clear(METRICS_LATENCY, &unknown);
    out_raw(out, "<tr data-spread=\"");
    out_raw(out, about->name);
    out_raw(out, "\"><th scope=\"row\" title=\"");
    out_html(out, about->help);
    out_raw(out, "\"><span class=\"swatch\"></span>");
    out_raw(out, about->label);
    out_raw(out, "</th>");
    for (apr_size_t i = 0; i < sizeof(now) / sizeof(now[0]); i++) {
        put_latency_cell(out, "now", about->name,
                         metrics_find(METRICS_LATENCY, now[i], strlen(now[i])), &unknown);
    }
    for (apr_size_t i = 0; i < sizeof(ever) / sizeof(ever[0]); i++) {
        put_latency_cell(out, "latency", about->name,
                         metrics_find(METRICS_LATENCY, ever[i], strlen(ever[i])),
                         &snapshot->spreads[spread].latency);
    }
    out_raw(out, "</tr>\n");
}

void html_tables_latency(out_t *out, const snapshot_t *snapshot)
{
    /* The whole first, then what it consists of. */
    static const int order[] = { SNAPSHOT_SPREAD_total,        SNAPSHOT_SPREAD_head,
                                 SNAPSHOT_SPREAD_queue,        SNAPSHOT_SPREAD_handler,
                                 SNAPSHOT_SPREAD_write,        SNAPSHOT_SPREAD_tls_handshake,
                                 SNAPSHOT_SPREAD_keepalive_gap };

    put_latency_header(out);
    for (apr_size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (metrics_any_known(METRICS_LATENCY, &snapshot->spreads[order[i]].latency)) {
            put_latency_row(out, snapshot, order[i]);
        }
    }
    out_raw(out, "</tbody></table>");
}
