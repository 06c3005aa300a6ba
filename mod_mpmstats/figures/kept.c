/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers are untrusted: sums saturate at the largest number. */
#include "figures/kept.h"

#include <stdbool.h>
#include <stddef.h>

#include "apr_strings.h"

static apr_int64_t number_from(const metric_t *metric, const void *plain)
{
    apr_uint64_t value = *(const apr_uint64_t *)(const void *)((const char *)plain + metric->kept);

    if (value > APR_INT64_MAX || (metric->kind == METRIC_TIME && value == 0)) {
        return SNAPSHOT_UNKNOWN;
    }
    return metric->kind == METRIC_FLAG ? value != 0 : (apr_int64_t)value;
}

void kept_join(metric_kind_e kind, apr_int64_t *number, apr_int64_t more)
{
    if (more == SNAPSHOT_UNKNOWN) {
        return;
    }
    if (*number == SNAPSHOT_UNKNOWN) {
        *number = more;
    }
    else if (kind == METRIC_GAUGE || kind == METRIC_COUNTER) {
        *number = *number > APR_INT64_MAX - more ? APR_INT64_MAX : *number + more;
    }
    else if (kind == METRIC_FLAG) {
        *number = *number && more;
    }
    else {
        *number = more > *number ? more : *number;
    }
}

static void take_one(const metric_t *metric, void *record, const void *plain, apr_pool_t *pool,
                     bool joins)
{
    void *to = (char *)record + metric->offset;

    if (metric->kind == METRIC_TEXT) {
        const char *given = (const char *)plain + metric->kept;

        if (*(const char **)to == NULL && given[0] != '\0') {
            *(const char **)to = apr_pstrdup(pool, given);
        }
    }
    else if (joins || !metric_known(metric, record)) {
        kept_join(metric->kind, to, number_from(metric, plain));
    }
}

void kept_take(metrics_scope_e scope, void *record, const void *plain, apr_pool_t *pool, bool joins)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        if (metrics[i].kept != METRIC_MADE) {
            take_one(&metrics[i], record, plain, pool, joins);
        }
    }
}

static const struct {
    apr_size_t total, each;
} served[] = {
#define SERVED_FIGURE(name, kept, kind, unit, shorter, limit, label, help) \
    { offsetof(snapshot_totals_t, name), offsetof(snapshot_vhost_t, name) },
#include "figures/figures.def"
};

void kept_sum(snapshot_totals_t *totals, const snapshot_vhost_t *vhost)
{
    for (apr_size_t i = 0; i < sizeof(served) / sizeof(served[0]); i++) {
        kept_join(METRIC_COUNTER, (apr_int64_t *)(void *)((char *)totals + served[i].total),
                  *(const apr_int64_t *)(const void *)((const char *)vhost + served[i].each));
    }
}
