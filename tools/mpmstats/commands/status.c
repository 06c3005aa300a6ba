/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats status: the status page in a terminal.
 */
#include <stdio.h>

#include "command.h"
#include "fields/derive.h"
#include "fields/rows.h"
#include "source/source.h"
#include "view/view.h"

#define BUSY_SHOWN 20

static void show_processes(const snapshot_t *snap)
{
    rows_t rows = rows_processes(snap);

    view_processes((const snapshot_process_t *const *)(const void *)rows.items, rows.count);
    rows_free(&rows);
}

static bool is_busy(const void *record, const void *context)
{
    (void)context;
    return derive_worker_busy(record);
}

/*
 * Shows the longest running workers only: all of a busy server would push the rest off the
 * screen.
 */
static void show_busy_workers(const snapshot_t *snap)
{
    rows_t rows = rows_workers(snap);
    size_t shown;

    rows_keep(&rows, is_busy, NULL);
    rows_sort(&rows, field_find(fields_worker, "since_us"), false);
    shown = rows.count > BUSY_SHOWN + 1 ? BUSY_SHOWN : rows.count;
    if (rows.count > 0) {
        view_workers((const snapshot_worker_t *const *)(const void *)rows.items, shown);
    }
    else {
        puts("No worker is busy.");
    }
    if (shown < rows.count) {
        printf("%zu more are busy: mpmstats workers --state busy --sort age\n", rows.count - shown);
    }
    rows_free(&rows);
}

static void show(const snapshot_t *snap, const char *origin)
{
    view_server(snap, origin);
    putchar('\n');
    view_gauges(snap);
    view_connections(snap);
    view_limits(snap);
    putchar('\n');
    show_processes(snap);
    putchar('\n');
    show_busy_workers(snap);
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;
    sample_t *sample;
    int rc = RC_OK;

    if (!command_no_arguments(argc, argv, &failure)) {
        return failure_report(&failure);
    }
    sample = source_once(settings, &failure);
    if (sample == NULL) {
        return failure_report(&failure);
    }
    if (settings->json != NULL) {
        rc = view_json_sample(sample, settings->json);
    }
    else {
        show(&sample->snap, sample->origin != NULL ? sample->origin : settings->from);
    }
    return sample_end(sample, rc);
}

const command_t cmd_status = {
    .name = "status",
    .synopsis = "",
    .summary = "the whole server: limits and gauges, connections, processes, busy workers",
    .details = "With --json, what the server answered.\n",
    .examples = "  mpmstats status\n"
                "  mpmstats status --url www.example.org:8080\n"
                "  mpmstats status --json | jq .totals.workers_busy\n",
    .run = run,
};
