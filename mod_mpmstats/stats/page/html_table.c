/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header cells carry path and format, so that the script can fill rows in the same
 * way without a list of columns of its own.
 */
#include "stats/page/html_table.h"

#include <string.h>

#include "base/format.h"
#include "stats/page/html_value.h"

void html_table_init(html_table_t *table, out_t *out, const snapshot_t *snapshot)
{
    table->out = out;
    table->snapshot = snapshot;
    table->count = 0;
}

html_column_t *html_table_add(html_table_t *table, metrics_scope_e scope, const char *name)
{
    html_column_t *column = &table->columns[table->count];

    if (table->count < HTML_TABLE_COLUMNS - 1) {
        table->count++;
    }
    column->metric = metrics_find(scope, name, strlen(name));
    column->prefix = "";
    column->offset = 0;
    column->label = column->metric->label;
    column->is_rate = 0;
    return column;
}

/* Cells hold numbers unless their class says otherwise; the style knows them by it. */
static const char *cell_class(const metric_t *metric)
{
    /* What ought to be 0. */
    static const char *const bad[] = { "responses_5xx", "shed", "workers_hung" };

    if (metric->kind == METRIC_TEXT || metric->kind == METRIC_LETTER
        || metric->unit == METRIC_UNIT_MICROSECONDS) {
        return metric->name;
    }
    for (apr_size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (strcmp(metric->name, bad[i]) == 0) {
            return "bad";
        }
    }
    return NULL;
}

static void put_class(out_t *out, const metric_t *metric, int zero)
{
    const char *name = cell_class(metric);

    if (name != NULL || zero) {
        out_raw(out, " class=\"");
        out_raw(out, name != NULL ? name : "");
        out_raw(out, zero ? name != NULL ? " zero" : "zero" : "");
        out_raw(out, "\"");
    }
}

static const char *format_of(const html_column_t *column)
{
    if (column->is_rate) {
        return column->metric->unit == METRIC_UNIT_BYTES ? "rate-bytes" : "rate";
    }
    return column->metric->kind == METRIC_TIME ? "age" : html_value_format(column->metric);
}

static void put_header_cell(out_t *out, const html_column_t *column)
{
    out_raw(out, "<th scope=\"col\" data-m=\"");
    out_raw(out, column->prefix);
    out_raw(out, column->metric->name);
    out_raw(out, "\" data-f=\"");
    out_raw(out, format_of(column));
    out_raw(out, "\" title=\"");
    out_html(out, column->metric->help);
    out_raw(out, "\"");
    put_class(out, column->metric, 0);
    out_raw(out, ">");
    out_html(out, column->label);
    out_raw(out, "</th>");
}

void html_table_begin(const html_table_t *table, const char *id, const char *caption)
{
    out_raw(table->out, "<table id=\"");
    out_raw(table->out, id);
    out_raw(table->out, "\"><caption>");
    out_raw(table->out, caption);
    out_raw(table->out, "</caption><thead><tr>");
    for (int i = 0; i < table->count; i++) {
        put_header_cell(table->out, &table->columns[i]);
    }
    out_raw(table->out, "</tr></thead>\n<tbody>\n");
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

/* The average since recording began; the script shows what is now. */
static void put_rate(out_t *out, const html_value_t *value, const snapshot_server_t *server)
{
    double seconds = (double)(server->now_us - server->recorded_since_us) / 1e6;
    double rate;
    char text[FORMAT_BYTES];

    if (!metric_known(value->metric, value->record) || server->recorded_since_us == SNAPSHOT_UNKNOWN
        || seconds <= 0.0) {
        return;
    }
    rate = (double)html_value_amount(value) / seconds;
    out_raw(out,
            value->metric->unit == METRIC_UNIT_BYTES ? format_bytes(text, (apr_int64_t)rate)
                                                     : format_rate(text, rate));
}

/* A figure that is there and 0 steps back; page.js knows it by its text. */
static int is_zero(const html_value_t *value, const html_column_t *column)
{
    metric_kind_e kind = value->metric->kind;

    return !column->is_rate && kind != METRIC_TEXT && kind != METRIC_LETTER && kind != METRIC_REAL
        && kind != METRIC_TIME && kind != METRIC_ID && kind != METRIC_FLAG && kind != METRIC_CEILING
        && metric_known(value->metric, value->record) && html_value_amount(value) == 0;
}

static void put_cell(const html_table_t *table, const html_column_t *column, const char *row)
{
    html_value_t value = { column->metric, row + column->offset };
    out_t *out = table->out;

    out_raw(out, "<td");
    put_class(out, column->metric, is_zero(&value, column));
    if (column->metric->kind == METRIC_TEXT && strcmp(column->metric->name, "kind") == 0) {
        out_raw(out, " data-v=\"");
        html_value_text(out, &value);
        out_raw(out, "\"");
    }
    out_raw(out, ">");
    if (column->is_rate) {
        put_rate(out, &value, &table->snapshot->server);
    }
    else if (column->metric->kind == METRIC_LETTER) {
        put_letter(out, &value);
    }
    else if (column->metric->kind == METRIC_TIME) {
        put_age(out, &value, table->snapshot->server.now_us);
    }
    else {
        html_value_text(out, &value);
    }
}

void html_table_row(const html_table_t *table, const void *row, const char *key)
{
    out_raw(table->out, "<tr data-k=\"");
    out_html(table->out, key);
    out_raw(table->out, "\">");
    for (int i = 0; i < table->count; i++) {
        put_cell(table, &table->columns[i], row);
    }
    out_raw(table->out, "</tr>\n");
}

void html_table_end(const html_table_t *table)
{
    out_raw(table->out, "</tbody></table>");
}
