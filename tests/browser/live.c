/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the page's script is given for a server of which the JSON is on stdin: the live form, on
 * stdout.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures/metrics.h"
#include "render/request_view.h"
#include "stats/page/status_page.h"

static void read_record(const json_t *object, metrics_scope_e scope, void *record)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    metrics_clear(scope, record);
    for (int i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, metrics[i].name);
        void *field = (char *)record + metrics[i].offset;

        if (value == NULL) {
            continue;
        }
        switch (metrics[i].kind) {
        case METRIC_TEXT:
        case METRIC_LETTER:
            *(const char **)field = json_string_value(value);
            break;
        case METRIC_REAL:
            *(double *)field = json_number_value(value);
            break;
        case METRIC_FLAG:
            *(apr_int64_t *)field = json_is_true(value);
            break;
        default:
            *(apr_int64_t *)field = json_integer_value(value);
            break;
        }
    }
}

/* The records of an array, which may be absent: NULL. */
static void *read_rows(const json_t *array, metrics_scope_e scope, size_t size, int *count)
{
    char *rows = array != NULL ? calloc(json_array_size(array) + 1, size) : NULL;

    *count = (int)json_array_size(array);
    for (int i = 0; i < *count; i++) {
        read_record(json_array_get(array, (size_t)i), scope, rows + (size_t)i * size);
    }
    return rows;
}

static void read_processes(const json_t *array, snapshot_process_t *processes, int count,
                           const snapshot_t *snapshot)
{
    for (int i = 0; i < count; i++) {
        const json_t *object = json_array_get(array, (size_t)i);
        snapshot_process_t *process = &processes[i];

        read_record(json_object_get(object, "connections_by_state"), METRICS_CONNECTIONS,
                    &process->connections_by_state);
        read_record(json_object_get(object, "workers"), METRICS_PROCESS_WORKERS, &process->workers);
        process->scoreboard = json_string_value(json_object_get(object, "scoreboard"));
        for (int at = snapshot->worker_count - 1; at >= 0; at--) {
            if (snapshot->workers[at].slot == process->slot) {
                process->first_worker = at;
                process->worker_count++;
            }
        }
    }
}

static void read_spread(const json_t *object, snapshot_spread_t *spread)
{
    const json_t *buckets = json_object_get(object, "buckets");

    read_record(object, METRICS_LATENCY, &spread->latency);
    spread->bucket_count = (int)json_array_size(buckets);
    spread->buckets = calloc((size_t)spread->bucket_count + 1, sizeof(*spread->buckets));
    for (int i = 0; i < spread->bucket_count; i++) {
        const json_t *pair = json_array_get(buckets, (size_t)i);

        spread->buckets[i].highest_us = json_integer_value(json_array_get(pair, 0));
        spread->buckets[i].count = json_integer_value(json_array_get(pair, 1));
    }
}

static void read_recorded(const json_t *document, snapshot_t *snapshot)
{
    const json_t *vhosts = json_object_get(document, "vhosts");

    for (int i = 0; i < SNAPSHOT_SPREADS; i++) {
        read_spread(json_object_get(json_object_get(document, "latency"), metrics_spreads[i].name),
                    &snapshot->spreads[i]);
    }
    snapshot->vhosts = read_rows(vhosts, METRICS_VHOST, sizeof(snapshot_vhost_t),
                                 &snapshot->vhost_count);
    for (int i = 0; i < snapshot->vhost_count; i++) {
        const json_t *times = json_object_get(json_array_get(vhosts, (size_t)i), "latency");

        for (int phase = 0; phase < SNAPSHOT_PHASES; phase++) {
            read_record(json_object_get(times, metrics_spreads[phase].name), METRICS_LATENCY,
                        &snapshot->vhosts[i].latency[phase]);
        }
    }
    snapshot->handlers = read_rows(json_object_get(document, "handlers"), METRICS_HANDLER,
                                   sizeof(snapshot_handler_t), &snapshot->handler_count);
    snapshot->listeners = read_rows(json_object_get(document, "listeners"), METRICS_LISTENER,
                                    sizeof(snapshot_listener_t), &snapshot->listener_count);
    snapshot->events = read_rows(json_object_get(document, "events"), METRICS_EVENT,
                                 sizeof(snapshot_event_t), &snapshot->event_count);
}

static void read_board(const json_t *document, snapshot_t *snapshot)
{
    const json_t *totals = json_object_get(document, "totals");
    const json_t *processes = json_object_get(document, "processes");
    const json_t *finishing = json_object_get(document, "finishing");

    read_record(json_object_get(document, "server"), METRICS_SERVER, &snapshot->server);
    read_record(json_object_get(document, "limits"), METRICS_LIMITS, &snapshot->limits);
    read_record(totals, METRICS_TOTALS, &snapshot->totals);
    read_record(json_object_get(totals, "connections_by_state"), METRICS_CONNECTIONS,
                &snapshot->connections);
    snapshot->workers = read_rows(json_object_get(document, "workers"), METRICS_WORKER,
                                  sizeof(snapshot_worker_t), &snapshot->worker_count);
    snapshot->processes = read_rows(processes, METRICS_PROCESS, sizeof(snapshot_process_t),
                                    &snapshot->process_count);
    snapshot->finishing = read_rows(finishing, METRICS_PROCESS, sizeof(snapshot_process_t),
                                    &snapshot->finishing_count);
    read_processes(processes, snapshot->processes, snapshot->process_count, snapshot);
    read_processes(finishing, snapshot->finishing, snapshot->finishing_count, snapshot);
}

static apr_status_t pass(void *receiver, const char *data, apr_size_t len)
{
    return fwrite(data, 1, len, receiver) == len ? APR_SUCCESS : APR_EGENERAL;
}

int main(void)
{
    static snapshot_t snapshot;
    json_error_t error;
    json_t *document = json_loadf(stdin, 0, &error);
    out_t out;

    if (document == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    read_board(document, &snapshot);
    read_recorded(document, &snapshot);
    out_init(&out, pass, stdout);
    status_page(&out, &snapshot, VIEW_ALL, NULL);
    return out_finish(&out) == APR_SUCCESS ? 0 : 1;
}
