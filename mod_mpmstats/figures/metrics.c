/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run-time form of figures.def: offset and kind of each field, not its meaning. A renderer that
 * walks the table shows a new metric without further code.
 */
#include "figures/metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "figures/snapshot.h"

#define KEPT_HOT(field) offsetof, field
#define KEPT_NUMBER(field) offsetof, field
#define KEPT_TOLD(field) offsetof, field
#define KEPT_TEXT(field, size) offsetof, field
#define KEPT_MADE METRIC_NOT_KEPT, _
#define METRIC_NOT_KEPT(record, field) METRIC_MADE

/* `kept` expands to the last two arguments of FIELD_OF(). */
#define KEPT_IN(record, kept) KEPT_AS(record, KEPT_##kept)
#define KEPT_AS(...) FIELD_OF(__VA_ARGS__)
#define FIELD_OF(record, offset_of, field) offset_of(record, field)

#define ENTRY(record, from, name, kept, kind, unit, shorter, limit, label, help) \
    { #name, \
      METRIC_##kind, \
      METRIC_UNIT_##unit, \
      #shorter, \
      #limit, \
      label, \
      help, \
      offsetof(snapshot_##record##_t, name), \
      KEPT_IN(segment_##from##_t, kept) },

static const metric_t server_metrics[] = {
#define SERVER_FIGURE(...) ENTRY(server, server, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t limits_metrics[] = {
#define LIMITS_FIGURE(...) ENTRY(limits, server, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t totals_metrics[] = {
#define TOTALS_FIGURE(...) ENTRY(totals, server, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t connections_metrics[] = {
#define CONNECTIONS_FIGURE(...) ENTRY(connections, process, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t process_metrics[] = {
#define PROCESS_FIGURE(...) ENTRY(process, process, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t process_workers_metrics[] = {
#define PROCESS_WORKERS_FIGURE(...) ENTRY(process_workers, process, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t worker_metrics[] = {
#define WORKER_FIGURE(...) ENTRY(worker, worker, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t vhost_metrics[] = {
#define VHOST_FIGURE(...) ENTRY(vhost, vhost, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t handler_metrics[] = {
#define HANDLER_FIGURE(...) ENTRY(handler, handler, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t listener_metrics[] = {
#define LISTENER_FIGURE(...) ENTRY(listener, listener, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t event_metrics[] = {
#define EVENT_FIGURE(...) ENTRY(event, event, __VA_ARGS__)
#include "figures/figures.def"
};

static const metric_t latency_metrics[] = {
#define LATENCY_FIGURE(...) ENTRY(latency, vhost, __VA_ARGS__)
#include "figures/figures.def"
};

const metrics_spread_t metrics_spreads[] = {
#define SPREAD_HISTOGRAM(field) field
#define SPREAD(name, kept, section, label, help) \
    { #name, label, help, SEGMENT_S_##section, offsetof(RECORD_##section, SPREAD_##kept) },
#define RECORD_SERVER segment_server_rec_t
#define RECORD_VHOST segment_vhost_rec_t
#include "figures/figures.def"
};

const metrics_place_t metrics_places[METRICS_SCOPES] = {
#define SCOPE(SCOPE, scope, path, prefix, label) { path, prefix, label },
#include "figures/figures.def"
};

static const struct {
    const metric_t *metrics;
    int count;
} tables[METRICS_SCOPES] = {
#define SCOPE(SCOPE, scope, path, prefix, label) \
    { scope##_metrics, sizeof(scope##_metrics) / sizeof(scope##_metrics[0]) },
#include "figures/figures.def"
};

/*
 * ---- checks of every line; a duplicate name in a scope is a duplicate member, which does not
 * compile ----
 */

#define CHECK(name, kept, kind, unit, shorter, limit, label, help) \
    _Static_assert(sizeof(label) > 1 && sizeof(help) > 1, #name " needs a label and a help");
#define SERVER_FIGURE CHECK
#define LIMITS_FIGURE CHECK
#define TOTALS_FIGURE CHECK
#define CONNECTIONS_FIGURE CHECK
#define PROCESS_FIGURE CHECK
#define PROCESS_WORKERS_FIGURE CHECK
#define WORKER_FIGURE CHECK
#define VHOST_FIGURE CHECK
#define HANDLER_FIGURE CHECK
#define LISTENER_FIGURE CHECK
#define EVENT_FIGURE CHECK
#define LATENCY_FIGURE CHECK
#include "figures/figures.def"

/*
 * For users who type names, server, limits and totals are one list, in which names must be unique.
 * The limit of a figure is in that list.
 */
#define NAMED(name, kept, kind, unit, shorter, limit, label, help) SERVER_HAS_##name,
#define ALIAS(name, of, kind, unit, shorter, limit, label, help) SERVER_HAS_##name,
#define DERIVED(name, key, kind, unit, shorter, limit, label, help) SERVER_HAS_##name,
enum {
    SERVER_HAS__,
#define SERVER_FIGURE NAMED
#define LIMITS_FIGURE NAMED
#define TOTALS_FIGURE NAMED
#define ALIAS_FIGURE ALIAS
#define DERIVED_FIGURE DERIVED
#include "figures/figures.def"
};
#define LIMITED(name, kept, kind, unit, shorter, limit, label, help) \
    SERVER_LIMIT_##name = SERVER_HAS_##limit,
enum {
#define SERVER_FIGURE LIMITED
#define LIMITS_FIGURE LIMITED
#define TOTALS_FIGURE LIMITED
#include "figures/figures.def"
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

bool metric_known(const metric_t *metric, const void *record)
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

bool metrics_any_known(metrics_scope_e scope, const void *record)
{
    for (int i = 0; i < tables[scope].count; i++) {
        if (metric_known(&tables[scope].metrics[i], record)) {
            return true;
        }
    }
    return false;
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
