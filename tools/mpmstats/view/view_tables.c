/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of processes and workers.
 */
#include "view/view.h"

#include <stdlib.h>
#include <string.h>

#include "fields/fields.h"
#include "fields/figure.h"
#include "common/memory.h"
#include "term/table.h"
#include "common/text.h"

/* A cell from a field by name; NULL: unknown. */
static char *cell_of(const field_t *table, const char *name, const void *record)
{
    const field_t *field = field_find(table, name);

    return field_known(field, record) ? figure_field(field, record) : NULL;
}

style_e view_process_style(const snapshot_process_t *process)
{
    if (process->state == NULL) {
        return STYLE_PLAIN;
    }
    if (strcmp(process->state, "ready") == 0) {
        return STYLE_GOOD;
    }
    return strcmp(process->state, "not_accepting") == 0 ? STYLE_ALARM : STYLE_WARN;
}

void view_processes(const snapshot_process_t *const *rows, size_t count)
{
    static const struct {
        const char *name;
        column_t column;
    } shown[] = {
        { "slot", { .title = "SLOT", .right = true } },
        { "pid", { .title = "PID", .right = true } },
        { "generation", { .title = "GEN", .right = true, .drop = 4 } },
        { "state", { .title = "STATE" } },
        { "connections", { .title = "CONNS", .right = true, .drop = 1 } },
        { "workers.busy", { .title = "BUSY", .right = true, .drop = 2 } },
        { "workers.idle", { .title = "IDLE", .right = true, .drop = 3 } },
        { "workers.max", { .title = "MAX", .right = true, .drop = 5 } },
        { "scoreboard", { .title = "WORKERS", .letters = true } },
    };
    enum { COLUMNS = sizeof(shown) / sizeof(shown[0]) };
    column_t columns[COLUMNS];
    table_t *table;

    for (size_t i = 0; i < COLUMNS; i++) {
        columns[i] = shown[i].column;
    }
    table = table_new(columns, COLUMNS);
    for (size_t row = 0; row < count; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            table_cell(table, cell_of(fields_process, shown[i].name, rows[row]),
                       i == 3 ? view_process_style(rows[row]) : STYLE_PLAIN);
        }
    }
    table_print(table, stdout, terminal_width());
    table_free(table);
}

/* A worker's state as a word; the letter when the server sends no word. */
static char *worker_state(const snapshot_worker_t *worker)
{
    if (worker->state_name == NULL) {
        return cell_of(fields_worker, "state", worker);
    }
    if (worker->state == NULL) {
        return cell_of(fields_worker, "state_name", worker);
    }
    char *raw = memory_format("%s %s", worker->state, worker->state_name);
    char *safe = text_safe(raw);

    free(raw);
    return safe;
}

static style_e worker_style(const snapshot_worker_t *worker)
{
    return worker->state != NULL ? table_letter_style(worker->state[0]) : STYLE_PLAIN;
}

void view_workers(const snapshot_worker_t *const *rows, size_t count)
{
    static const column_t columns[] = {
        { .title = "SLOT", .right = true, .drop = 4 },
        { .title = "THREAD", .right = true, .drop = 5 },
        { .title = "PID", .right = true, .drop = 3 },
        { .title = "STATE" },
        { .title = "AGE", .right = true },
        { .title = "CLIENT", .least = 15, .drop = 1 },
        { .title = "VHOST", .least = 12, .drop = 2 },
        { .title = "PROTOCOL", .drop = 6 },
        { .title = "REQUEST", .least = 28 },
        { .title = "HANDLER", .drop = 7 },
    };
    enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
    static const char *const names[COLUMNS] = { "slot",     "thread", "pid",   NULL,
                                                "since_us", "client", "vhost", "protocol",
                                                "request",  "handler" };
    table_t *table = table_new(columns, COLUMNS);

    for (size_t row = 0; row < count; row++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            if (names[i] == NULL) {
                table_cell(table, worker_state(rows[row]), worker_style(rows[row]));
            }
            else {
                table_cell(table, cell_of(fields_worker, names[i], rows[row]), STYLE_PLAIN);
            }
        }
    }
    table_print(table, stdout, terminal_width());
    table_free(table);
}
