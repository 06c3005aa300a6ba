/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing and sorting rows.
 */
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static rows_t rows_of(const field_t *fields, const char *section, const void *base, size_t size,
                      size_t count)
{
    rows_t rows = {fields, section, base, size, memory_get(count, sizeof(void *)), count};

    for (size_t i = 0; i < count; i++)
        rows.items[i] = (const char *)base + i * size;
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
    return rows_of(fields_vhost, "vhosts", snap->vhosts, sizeof(*snap->vhosts), (size_t)snap->vhost_count);
}

rows_t rows_handlers(const snapshot_t *snap)
{
    return rows_of(fields_handler, "handlers", snap->handlers, sizeof(*snap->handlers), (size_t)snap->handler_count);
}

rows_t rows_events(const snapshot_t *snap)
{
    return rows_of(fields_event, "events", snap->events, sizeof(*snap->events), (size_t)snap->event_count);
}

void rows_keep(rows_t *rows, bool (*wanted)(const void *record, const void *context),
               const void *context)
{
    size_t kept = 0;

    for (size_t i = 0; i < rows->count; i++) {
        if (wanted(rows->items[i], context))
            rows->items[kept++] = rows->items[i];
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

    if (known != field_known(order->field, b))
        return known ? -1 : 1;
    if (!known)
        result = 0;
    else if (field_is_text(order->field))
        result = strcmp(field_string(order->field, a), field_string(order->field, b));
    else
        result = compare_numbers(field_number(order->field, a), field_number(order->field, b));
    if (order->reverse)
        result = -result;
    /* records lie in the server's order */
    return result != 0 ? result : a < b ? -1 : a > b;
}

void rows_sort(rows_t *rows, const field_t *field, bool reverse)
{
    order_t order = {field, reverse};

    qsort_r(rows->items, rows->count, sizeof(*rows->items), compare, &order);
}

const field_t *rows_sort_field(const field_t *fields, const char *name, failure_t *failure)
{
    /* the headings people see, where they are not the names */
    static const char *const headings[][2] = {
        {"age", "since_us"}, {"last", "last_duration_us"}, {"busy", "workers.busy"},
        {"idle", "workers.idle"}, {"max", "workers.max"}, {"gen", "generation"},
        {"conns", "connections"}, {"peak", "workers_peak"}, {"started", "started_us"},
    };
    const field_t *field = field_find(fields, name);
    const char *nearest;

    for (size_t i = 0; field == NULL && i < sizeof(headings) / sizeof(headings[0]); i++) {
        if (strcmp(headings[i][0], name) == 0)
            field = field_find(fields, headings[i][1]);
    }
    if (field != NULL)
        return field;
    nearest = field_nearest(fields, name);
    if (nearest == NULL)
        nearest = fields[0].name;
    failure_set(failure, RC_USAGE, "rows cannot be sorted by '%s'; try --sort %s", name, nearest);
    return NULL;
}

void rows_first(rows_t *rows, size_t count)
{
    if (rows->count > count)
        rows->count = count;
}

json_t *rows_json(const rows_t *rows, json_t *document)
{
    json_t *all = json_object_get(document, rows->section), *chosen = json_array();

    for (size_t i = 0; i < rows->count; i++) {
        size_t index = (size_t)((const char *)rows->items[i] - (const char *)rows->base) / rows->size;

        json_array_append(chosen, json_array_get(all, index));
    }
    return chosen;
}

void rows_free(rows_t *rows)
{
    free(rows->items);
    rows->items = NULL;
    rows->count = 0;
}
