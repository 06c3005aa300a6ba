/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats processes: all values of each child process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "command.h"
#include "fields/figure.h"
#include "common/memory.h"
#include "fields/rows.h"
#include "source/source.h"
#include "term/table.h"
#include "common/terminal.h"
#include "view/view.h"

typedef struct {
    char *state, *sort;
    bool reverse;
} processes_options_t;

#define AT(member) offsetof(processes_options_t, member)

/* Filled by options_parse() before run(). */
static processes_options_t given;

static const option_t options[] = {
    { .name = "state",
      .letter = 's',
      .arg = "STATE",
      .type = OPTION_TEXT,
      .offset = AT(state),
      .help = "only these: starting, ready, quiescing, not_accepting" },
    { .name = "sort",
      .arg = "COLUMN",
      .type = OPTION_TEXT,
      .offset = AT(sort),
      .help = "pid, generation, connections, busy, idle, peak, accepted, ..." },
    { .name = "reverse",
      .letter = 'r',
      .type = OPTION_FLAG,
      .offset = AT(reverse),
      .help = "sort the other way round" },
    { .name = NULL }
};

/* Columns that matter least for finding a cause are dropped first. */
static const struct {
    const char *name;
    column_t column;
} shown[] = {
    { "slot", { .title = "SLOT", .right = true } },
    { "pid", { .title = "PID", .right = true } },
    { "generation", { .title = "GEN", .right = true, .drop = 1 } },
    { "state", { .title = "STATE" } },
    { "started_us", { .title = "AGE", .right = true, .drop = 6 } },
    { "workers.busy", { .title = "BUSY", .right = true } },
    { "streams_running", { .title = "STREAMS", .right = true, .drop = 3 } },
    { "workers.idle", { .title = "IDLE", .right = true, .drop = 2 } },
    { "workers.max", { .title = "MAX", .right = true, .drop = 3 } },
    { "workers_peak", { .title = "PEAK", .right = true, .drop = 7 } },
    { "connections", { .title = "CONNS", .right = true } },
    { "connections.new", { .title = "NEW", .right = true, .drop = 12 } },
    { "connections.handshake", { .title = "HANDSH", .right = true, .drop = 11 } },
    { "connections.head", { .title = "HEAD", .right = true, .drop = 10 } },
    { "connections.body", { .title = "BODY", .right = true, .drop = 13 } },
    { "connections.running", { .title = "RUN", .right = true, .drop = 9 } },
    { "connections.waitio", { .title = "WAITIO", .right = true, .drop = 15 } },
    { "connections.write", { .title = "WRITE", .right = true, .drop = 8 } },
    { "connections.keepalive", { .title = "KEEPAL", .right = true, .drop = 5 } },
    { "connections.linger", { .title = "LINGER", .right = true, .drop = 14 } },
    { "connections.suspended", { .title = "SUSP", .right = true, .drop = 16 } },
    { "accepted", { .title = "ACCEPTED", .right = true, .drop = 17 } },
    { "dispatched", { .title = "DISPATCHED", .right = true, .drop = 18 } },
    { "promotions", { .title = "PROMOTED", .right = true, .drop = 19 } },
    { "shed", { .title = "SHED", .right = true, .drop = 4 } },
};
enum { COLUMNS = sizeof(shown) / sizeof(shown[0]) };

/* Values as they are, except the start time, which is shown as an age. */
static char *cell(const snapshot_t *snap, const snapshot_process_t *process, const char *name)
{
    const field_t *field = field_find(fields_process, name);

    if (!field_known(field, process)) {
        return NULL;
    }
    if (field->kind != METRIC_TIME) {
        return figure_field(field, process);
    }
    if (snap->server.now_us == SNAPSHOT_UNKNOWN) {
        return NULL;
    }
    return figure_span((double)(snap->server.now_us - process->started_us));
}

static void show(const snapshot_t *snap, const rows_t *rows)
{
    column_t columns[COLUMNS];
    table_t *table;

    for (size_t i = 0; i < COLUMNS; i++) {
        columns[i] = shown[i].column;
    }
    table = table_new(columns, COLUMNS);
    for (size_t row = 0; row < rows->count; row++) {
        const snapshot_process_t *process = rows->items[row];

        for (size_t i = 0; i < COLUMNS; i++) {
            table_cell(table, cell(snap, process, shown[i].name),
                       shown[i].column.right ? STYLE_PLAIN : view_process_style(process));
        }
    }
    table_print(table, stdout, terminal_width());
    table_free(table);
}

static bool is_known(const char *word, size_t length)
{
    static const char *const known[] = { "starting", "ready", "quiescing", "not_accepting" };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i]) == length && strncasecmp(known[i], word, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool wanted(const void *record, const void *context)
{
    const snapshot_process_t *process = record;

    (void)context;
    return given.state == NULL
        || (process->state != NULL && strcasecmp(process->state, given.state) == 0);
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;
    const field_t *sort = NULL;
    sample_t *sample;
    rows_t rows;
    int rc = RC_OK;

    if (!command_no_arguments(argc, argv, &failure)
        || (given.state != NULL
            && !rows_know("--state", given.state, is_known,
                          "starting, ready, quiescing and not_accepting", &failure))
        || (given.sort != NULL
            && (sort = rows_sort_field(fields_process, given.sort, &failure)) == NULL)
        || (sample = source_once(settings, &failure)) == NULL) {
        return failure_report(&failure);
    }
    rows = rows_processes(&sample->snap);
    rows_choose(&rows,
                &(rows_choice_t){
                    .wanted = wanted, .sort = sort, .reverse = given.reverse, .first = -1 });
    if (settings->json != NULL) {
        rc = view_json_rows(&rows, sample, settings->json);
    }
    else if (rows.count == 0) {
        puts("No process matches.");
    }
    else {
        show(&sample->snap, &rows);
    }
    rows_free(&rows);
    return sample_end(sample, rc);
}

const command_t cmd_processes = {
    .name = "processes",
    .synopsis = "",
    .summary = "child processes with their workers and connections by kind",
    .details = "A wide terminal shows more columns. With --json an array of processes.\n",
    .examples = "  mpmstats processes --sort connections\n"
                "  mpmstats processes --state quiescing\n"
                "  mpmstats processes --json | jq '.[].pid'\n",
    .options = options,
    .target = &given,
    .run = run,
};
