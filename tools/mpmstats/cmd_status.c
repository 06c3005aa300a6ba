/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats status: the status page in a terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "memory.h"
#include "sample.h"
#include "source.h"
#include "terminal.h"
#include "view.h"

/* Those that have been at it longest come first: they are what one looks for. */
static int by_age(const void *a, const void *b)
{
    const snapshot_worker_t *left = *(const snapshot_worker_t *const *)a;
    const snapshot_worker_t *right = *(const snapshot_worker_t *const *)b;

    if (left->since_us != right->since_us)
        return left->since_us < right->since_us ? 1 : -1;
    return left < right ? -1 : left > right;
}

static void show_processes(const snapshot_t *snap)
{
    size_t count = (size_t)snap->process_count;
    const snapshot_process_t **rows = memory_get(count, sizeof(*rows));

    for (size_t i = 0; i < count; i++)
        rows[i] = &snap->processes[i];
    view_processes(rows, count);
    free(rows);
}

static void show_busy_workers(const snapshot_t *snap)
{
    const snapshot_worker_t **rows = memory_get((size_t)snap->worker_count, sizeof(*rows));
    size_t count = 0;

    for (int i = 0; i < snap->worker_count; i++) {
        if (sample_worker_busy(&snap->workers[i]))
            rows[count++] = &snap->workers[i];
    }
    qsort(rows, count, sizeof(*rows), by_age);
    if (count > 0)
        view_workers(rows, count);
    else
        puts("No worker is busy.");
    free(rows);
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

    if (!command_no_arguments(argc, argv, &failure))
        return failure_report(&failure);
    sample = source_once(settings, &failure);
    if (sample == NULL)
        return failure_report(&failure);
    if (settings->json != NULL)
        rc = view_json(sample->document, settings->json);
    else
        show(&sample->snap, settings->from);
    sample_free(sample);
    return rc;
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
