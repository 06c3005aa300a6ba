/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table is a declaration: its columns, and the key of its rows. A header cell names its column,
 * for sorting by the script. The live form has no header and no classes of cells: it names the
 * columns once, and the script takes the rest from the page.
 */
#include "stats/page/html_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/format.h"
#include "stats/page/html_value.h"

#define COLUMNS_MAX 64
#define SLOW_US 1000000
#define SLOW_ROWS 12
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct {
    metrics_scope_e scope;
    const char *name;
    const char *label;  /* in the header; NULL: the metric's */
    const char *prefix; /* of its path in the JSON, from the row; NULL: none */
    apr_size_t offset;  /* of its record in the row */
    int is_rate;        /* a counter shown as its rate per second */
    const metric_t *metric;
} column_t;

#define COLUMN(record, metric, title) \
    { \
        .scope = METRICS_##record, .name = metric, .label = title \
    }
#define RATE(record, metric, title) \
    { \
        .scope = METRICS_##record, .name = metric, .label = title, .is_rate = 1 \
    }

typedef struct {
    const char *id;
    const char *caption;             /* for screen readers */
    const metric_t *key[2];          /* identifies a row; the second may be NULL */
    int (*is_busy)(const void *row); /* NULL: no row is marked as busy */
    int count;
    column_t columns[COLUMNS_MAX];
} table_t;

/* Rows that lie `stride` bytes apart. */
typedef struct {
    const void *first;
    int count;
    apr_size_t stride;
} rows_t;

#define ROWS(records, how_many) \
    { \
        records, how_many, sizeof(*(records)) \
    }

static const char *row_of(const rows_t *rows, int i)
{
    return (const char *)rows->first + (apr_size_t)i * rows->stride;
}

/* ---- columns -------------------------------------------------------------------- */

static table_t table_of(const char *id, const char *caption, metrics_scope_e scope, const char *key,
                        const char *more)
{
    table_t table = { .id = id, .caption = caption };

    table.key[0] = metrics_find(scope, key, strlen(key));
    table.key[1] = more != NULL ? metrics_find(scope, more, strlen(more)) : NULL;
    return table;
}

static void add(table_t *table, column_t column)
{
    column_t *to = &table->columns[table->count];

    table->count += table->count < COLUMNS_MAX - 1;
    *to = column;
    to->metric = metrics_find(column.scope, column.name, strlen(column.name));
    to->label = column.label != NULL ? column.label : to->metric->label;
    to->prefix = column.prefix != NULL ? column.prefix : "";
}

static void add_all(table_t *table, const column_t *columns, apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        add(table, columns[i]);
    }
}

static bool any_row_knows(const rows_t rows[2], const metric_t *metric, apr_size_t offset)
{
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < rows[part].count; i++) {
            if (metric_known(metric, row_of(&rows[part], i) + offset)) {
                return true;
            }
        }
    }
    return false;
}

static bool has_column(const table_t *table, const metric_t *metric)
{
    for (int i = 0; i < table->count; i++) {
        if (table->columns[i].metric == metric && !table->columns[i].is_rate) {
            return true;
        }
    }
    return false;
}

#define ALWAYS ((apr_size_t)0)
#define NEVER ((apr_size_t)-1)

/*
 * Adds the metrics of a scope that are known in any row, and all from `always` on, whose values may
 * come later.
 */
static void add_scope(table_t *table, const rows_t rows[2], column_t like, apr_size_t always)
{
    int count;
    const metric_t *metrics = metrics_of(like.scope, &count);

    for (int i = 0; i < count; i++) {
        if (!has_column(table, &metrics[i])
            && (metrics[i].offset >= always || any_row_knows(rows, &metrics[i], like.offset))) {
            like.name = metrics[i].name;
            add(table, like);
        }
    }
}

/* ---- cells ---------------------------------------------------------------------- */

/* The class of a cell for the style; without one the cell is a number. */
static const char *cell_class(const metric_t *metric)
{
    /* Figures that should be 0. */
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
    return "";
}

