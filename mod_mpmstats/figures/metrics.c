/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run-time form of metrics.def. Knows where a field lies and of which kind it
 * is, not what it means: a renderer that walks this shows a new metric by itself.
 */
#include "figures/metrics.h"

#include <stddef.h>
#include <string.h>

#include "figures/snapshot.h"

#define ENTRY(record, field, kind, unit, label, help) \
    { #field, METRIC_##kind, METRIC_UNIT_##unit, label, help, offsetof(record, field) },

static const metric_t server_metrics[] = {
#define SERVER_METRIC(f, k, u, l, h) ENTRY(snapshot_server_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t limits_metrics[] = {
#define LIMITS_METRIC(f, k, u, l, h) ENTRY(snapshot_limits_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t totals_metrics[] = {
#define TOTALS_METRIC(f, k, u, l, h) ENTRY(snapshot_totals_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t connections_metrics[] = {
#define CONNECTIONS_METRIC(f, k, u, l, h) ENTRY(snapshot_connections_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t process_metrics[] = {
#define PROCESS_METRIC(f, k, u, l, h) ENTRY(snapshot_process_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t process_workers_metrics[] = {
#define PROCESS_WORKERS_METRIC(f, k, u, l, h) ENTRY(snapshot_process_workers_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t worker_metrics[] = {
#define WORKER_METRIC(f, k, u, l, h) ENTRY(snapshot_worker_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t vhost_metrics[] = {
#define VHOST_METRIC(f, k, u, l, h) ENTRY(snapshot_vhost_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t handler_metrics[] = {
#define HANDLER_METRIC(f, k, u, l, h) ENTRY(snapshot_handler_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t listener_metrics[] = {
#define LISTENER_METRIC(f, k, u, l, h) ENTRY(snapshot_listener_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t event_metrics[] = {
#define EVENT_METRIC(f, k, u, l, h) ENTRY(snapshot_event_t, f, k, u, l, h)
#include "figures/metrics.def"
};

static const metric_t latency_metrics[] = {
#define LATENCY_METRIC(f, k, u, l, h) ENTRY(snapshot_latency_t, f, k, u, l, h)
#include "figures/metrics.def"
};

const metrics_spread_t metrics_spreads[] = {
#define SPREAD(field, where, label, help) { #field, label, help },
#include "figures/metrics.def"
};

#define TABLE(metrics) \
    { \
        metrics, sizeof(metrics) / sizeof((metrics)[0]) \
    }

static const struct {
    const metric_t *metrics;
    int count;
} tables[METRICS_SCOPES] = {
    [METRICS_SERVER] = TABLE(server_metrics),
    [METRICS_LIMITS] = TABLE(limits_metrics),
    [METRICS_TOTALS] = TABLE(totals_metrics),
    [METRICS_CONNECTIONS] = TABLE(connections_metrics),
    [METRICS_PROCESS] = TABLE(process_metrics),
    [METRICS_PROCESS_WORKERS] = TABLE(process_workers_metrics),
    [METRICS_WORKER] = TABLE(worker_metrics),
    [METRICS_VHOST] = TABLE(vhost_metrics),
    [METRICS_HANDLER] = TABLE(handler_metrics),
    [METRICS_LISTENER] = TABLE(listener_metrics),
    [METRICS_EVENT] = TABLE(event_metrics),
    [METRICS_LATENCY] = TABLE(latency_metrics),
};

const metric_t *metrics_of(metrics_scope_e scope, int *count)
{
    *count = tables[scope].count;
    return tables[scope].metrics;
}

const metric_t *metrics_find(metrics_scope_e scope, const char *name, apr_size_t len)
{
    for (int i = 0; i < tables[scope].count; i++) {
        const metric_t *metric = &tables[scope].metrics[i];

        if (strncmp(metric->name, name, len) == 0 && metric->name[len] == '\0') {
            return metric;
        }
    }
    return NULL;
}

void metrics_clear(metrics_scope_e scope, void *record)
{
    for (int i = 0; i < tables[scope].count; i++) {
        const metric_t *metric = &tables[scope].metrics[i];
        void *field = (char *)record + metric->offset;

        switch (metric->kind) {
        case METRIC_TEXT:
        case METRIC_LETTER:
            *(const char **)field = NULL;
            break;
        case METRIC_REAL:
            *(double *)field = -1.0;
            break;
        default:
            *(apr_int64_t *)field = SNAPSHOT_UNKNOWN;
            break;
        }
    }
}

int metric_known(const metric_t *metric, const void *record)
{
    switch (metric->kind) {
    case METRIC_TEXT:
    case METRIC_LETTER:
        return metric_text(metric, record) != NULL;
    case METRIC_REAL:
        return metric_real(metric, record) >= 0.0;
    default:
        return metric_number(metric, record) != SNAPSHOT_UNKNOWN;
    }
}

int metrics_any_known(metrics_scope_e scope, const void *record)
{
    for (int i = 0; i < tables[scope].count; i++) {
        if (metric_known(&tables[scope].metrics[i], record)) {
            return 1;
        }
    }
    return 0;
}

const char *metric_text(const metric_t *metric, const void *record)
{
    return *(const char *const *)(const void *)((const char *)record + metric->offset);
}

double metric_real(const metric_t *metric, const void *record)
{
    return *(const double *)(const void *)((const char *)record + metric->offset);
}

apr_int64_t metric_number(const metric_t *metric, const void *record)
{
    return *(const apr_int64_t *)(const void *)((const char *)record + metric->offset);
}
