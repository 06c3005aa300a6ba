/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subtracts counters, as marked in the tables of fields.c, and histograms bucket by bucket.
 */
#include "tune/interval.h"

#include <string.h>

#include "fields/fields.h"
#include "fields/measure.h"
#include "figures/metrics.h"
#include "tune/tuning_recorded.h"

static apr_int64_t *number_at(void *record, const field_t *field)
{
    return (apr_int64_t *)(void *)((char *)record + field->offset);
}

/* True for the first name of a value that has two. */
static bool is_first_name(const field_t *table, const field_t *field)
{
    for (const field_t *other = table; other < field; other++) {
        if (other->compute == NULL && other->offset == field->offset) {
            return false;
        }
    }
    return true;
}

/* @a before: NULL for a new record, which started at 0. */
static void subtract(const field_t *table, void *after, const void *before)
{
    for (const field_t *field = table; field->name != NULL; field++) {
        apr_int64_t *now = number_at(after, field), then = 0;

        if (field->kind != METRIC_COUNTER || field->compute != NULL || *now == SNAPSHOT_UNKNOWN
            || !is_first_name(table, field)) {
            continue;
        }
        if (before != NULL) {
            then = *number_at((void *)(uintptr_t)before, field);
        }
        *now = then == SNAPSHOT_UNKNOWN || then > *now ? SNAPSHOT_UNKNOWN : *now - then;
    }
}

static const snapshot_vhost_t *same_vhost(const snapshot_t *snap, const char *name)
{
    for (int i = 0; i < snap->vhost_count && name != NULL; i++) {
        if (snap->vhosts[i].name != NULL && strcmp(snap->vhosts[i].name, name) == 0) {
            return &snap->vhosts[i];
        }
    }
    return NULL;
}

/* Clears percentiles and extremes: only count and sum can be subtracted. */
static void forget_shape(snapshot_latency_t *latency)
{
    latency->p50_us = latency->p90_us = latency->p99_us = latency->p999_us = latency->max_us =
        SNAPSHOT_UNKNOWN;
}

static void take_vhosts(sample_t *after, sample_t *before)
{
    for (int i = 0; i < after->snap.vhost_count; i++) {
        snapshot_vhost_t *vhost = &after->snap.vhosts[i];

        subtract(fields_vhost, vhost, same_vhost(&before->snap, vhost->name));
        for (int phase = 0; phase < SNAPSHOT_PHASES; phase++) {
            forget_shape(&vhost->latency[phase]);
            if (vhost->name != NULL) {
                recorded_vhost_times(before, after, vhost->name, metrics_spreads[phase].name,
                                     &vhost->latency[phase]);
            }
        }
    }
}

static void take_times(sample_t *after, sample_t *before)
{
    for (int i = 0; i < SNAPSHOT_SPREADS; i++) {
        snapshot_latency_t *latency = &after->snap.spreads[i].latency;

        forget_shape(latency);
        recorded_times(before, after, metrics_spreads[i].name, latency);
    }
}

bool interval_take(sample_t *after, sample_t *before)
{
    const snapshot_server_t *now = &after->snap.server, *then = &before->snap.server;

    if (measure_restarted(&before->snap, &after->snap)
        || now->recorded_since_us != then->recorded_since_us) {
        return false;
    }
    sample_document(after); /* renders the buckets before the changes */
    subtract(fields_server, &after->snap, &before->snap);
    take_times(after, before);
    take_vhosts(after, before);
    return true;
}