static void put_header_cell(out_t *out, const column_t *column)
{
    const metric_t *metric = column->metric;
    const char *rate = metric->unit == METRIC_UNIT_BYTES ? " data-rate=\"bytes\""
                                                         : " data-rate=\"count\"";
    bool is_name = metric->kind == METRIC_TEXT || metric->kind == METRIC_LETTER
        || metric->kind == METRIC_ID;

    out_print(out, "<th scope=\"col\" data-m=\"%s%s\" title=\"%h\" class=\"%s\"%s%s>%h</th>",
              column->prefix, metric->name, metric->help, cell_class(metric),
              column->is_rate ? rate : "", is_name ? " data-up" : "", column->label);
}

/* A known 0 is shown dimmed. */
static bool is_zero(const html_value_t *value)
{
    switch (value->metric->kind) {
    case METRIC_GAUGE:
    case METRIC_PEAK:
    case METRIC_COUNTER:
        return metric_known(value->metric, value->record) && html_value_amount(value) == 0;
    default:
        return false;
    }
}

/* A point in time is shown as the time since. */
static void put_age(out_t *out, const html_value_t *value, apr_int64_t now_us)
{
    apr_int64_t age = now_us - html_value_amount(value);
    char text[FORMAT_BYTES];

    if (metric_known(value->metric, value->record)) {
        out_raw(out, format_duration(text, age > 0 ? age : 0));
    }
}

static void put_cell(const html_t *html, const column_t *column, const char *row)
{
    html_value_t value = { column->metric, row + column->offset };
    const snapshot_server_t *server = &html->snapshot->server;
    const char *class = html_is_live(html) ? "" : cell_class(column->metric);
    bool zero = !column->is_rate && is_zero(&value);
    out_t *out = html->out;

    out_raw(out, "<td");
    if (zero || class[0] != '\0') {
        out_print(out, " class=\"%s%s\"", class, zero ? " zero" : "");
    }
    if (column->is_rate) {
        html_value_rate(html, &value, server->recorded_since_us);
    }
    else if (column->metric->kind == METRIC_TIME) {
        html_value_number(html, &value);
        out_raw(out, ">");
        put_age(out, &value, server->now_us);
    }
    else if (column->metric->kind == METRIC_LETTER) {
        const char *letter = metric_text(value.metric, value.record);

        out_print(out, "><i data-s=%h>%h</i>", letter, letter);
    }
    else {
        if (strcmp(column->metric->name, "kind") == 0) {
            out_print(out, " data-kind=\"%h\"", metric_text(value.metric, value.record));
        }
        html_value_number(html, &value);
        out_raw(out, ">");
        html_value_text(out, &value);
    }
}

/* ---- rows ----------------------------------------------------------------------- */

static void begin(const html_t *html, const table_t *table, int rows)
{
    out_t *out = html->out;

    out_print(out, "<table id=\"%s\" class=\"rows\"", table->id);
    if (html_is_live(html)) {
        out_raw(out, " data-columns=\"");
        for (int i = 0; i < table->count; i++) {
            out_print(out, "%s%s%s", i > 0 ? " " : "", table->columns[i].prefix,
                      table->columns[i].metric->name);
        }
        out_raw(out, "\" data-count=");
        out_number(out, rows);
        out_raw(out, "><tbody>\n");
        return;
    }
    out_print(out, "><caption>%s</caption><thead><tr>", table->caption);
    for (int i = 0; i < table->count; i++) {
        put_header_cell(out, &table->columns[i]);
    }
    out_raw(out, "</tr></thead>\n<tbody>\n");
}

