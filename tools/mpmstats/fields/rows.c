/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters and sorts rows.
 */
#include "fields/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

static rows_t rows_of(const field_t *fields, const char *section, const void *base, size_t size,
                      size_t count)
{
    rows_t rows = { fields, section, base, size, memory_get(count, sizeof(void *)), count };

    for (size_t i = 0; i < count; i++) {
        rows.items[i] = (const char *)base + i * size;
    }
    return rows;
}

rows_t rows_processes(const snapshot_t *snap)
{
    return rows_of(fields_process, "processes", snap->processes, sizeof(*snap->processes),
                   (size_t)snap->process_count);
}

rows_t rows_workers(const snapshot_t *snap)
{
    return rows_of(fields_worker, "workers", snap->workers, sizeof(*snap->workers),
                   (size_t)snap->worker_count);
}

rows_t rows_vhosts(const snapshot_t *snap)
{
    return rows_of(fields_vhost, "vhosts", snap->vhosts, sizeof(*snap->vhosts),
                   (size_t)snap->vhost_count);
}

rows_t rows_handlers(const snapshot_t *snap)
{
    return rows_of(fields_handler, "handlers", snap->handlers, sizeof(*snap->handlers),
                   (size_t)snap->handler_count);
}

rows_t rows_events(const snapshot_t *snap)
{
    return rows_of(fields_event, "events", snap->events, sizeof(*snap->events),
                   (size_t)snap->event_count);
}

void rows_keep(rows_t *rows, bool (*wanted)(const void *record, const void *context),
               const void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (wanted(rows->items[i], context)) {
            rows->items[kept++] = rows->items[i];
        }
    }
    rows->count = kept;
}

typedef struct {
    const field_t *field;
    bool reverse;
} order_t;

static int compare_numbers(double a, double b)
{
    return a > b ? -1 : a < b;
}

static int compare(const void *left, const void *right, void *context)
{
    const order_t *order = context;
    const void *a = *(const void *const *)left, *b = *(const void *const *)right;
    bool known = field_known(order->field, a);
    int result;

    if (known != field_known(order->field, b)) {
        return known ? -1 : 1;
    }
    if (!known) {
        result = 0;
    }
    else if (field_is_text(order->field)) {
        result = strcmp(field_string(order->field, a), field_string(order->field, b));
    }
    else {
        result = compare_numbers(field_number(order->field, a), field_number(order->field, b));
    }
    if (order->reverse) {
        result = -result;
    }
    /* stable: address order is the server's order */
    return result != 0 ? result : a < b ? -1 : a > b;
}

void rows_sort(rows_t *rows, const field_t *field, bool reverse)
{
    order_t order = { field, reverse };

    qsort_r(rows->items, rows->count, sizeof(*rows->items), compare, &order);
}

bool rows_know(const char *option, const char *words,
               bool (*known)(const char *word, size_t length), const char *all, failure_t *failure)
{
    while (*words != '\0') {
        size_t length = strcspn(words, ",");

        if (!known(words, length)) {
            failure_set(failure, RC_USAGE, "%s: unknown '%.*s'; choose from %s", option,
                        (int)length, words, all);
            return false;
        }
        words += length;
        words += *words == ',';
    }
    return true;
}

const field_t *rows_sort_field(const field_t *fields, const char *name, failure_t *failure)
{
    /* column headings that differ from field names */
    static const char *const headings[][2] = {
        { "age", "since_us" },      { "last", "last_duration_us" }, { "busy", "workers.busy" },
        { "idle", "workers.idle" }, { "max", "workers.max" },       { "gen", "generation" },
        { "conns", "connections" }, { "peak", "workers_peak" },     { "started", "started_us" },
    };
    const field_t *field = field_find(fields, name);
    const char *nearest;

    for (size_t i = 0; field == NULL && i < sizeof(headings) / sizeof(headings[0]); i++) {
        if (strcmp(headings[i][0], name) == 0) {
            field = field_find(fields, headings[i][1]);
        }
    }
    if (field != NULL) {
        return field;
    }
    nearest = field_nearest(fields, name);
    if (nearest == NULL) {
        nearest = fields[0].name;
    }
    failure_set(failure, RC_USAGE, "rows cannot be sorted by '%s'; try --sort %s", name, nearest);
    return NULL;
}

void rows_choose(rows_t *rows, const rows_choice_t *choice)
{
    rows_keep(rows, choice->wanted, choice->context);
    if (choice->sort != NULL) {
        rows_sort(rows, choice->sort, choice->reverse);
    }
    if (choice->first >= 0 && rows->count > (size_t)choice->first) {
        rows->count = (size_t)choice->first;
    }
}

static char *text_in_document(const rows_t *rows, json_t *document)
{
    json_t *all = json_object_get(document, rows->section), *chosen = json_array();
    char *text;

    for (size_t i = 0; i < rows->count; i++) {
        size_t index = (size_t)((const char *)rows->items[i] - (const char *)rows->base)
            / rows->size;

        json_array_append(chosen, json_array_get(all, index));
    }
    text = json_dumps(chosen, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(chosen);
    return text;
}

/* Replaces the section of @a snap by the selected rows. */
static void put_rows(snapshot_t *snap, const rows_t *rows, void *records)
{
    int count = (int)rows->count;

#define PUT(kind, counted) \
    if (rows->base == (const void *)snap->kind) { \
        snap->kind = records; \
        snap->counted = count; \
        return; \
    }
    PUT(processes, process_count)
    PUT(workers, worker_count)
    PUT(vhosts, vhost_count)
    PUT(handlers, handler_count)
    PUT(listeners, listener_count)
    PUT(events, event_count)
#undef PUT
}

char *rows_text(const rows_t *rows, const sample_t *sample)
{
    snapshot_t chosen = sample->snap;
    char *records, *text;

    if (sample->document != NULL || sample->describe == NULL) {
        return text_in_document(rows, sample->document);
    }
    records = memory_get(rows->count + 1, rows->size);
    for (size_t i = 0; i < rows->count; i++) {
        memcpy(records + i * rows->size, rows->items[i], rows->size);
    }
    put_rows(&chosen, rows, records);
    text = sample->describe(sample, &chosen, rows->section);
    free(records);
    return text;
}

void rows_free(rows_t *rows)
{
    free(rows->items);
    rows->items = NULL;
    rows->count = 0;
}
