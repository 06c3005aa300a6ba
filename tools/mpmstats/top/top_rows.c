/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of `top`: columns, filter and order.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields/fields.h"
#include "fields/figure.h"
#include "fields/measure.h"
#include "common/memory.h"
#include "term/table.h"
#include "common/text.h"
#include "fields/derive.h"
#include "top/top.h"
#include "view/view.h"

static const top_column_t worker_columns[] = {
    { .name = "pid", .title = "PID", .width = 7, .right = true, .drop = 3 },
    { .name = "state", .title = "S", .width = 1 },
    { .name = "state_name", .title = "STATE", .width = 9, .drop = 4 },
    { .name = "since_us", .title = "AGE", .width = 7, .right = true },
    { .name = "last_duration_us", .title = "LAST", .width = 7, .right = true, .drop = 6 },
    { .name = "requests", .title = "REQS", .width = 7, .right = true, .drop = 7 },
    { .name = "client", .title = "CLIENT", .width = 15, .drop = 1 },
    { .name = "vhost", .title = "VHOST", .width = 20, .drop = 2 },
    { .name = "protocol", .title = "PROTOCOL", .width = 8, .drop = 5 },
    { .name = "handler", .title = "HANDLER", .width = 15, .from = 160, .drop = 8 },
    { .name = "request", .title = "REQUEST", .width = 20 },
};

static const top_column_t process_columns[] = {
    { .name = "slot", .title = "SLOT", .width = 4, .right = true, .drop = 7 },
    { .name = "pid", .title = "PID", .width = 7, .right = true },
    { .name = "generation", .title = "GEN", .width = 4, .right = true, .drop = 8 },
    { .name = "state", .title = "STATE", .width = 13, .drop = 3 },
    { .name = "started_us", .title = "AGE", .width = 7, .right = true, .age = true, .drop = 4 },
    { .name = "workers.busy", .title = "BUSY", .width = 5, .right = true },
    { .name = "workers.idle", .title = "IDLE", .width = 5, .right = true, .drop = 1 },
    { .name = "workers.max", .title = "MAX", .width = 5, .right = true, .drop = 6 },
    { .name = "connections", .title = "CONNS", .width = 6, .right = true },
    { .name = "connections.keepalive", .title = "KEEPAL", .width = 6, .right = true, .drop = 5 },
    { .name = "connections.head", .title = "HEAD", .width = 6, .right = true, .drop = 10 },
    { .name = "connections.write", .title = "WRITE", .width = 6, .right = true, .drop = 9 },
    { .name = "shed", .title = "SHED", .width = 5, .right = true, .drop = 11 },
    { .name = "scoreboard", .title = "WORKERS", .width = 10 },
};

/* Latencies cover the time since the server's start; rates show the present. */
static const top_column_t vhost_columns[] = {
    { .name = "requests", .title = "REQ/S", .width = 7, .right = true, .rate = true },
    { .name = "requests", .title = "REQUESTS", .width = 8, .right = true, .drop = 5 },
    { .name = "in_flight", .title = "NOW", .width = 4, .right = true },
    { .name = "responses_4xx",
      .title = "4XX/S",
      .width = 6,
      .right = true,
      .rate = true,
      .drop = 4 },
    { .name = "responses_5xx", .title = "5XX/S", .width = 6, .right = true, .rate = true },
    { .name = "sent_bytes", .title = "OUT/S", .width = 8, .right = true, .rate = true, .drop = 2 },
    { .name = "received_bytes",
      .title = "IN/S",
      .width = 8,
      .right = true,
      .rate = true,
      .drop = 7 },
    { .name = "queue.p99", .title = "QUEUE P99", .width = 9, .right = true, .drop = 1 },
    { .name = "handler.p99", .title = "HANDLER P99", .width = 9, .right = true, .drop = 6 },
    { .name = "total.p50", .title = "TOTAL P50", .width = 9, .right = true, .drop = 3 },
    { .name = "total.p99", .title = "TOTAL P99", .width = 9, .right = true },
    { .name = "name", .title = "VHOST", .width = 20 },
};

#define LIST(heading, table, by) \
    { \
        .title = heading, .columns = table, .column_count = sizeof(table) / sizeof((table)[0]), \
        .sort = by \
    }

