/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of samples. The tables of fields.c give the type of each member, so new
 * figures start as unknown.
 */
#include "fields/sample.h"

#include <stdlib.h>
#include <string.h>

#include "fields/fields.h"
#include "fields/figure.h"
#include "common/memory.h"

#define STILL_US 5000000 /* a running main thread makes progress at least once a second */

sample_t *sample_new(void)
{
    sample_t *sample = memory_get(1, sizeof(*sample));

    fields_clear(fields_server, &sample->snap);
    sample->holders = 1;
    return sample;
}

static void *rows(const field_t *table, size_t size, size_t count)
{
    char *records = memory_get(count, size);

    for (size_t i = 0; i < count; i++) {
        fields_clear(table, records + i * size);
    }
    return records;
}

#define ROWS(table, kind, counted) \
    (snap->kind = rows(table, sizeof(*snap->kind), counts->kind), snap->counted = (int)counts->kind)

void sample_rows(sample_t *sample, const sample_counts_t *counts)
{
    snapshot_t *snap = &sample->snap;

    ROWS(fields_process, processes, process_count);
    ROWS(fields_worker, workers, worker_count);
    ROWS(fields_vhost, vhosts, vhost_count);
    ROWS(fields_handler, handlers, handler_count);
    ROWS(fields_listener, listeners, listener_count);
    ROWS(fields_event, events, event_count);
}

sample_t *sample_hold(sample_t *sample)
{
    sample->holders++;
    return sample;
}

static void free_rows(const snapshot_t *snap)
{
    free(snap->processes);
    free(snap->workers);
    free(snap->vhosts);
    free(snap->handlers);
    free(snap->listeners);
    free(snap->events);
}

void sample_free(sample_t *sample)
{
    if (sample == NULL || --sample->holders > 0) {
        return;
    }
    if (sample->pool != NULL) {
        apr_pool_destroy(sample->pool);
    }
    else {
        free_rows(&sample->snap);
    }
    json_decref(sample->document);
    free(sample->origin);
    free(sample);
}

/* describe() returns valid JSON. */
json_t *sample_document(sample_t *sample)
{
    if (sample->document == NULL && sample->describe != NULL) {
        char *text = sample->describe(sample, &sample->snap, NULL);

        sample->document = json_loads(text, 0, NULL);
        free(text);
    }
    return sample->document;
}

char *sample_text(const sample_t *sample)
{
    if (sample->document == NULL && sample->describe != NULL) {
        return sample->describe(sample, &sample->snap, NULL);
    }
    return json_dumps(sample->document, JSON_COMPACT | JSON_REAL_PRECISION(15));
}

bool sample_is_recorded(const sample_t *sample, failure_t *failure)
{
    return sample->recorded
        || failure_set(
               failure, RC_NOVALUE,
               "the server does not report this: it records nothing, or its mod_mpmstats is older; its error log gives the reason");
}

void sample_still(sample_t *sample,
                  bool (*stopped)(const sample_t *sample, const snapshot_process_t *process))
{
    for (int i = 0; i < sample->snap.process_count && !sample->dead; i++) {
        const snapshot_process_t *process = &sample->snap.processes[i];

        if (process->quiet_us < STILL_US && (stopped == NULL || !stopped(sample, process))) {
            continue;
        }
        if (sample->still++ == 0) {
            sample->still_pid = (long long)process->pid;
        }
    }
}

bool sample_stands_still(const sample_t *sample)
{
    return sample->still > 0 && sample->still == sample->snap.process_count;
}

static char *dead_note(const sample_t *sample)
{
    char *span = figure_span(sample->age_us);
    char *note = memory_format("the server %s: this is its last known state, from %s ago (%s)",
                               sample->stopped ? "has been stopped" : "is dead", span,
                               sample->origin);

    free(span);
    return note;
}

static char *parent_note(const sample_t *sample)
{
    char *span = figure_span(sample->silent_us);
    char *note = memory_format(
        "the server's parent process (pid %lld) has made no progress for %s; is it stopped?",
        (long long)sample->snap.server.pid, span);

    free(span);
    return note;
}

static char *still_note(const sample_t *sample)
{
    if (sample_stands_still(sample)) {
        return memory_format(
            "all %d processes of the server are stalled (pid %lld): no request is served and the figures are out of date; are they stopped?",
            sample->still, sample->still_pid);
    }
    return memory_format("%d of the server's %d processes %s stalled (pid %lld); is it stopped?",
                         sample->still, sample->snap.process_count,
                         sample->still == 1 ? "is" : "are", sample->still_pid);
}

char *sample_note(const sample_t *sample)
{
    char *parent, *still, *both;

    if (sample->dead) {
        return dead_note(sample);
    }
    parent = sample->silent_us > 0 ? parent_note(sample) : NULL;
    still = sample->still > 0 ? still_note(sample) : NULL;
    if (parent == NULL || still == NULL) {
        return parent != NULL ? parent : still;
    }
    both = memory_format("%s; %s", still, parent);
    free(parent);
    free(still);
    return both;
}

int sample_end(sample_t *sample, int rc)
{
    char *note = sample_note(sample);
    bool stale = sample->dead;
    failure_t failure;

    sample_free(sample);
    if (note == NULL) {
        return rc;
    }
    failure_set(&failure, stale && rc == RC_OK ? RC_STALE : rc, "%s", note);
    free(note);
    return failure_report(&failure);
}
