/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables are drawn from metrics.def: their columns are the metrics of a scope that
 * any row knows. The header cells carry path and format, so that the script can
 * fill rows in the same way without a list of columns of its own.
 */
#include "stats/html_table.h"

#include <stddef.h>
#include <string.h>

#include "apr_strings.h"
#include "stats/format.h"
#include "stats/html_value.h"
#include "stats/metrics.h"

#define COLUMNS_MAX 64
#define PATH_MAX_BYTES 64

typedef struct {
    const metric_t *metric;
    const char *prefix;     /* of its path in the JSON, from the row */
    apr_size_t offset;      /* of its record in the row */
} column_t;

/* Rows that lie `stride` bytes apart. */
typedef struct {
    const char *first;
    int count;
    apr_size_t stride;
} rows_t;

typedef struct {
    rows_t rows[2];
    apr_int64_t now_us;
    column_t columns[COLUMNS_MAX];
    int column_count;
} table_t;

static const char *row_at(const rows_t *rows, int i)
{
    return rows->first + (apr_size_t)i * rows->stride;
}

static int any_row_knows(const table_t *table, const metric_t *metric, apr_size_t offset)
{
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < table->rows[part].count; i++) {
            if (metric_known(metric, row_at(&table->rows[part], i) + offset)) {
                return 1;
            }
        }
    }
    return 0;
}

/* Adds the metrics of a scope; those no row knows only if `all`. */
static void add_columns(table_t *table, metrics_scope_e scope, const char *prefix,
                        apr_size_t offset, int all)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count && table->column_count < COLUMNS_MAX; i++) {
        if (all || any_row_knows(table, &metrics[i], offset)) {
            table->columns[table->column_count++] = (column_t){&metrics[i], prefix, offset};
        }
    }
}

/* Cells hold numbers unless their class says otherwise; the style knows them by it. */
static const char *cell_class(const metric_t *metric)
{
    if (metric->kind == METRIC_TEXT || metric->kind == METRIC_LETTER
        || metric->unit == METRIC_UNIT_MICROSECONDS) {
        return metric->name;
    }
    return NULL;
}

static void put_class(out_t *out, const metric_t *metric)
{
    const char *name = cell_class(metric);

    if (name != NULL) {
        out_raw(out, " class=");
        out_raw(out, name);
    }
}

static void put_header(out_t *out, const table_t *table)
{
    out_raw(out, "<thead><tr>");
    for (int i = 0; i < table->column_count; i++) {
        const metric_t *metric = table->columns[i].metric;

        out_raw(out, "<th scope=\"col\" data-m=\"");
        out_raw(out, table->columns[i].prefix);
        out_raw(out, metric->name);
        out_raw(out, "\" data-f=\"");
        out_raw(out, metric->kind == METRIC_TIME ? "age" : html_value_format(metric));
        out_raw(out, "\" title=\"");
        out_html(out, metric->help);
        out_raw(out, "\"");
        put_class(out, metric);
        out_raw(out, ">");
        out_html(out, metric->label);
        out_raw(out, "</th>");
    }
    out_raw(out, "</tr></thead>\n");
}

static void put_letter(out_t *out, const html_value_t *value)
{
    out_raw(out, "<i data-s=");
    html_value_text(out, value);
    out_raw(out, ">");
    html_value_text(out, value);
    out_raw(out, "</i>");
}

/* In a row a point in time is shown as the time since. */
static void put_age(out_t *out, const html_value_t *value, apr_int64_t now_us)
{
    apr_int64_t age = now_us - html_value_amount(value);
    char text[FORMAT_BYTES];

    if (metric_known(value->metric, value->record)) {
        out_raw(out, format_duration(text, age > 0 ? age : 0));
    }
}

static void put_cell(out_t *out, const table_t *table, const column_t *column, const char *row)
{
    html_value_t value = {column->metric, row + column->offset};

    out_raw(out, "<td");
    put_class(out, column->metric);
    out_raw(out, ">");
    switch (column->metric->kind) {
    case METRIC_LETTER:
        put_letter(out, &value);
        break;
    case METRIC_TIME:
        put_age(out, &value, table->now_us);
        break;
    default:
        html_value_text(out, &value);
        break;
    }
}

static void put_row(out_t *out, const table_t *table, const char *row, const char *key)
{
    out_raw(out, "<tr data-k=\"");
    out_raw(out, key);
    out_raw(out, "\">");
    for (int i = 0; i < table->column_count; i++) {
        put_cell(out, table, &table->columns[i], row);
    }
    out_raw(out, "</tr>\n");
}

/* The slot tells processes apart, and where one is without, its number. */
static void put_process_row(out_t *out, const table_t *table, const snapshot_process_t *process)
{
    char key[32];

    if (process->slot != SNAPSHOT_UNKNOWN) {
        apr_snprintf(key, sizeof(key), "%d", (int)process->slot);
    }
    else {
        apr_snprintf(key, sizeof(key), "p%d", (int)process->pid);
    }
    put_row(out, table, (const char *)process, key);
}