void top_init(top_t *top)
{
    memset(top, 0, sizeof(*top));
    top->lists[TOP_WORKERS] = (top_list_t)LIST("Workers", worker_columns, 3);
    top->lists[TOP_PROCESSES] = (top_list_t)LIST("Processes", process_columns, 5);
    top->lists[TOP_VHOSTS] = (top_list_t)LIST("Virtual hosts", vhost_columns, 0);
    top->page = 1;
}

const field_t *top_fields(const top_t *top)
{
    static const field_t *const fields[TOP_LISTS] = { fields_worker, fields_process, fields_vhost };

    return fields[top->list];
}

/* ---- rates ---- */

static bool same_name(const snapshot_vhost_t *a, const snapshot_vhost_t *b)
{
    return a->name != NULL && b->name != NULL && strcmp(a->name, b->name) == 0;
}

/* The virtual host in the previous sample, usually at the same index; NULL: none. */
static const snapshot_vhost_t *vhost_before(const top_t *top, const snapshot_vhost_t *now)
{
    const snapshot_t *before = &top->before->snap;
    int index = (int)(now - top->now->snap.vhosts);

    if (index < before->vhost_count && same_name(&before->vhosts[index], now)) {
        return &before->vhosts[index];
    }
    for (int i = 0; i < before->vhost_count; i++) {
        if (same_name(&before->vhosts[i], now)) {
            return &before->vhosts[i];
        }
    }
    return NULL;
}

/* Growth per second; NAN: unknown. */
static double rate_of(const top_t *top, const field_t *field, const snapshot_vhost_t *now)
{
    const snapshot_vhost_t *before;
    double seconds, grown;

    if (top->before == NULL || measure_restarted(&top->before->snap, &top->now->snap)
        || (before = vhost_before(top, now)) == NULL) {
        return NAN;
    }
    seconds = measure_seconds(&top->before->snap, &top->now->snap);
    grown = field_number(field, now) - field_number(field, before);
    return seconds > 0 && grown >= 0 ? grown / seconds : NAN;
}

static char *rate_text(const top_t *top, const field_t *field, const void *record)
{
    double rate = rate_of(top, field, record);

    if (isnan(rate)) {
        return NULL;
    }
    return field->unit == METRIC_UNIT_BYTES ? figure_bytes(rate)
                                            : memory_format("%.*f", rate < 100 ? 1 : 0, rate);
}

/* ---- cells ---- */

static char *age_of(const top_t *top, const field_t *field, const void *record)
{
    apr_int64_t now = top->now->snap.server.now_us;

    if (now == SNAPSHOT_UNKNOWN || !field_known(field, record)) {
        return NULL;
    }
    return figure_span(fmax(0, (double)now - field_number(field, record)));
}

char *top_cell(const top_t *top, const top_column_t *column, const void *record)
{
    const field_t *field = field_find(top_fields(top), column->name);

    if (column->age) {
        return age_of(top, field, record);
    }
    if (column->rate) {
        return rate_text(top, field, record);
    }
    return field_known(field, record) ? figure_field(field, record) : NULL;
}

style_e top_row_style(const top_t *top, const void *record)
{
    const snapshot_worker_t *worker = record;

    if (top->list == TOP_PROCESSES) {
        return view_process_style(record);
    }
    if (top->list == TOP_VHOSTS) {
        return STYLE_PLAIN;
    }
    return worker->state != NULL ? table_letter_style(worker->state[0]) : STYLE_PLAIN;
}

static rows_t all_rows(const top_t *top)
{
    const snapshot_t *snap = &top->now->snap;

    return top->list == TOP_WORKERS  ? rows_workers(snap)
        : top->list == TOP_PROCESSES ? rows_processes(snap)
                                     : rows_vhosts(snap);
}

bool top_column_known(const top_t *top, const top_column_t *column)
{
    const field_t *field = field_find(top_fields(top), column->name);
    rows_t rows = all_rows(top);
    bool known = rows.count == 0;

    for (size_t i = 0; i < rows.count && !known; i++) {
        known = field_known(field, rows.items[i]);
    }
    rows_free(&rows);
    return known;
}