static void put_row(const html_t *html, const table_t *table, const char *row)
{
    bool is_busy = table->is_busy != NULL && table->is_busy(row);
    out_t *out = html->out;

    if (table->is_busy != NULL && !is_busy && (html->parts & HTML_BUSY_ONLY)) {
        return;
    }
    out_raw(out, "<tr data-k=\"");
    for (int i = 0; i < 2 && table->key[i] != NULL; i++) {
        html_value_t value = { table->key[i], row };

        out_raw(out, i > 0 ? "." : "");
        html_value_text(out, &value);
    }
    out_raw(out, is_busy ? "\" data-busy>" : "\">");
    for (int i = 0; i < table->count; i++) {
        put_cell(html, &table->columns[i], row);
    }
    out_raw(out, "</tr>\n");
}

static void put_table(const html_t *html, const table_t *table, const rows_t rows[2])
{
    begin(html, table, rows[0].count + rows[1].count);
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < rows[part].count; i++) {
            put_row(html, table, row_of(&rows[part], i));
        }
    }
    out_raw(html->out, "</tbody></table>");
}

/* ---- processes and workers -------------------------------------------------- */

void html_table_processes(const html_t *html)
{
    const snapshot_t *snapshot = html->snapshot;
    const rows_t rows[2] = { ROWS(snapshot->processes, snapshot->process_count),
                             ROWS(snapshot->finishing, snapshot->finishing_count) };
    table_t table = table_of("processes", "Processes", METRICS_PROCESS, "pid", NULL);

    /* The record of a process is filled some time after its start. */
    add_scope(&table, rows, (column_t){ .scope = METRICS_PROCESS },
              snapshot->vhosts != NULL ? offsetof(snapshot_process_t, requests) : NEVER);
    add_scope(&table, rows,
              (column_t){ .scope = METRICS_PROCESS_WORKERS,
                          .prefix = "workers.",
                          .offset = offsetof(snapshot_process_t, workers) },
              NEVER);
    add_scope(&table, rows,
              (column_t){ .scope = METRICS_CONNECTIONS,
                          .prefix = "connections_by_state.",
                          .offset = offsetof(snapshot_process_t, connections_by_state) },
              NEVER);
    put_table(html, &table, rows);
}

static int is_busy(const void *row)
{
    const snapshot_worker_t *worker = row;

    return strchr("RWKDCL", worker->state[0]) != NULL;
}

void html_table_workers(const html_t *html)
{
    const snapshot_t *snapshot = html->snapshot;
    const rows_t rows[2] = { ROWS(snapshot->workers, snapshot->worker_count) };
    table_t table = table_of("workers", "Workers", METRICS_WORKER, "slot", "thread");

    table.is_busy = is_busy;
    /* With ExtendedStatus all columns are shown: each may get a value later. */
    add_scope(&table, rows, (column_t){ .scope = METRICS_WORKER },
              snapshot->server.extended_status ? ALWAYS : NEVER);
    put_table(html, &table, rows);
}

/* Whether the worker's state means that a client waits for the end of a request. */
static bool is_slow(const snapshot_worker_t *worker)
{
    return worker->since_us >= SLOW_US && worker->tunnel != 1
        && strchr("RWDL", worker->state[0]) != NULL;
}

/* Inserts `worker` into the slowest, at most SLOW_ROWS, by time. @return their number */
static int place(snapshot_worker_t *slowest, int count, const snapshot_worker_t *worker)
{
    int at = count < SLOW_ROWS ? count : SLOW_ROWS;

    while (at > 0 && slowest[at - 1].since_us < worker->since_us) {
        if (at < SLOW_ROWS) {
            slowest[at] = slowest[at - 1];
        }
        at--;
    }
    if (at < SLOW_ROWS) {
        slowest[at] = *worker;
    }
    return count < SLOW_ROWS ? count + 1 : SLOW_ROWS;
}