void html_table_processes(out_t *out, const snapshot_t *snapshot)
{
    table_t table = {
        .rows = {{(const char *)snapshot->processes, snapshot->process_count,
                  sizeof(snapshot_process_t)},
                 {(const char *)snapshot->finishing, snapshot->finishing_count,
                  sizeof(snapshot_process_t)}},
        .now_us = snapshot->server.now_us};

    add_columns(&table, METRICS_PROCESS, "", 0, 0);
    add_columns(&table, METRICS_PROCESS_WORKERS, "workers.", offsetof(snapshot_process_t, workers),
                0);
    add_columns(&table, METRICS_CONNECTIONS, "connections_by_state.",
                offsetof(snapshot_process_t, connections_by_state), 0);
    out_raw(out, "<table id=\"processes\">");
    put_header(out, &table);
    out_raw(out, "<tbody>\n");
    for (int i = 0; i < snapshot->process_count; i++) {
        put_process_row(out, &table, &snapshot->processes[i]);
    }
    for (int i = 0; i < snapshot->finishing_count; i++) {
        put_process_row(out, &table, &snapshot->finishing[i]);
    }
    out_raw(out, "</tbody></table>");
}

void html_table_workers(out_t *out, const snapshot_t *snapshot)
{
    table_t table = {.rows = {{(const char *)snapshot->workers, snapshot->worker_count,
                               sizeof(snapshot_worker_t)}},
                     .now_us = snapshot->server.now_us};

    /* With ExtendedStatus every column may get a value later: no column appears by itself. */
    add_columns(&table, METRICS_WORKER, "", 0, (int)snapshot->server.extended_status);
    out_raw(out, "<table id=\"workers\">");
    put_header(out, &table);
    out_raw(out, "<tbody>\n");
    for (int i = 0; i < snapshot->worker_count; i++) {
        char key[64];

        apr_snprintf(key, sizeof(key), "%d.%d", (int)snapshot->workers[i].slot,
                     (int)snapshot->workers[i].thread);
        put_row(out, &table, (const char *)&snapshot->workers[i], key);
    }
    out_raw(out, "</tbody></table>");
}

/* A value of `snapshot` with its label, as an item of a description list. */
static void put_item(out_t *out, const html_value_t *value, const char *path)
{
    out_raw(out, "<dt title=\"");
    out_html(out, value->metric->help);
    out_raw(out, "\">");
    out_html(out, value->metric->label);
    out_raw(out, "</dt><dd>");
    html_value_span(out, value, path, strlen(path));
    out_raw(out, "</dd>");
}

void html_table_limits(out_t *out, const snapshot_t *snapshot)
{
    int count;
    const metric_t *metrics = metrics_of(METRICS_LIMITS, &count);

    out_raw(out, "<dl class=\"list\">\n");
    for (int i = 0; i < count; i++) {
        html_value_t value = {&metrics[i], &snapshot->limits};
        char path[PATH_MAX_BYTES];

        if (metric_known(&metrics[i], &snapshot->limits)) {
            apr_snprintf(path, sizeof(path), "limits.%s", metrics[i].name);
            out_raw(out, "<div>");
            put_item(out, &value, path);
            out_raw(out, "</div>\n");
        }
    }
    out_raw(out, "</dl>");
}

static apr_int64_t amount_at(const snapshot_t *snapshot, const char *path)
{
    html_value_t value;

    return html_value_find(&value, snapshot, path, strlen(path)) ? html_value_amount(&value) : 0;
}

void html_table_bar(out_t *out, const snapshot_t *snapshot, const char *value, const char *max,
                    const char *label)
{
    apr_int64_t amount = amount_at(snapshot, value);
    apr_int64_t limit = amount_at(snapshot, max);
    double percent = limit > 0 ? 100.0 * (double)amount / (double)limit : 0.0;
    char text[512];

    apr_snprintf(text, sizeof(text),
                 "<svg class=\"bar\" role=\"meter\" aria-label=\"%s\" aria-valuemin=\"0\" "
                 "aria-valuemax=\"%" APR_INT64_T_FMT "\" aria-valuenow=\"%" APR_INT64_T_FMT
                 "\" data-bar=\"%s\" data-max=\"%s\" viewBox=\"0 0 100 1\" "
                 "preserveAspectRatio=\"none\"><rect width=\"%.1f\" height=\"1\"/></svg>",
                 label, limit, amount, value, max, percent > 100.0 ? 100.0 : percent);
    out_raw(out, text);
}

/* What only the script knows has an empty cell, so that nothing moves when it comes. */
static void put_state(out_t *out, const snapshot_t *snapshot, const html_value_t *value)
{
    char path[PATH_MAX_BYTES];

    apr_snprintf(path, sizeof(path), "totals.connections_by_state.%s", value->metric->name);
    out_raw(out, "<div>");
    put_item(out, value, path);
    out_raw(out, "<dd class=\"peak\"><span data-peak=\"");
    out_raw(out, path);
    out_raw(out, "\" data-f=\"count\"></span></dd><dd>");
    html_table_bar(out, snapshot, path, "totals.connections", value->metric->label);
    out_raw(out, "</dd></div>\n");
}

void html_table_connections(out_t *out, const snapshot_t *snapshot)
{
    int count;
    const metric_t *metrics = metrics_of(METRICS_CONNECTIONS, &count);

    for (int i = 0; i < count; i++) {
        html_value_t value = {&metrics[i], &snapshot->connections};

        if (metric_known(&metrics[i], &snapshot->connections)) {
            put_state(out, snapshot, &value);
        }
    }
}