/* ---- the same row in the next sample ---- */

top_identity_t top_identify(const top_t *top, const void *record)
{
    const snapshot_worker_t *worker = record;
    const snapshot_process_t *process = record;
    const snapshot_vhost_t *vhost = record;
    top_identity_t identity = { 0, 0, 0, "" };

    if (top->list == TOP_WORKERS) {
        return (top_identity_t){ worker->slot, worker->thread, worker->pid, "" };
    }
    if (top->list == TOP_PROCESSES) {
        return (top_identity_t){ process->slot, 0, process->pid, "" };
    }
    snprintf(identity.name, sizeof(identity.name), "%s", vhost->name != NULL ? vhost->name : "");
    return identity;
}

const void *top_find(const top_t *top, const top_identity_t *identity)
{
    rows_t rows = all_rows(top);
    const void *found = NULL;

    for (size_t i = 0; i < rows.count && found == NULL; i++) {
        top_identity_t each = top_identify(top, rows.items[i]);

        if (each.slot == identity->slot && each.thread == identity->thread
            && each.pid == identity->pid && strcmp(each.name, identity->name) == 0) {
            found = rows.items[i];
        }
    }
    rows_free(&rows);
    return found;
}

/* ---- filter and order ---- */

static bool contains(const field_t *fields, const void *record, const char *text)
{
    for (const field_t *field = fields; field->name != NULL; field++) {
        char *plain = field->kind == METRIC_TEXT || field->kind == METRIC_ID
            ? field_plain(field, record)
            : NULL;
        bool found = plain != NULL && strcasestr(plain, text) != NULL;

        free(plain);
        if (found) {
            return true;
        }
    }
    return false;
}

static bool wanted(const void *record, const void *context)
{
    const top_t *top = context;

    if (top->list == TOP_WORKERS && !top->show_idle && !derive_worker_busy(record)) {
        return false;
    }
    return top->filter[0] == '\0' || contains(top_fields(top), record, top->filter);
}

typedef struct {
    const void *record;
    double rate;
} rated_t;

/* Descending, unknown last, stable. */
static int by_rate(const void *left, const void *right)
{
    const rated_t *a = left, *b = right;

    if (isnan(a->rate) != isnan(b->rate)) {
        return isnan(a->rate) ? 1 : -1;
    }
    if (!isnan(a->rate) && a->rate != b->rate) {
        return a->rate > b->rate ? -1 : 1;
    }
    return a->record < b->record ? -1 : a->record > b->record;
}

static void sort_by_rate(const top_t *top, rows_t *rows, const field_t *field, bool reverse)
{
    rated_t *rated = memory_get(rows->count + 1, sizeof(*rated));

    for (size_t i = 0; i < rows->count; i++) {
        rated[i] = (rated_t){ rows->items[i],
                              (reverse ? -1 : 1) * rate_of(top, field, rows->items[i]) };
    }
    qsort(rated, rows->count, sizeof(*rated), by_rate);
    for (size_t i = 0; i < rows->count; i++) {
        rows->items[i] = rated[i].record;
    }
    free(rated);
}

rows_t top_rows(const top_t *top)
{
    const top_list_t *list = &top->lists[top->list];
    const top_column_t *column = &list->columns[list->sort];
    rows_t rows = all_rows(top);

    rows_keep(&rows, wanted, top);
    if (column->rate) {
        sort_by_rate(top, &rows, field_find(top_fields(top), column->name), list->reverse);
    }
    else { /* greatest age: smallest point in time */
        rows_sort(&rows, field_find(top_fields(top), column->name), list->reverse != column->age);
    }
    return rows;
}

void top_bound(top_t *top, size_t count)
{
    top_list_t *list = &top->lists[top->list];
    size_t page = top->page > 0 ? (size_t)top->page : 1;

    if (list->selected >= count) {
        list->selected = count > 0 ? count - 1 : 0;
    }
    if (list->first > list->selected) {
        list->first = list->selected;
    }
    if (list->selected >= list->first + page) {
        list->first = list->selected - page + 1;
    }
    /* fill the page: no empty lines while rows are hidden above */
    if (list->first + page > count) {
        list->first = count > page ? count - page : 0;
    }
}