void html_table_slow(const html_t *html)
{
    static const column_t columns[] = {
        COLUMN(WORKER, "since_us", NULL), COLUMN(WORKER, "request", NULL),
        COLUMN(WORKER, "vhost", NULL), COLUMN(WORKER, "client", NULL), COLUMN(WORKER, "pid", NULL)
    };
    const snapshot_t *snapshot = html->snapshot;
    snapshot_worker_t slowest[SLOW_ROWS];
    table_t table = table_of("slow", "Slow requests", METRICS_WORKER, "slot", "thread");
    rows_t rows[2] = { ROWS(slowest, 0) };

    for (int i = 0; i < snapshot->worker_count; i++) {
        if (is_slow(&snapshot->workers[i])) {
            rows[0].count = place(slowest, rows[0].count, &snapshot->workers[i]);
        }
    }
    add_all(&table, columns, COUNT(columns));
    put_table(html, &table, rows);
}

/* ---- records of the segment ---------------------------------------------------- */

#define TIMES(phase, metric, title) \
    { \
        .scope = METRICS_LATENCY, .name = metric, .label = title, .prefix = "latency." #phase ".", \
        .offset = offsetof(snapshot_vhost_t, latency[SNAPSHOT_SPREAD_##phase]) \
    }

void html_table_vhosts(const html_t *html)
{
    static const column_t columns[] = {
        COLUMN(VHOST, "name", NULL),           RATE(VHOST, "requests", "Requests/s"),
        COLUMN(VHOST, "requests", NULL),       COLUMN(VHOST, "in_flight", NULL),
        COLUMN(VHOST, "in_flight_peak", NULL), COLUMN(VHOST, "responses_2xx", NULL),
        COLUMN(VHOST, "responses_3xx", NULL),  COLUMN(VHOST, "responses_4xx", NULL),
        COLUMN(VHOST, "responses_5xx", NULL),  COLUMN(VHOST, "aborted", NULL),
        TIMES(total, "p50_us", "p50"),         TIMES(total, "p90_us", "p90"),
        TIMES(total, "p99_us", "p99"),         TIMES(total, "max_us", "Longest"),
        TIMES(queue, "p99_us", "Queue p99"),   TIMES(handler, "p99_us", "Handler p99"),
        TIMES(write, "p99_us", "Write p99"),   COLUMN(VHOST, "received_bytes", NULL),
        COLUMN(VHOST, "sent_bytes", NULL),
    };
    const rows_t rows[2] = { ROWS(html->snapshot->vhosts, html->snapshot->vhost_count) };
    table_t table = table_of("vhosts", "Virtual hosts", METRICS_VHOST, "name", NULL);

    add_all(&table, columns, COUNT(columns));
    put_table(html, &table, rows);
}

void html_table_handlers(const html_t *html)
{
    const rows_t rows[2] = { ROWS(html->snapshot->handlers, html->snapshot->handler_count) };
    table_t table = table_of("handlers", "Content handlers", METRICS_HANDLER, "name", NULL);

    add(&table, (column_t)COLUMN(HANDLER, "name", NULL));
    add(&table, (column_t)RATE(HANDLER, "requests", "Requests/s"));
    add_scope(&table, rows, (column_t){ .scope = METRICS_HANDLER },
              offsetof(snapshot_handler_t, name) + 1);
    put_table(html, &table, rows);
}

void html_table_listeners(const html_t *html)
{
    const rows_t rows[2] = { ROWS(html->snapshot->listeners, html->snapshot->listener_count) };
    table_t table = table_of("listeners", "Listeners", METRICS_LISTENER, "address", NULL);

    add_scope(&table, rows, (column_t){ .scope = METRICS_LISTENER }, ALWAYS);
    put_table(html, &table, rows);
}

void html_table_events(const html_t *html)
{
    static const column_t columns[] = { COLUMN(EVENT, "time_us", "Ago"),
                                        COLUMN(EVENT, "kind", "Event"),
                                        COLUMN(EVENT, "words", "What happened") };
    const rows_t rows[2] = { ROWS(html->snapshot->events, html->snapshot->event_count) };
    table_t table = table_of("events", "Recent events", METRICS_EVENT, "number", NULL);

    add_all(&table, columns, COUNT(columns));
    put_table(html, &table, rows);
}
