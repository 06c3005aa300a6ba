/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/metrics.h
 * @brief The table of metrics.def at run time: walk a record of the snapshot field by field.
 *
 * Static and constant; any thread may read it.
 */
#ifndef MPMSTATS_FIGURES_METRICS_H
#define MPMSTATS_FIGURES_METRICS_H

#include "apr.h"

/** A kind of record in the snapshot; the name in comments is its struct. */
typedef enum {
    METRICS_SERVER,          /**< snapshot_server_t */
    METRICS_LIMITS,          /**< snapshot_limits_t */
    METRICS_TOTALS,          /**< snapshot_totals_t */
    METRICS_CONNECTIONS,     /**< snapshot_connections_t */
    METRICS_PROCESS,         /**< snapshot_process_t */
    METRICS_PROCESS_WORKERS, /**< snapshot_process_workers_t */
    METRICS_WORKER,          /**< snapshot_worker_t */
    METRICS_VHOST,           /**< snapshot_vhost_t */
    METRICS_HANDLER,         /**< snapshot_handler_t */
    METRICS_LISTENER,        /**< snapshot_listener_t */
    METRICS_EVENT,           /**< snapshot_event_t */
    METRICS_LATENCY,         /**< snapshot_latency_t */
    METRICS_SCOPES
} metrics_scope_e;

typedef enum {
    METRIC_TEXT,
    METRIC_LETTER,
    METRIC_ID,
    METRIC_FLAG,
    METRIC_GAUGE,
    METRIC_CEILING,
    METRIC_PEAK,
    METRIC_COUNTER,
    METRIC_TIME,
    METRIC_REAL
} metric_kind_e;

typedef enum {
    METRIC_UNIT_NONE,
    METRIC_UNIT_BYTES,
    METRIC_UNIT_SECONDS,
    METRIC_UNIT_MICROSECONDS
} metric_unit_e;

typedef struct {
    const char *name; /**< key in the JSON */
    metric_kind_e kind;
    metric_unit_e unit;
    const char *label; /**< for people, short */
    const char *help;  /**< for people, one sentence */
    apr_size_t offset; /**< of the field in its record */
} metric_t;

/** The metrics of @a scope in the order of the table; @a count receives how many. */
const metric_t *metrics_of(metrics_scope_e scope, int *count);

/** The metric called @a name (@a len bytes) in @a scope, or NULL. */
const metric_t *metrics_find(metrics_scope_e scope, const char *name, apr_size_t len);

/** Makes every metric of @a record unknown; other members stay. */
void metrics_clear(metrics_scope_e scope, void *record);

/** Whether @a record knows @a metric. */
int metric_known(const metric_t *metric, const void *record);

/** Whether @a record knows any metric of its scope. */
int metrics_any_known(metrics_scope_e scope, const void *record);

/** The value of a metric of kind TEXT or LETTER; NULL if unknown. */
const char *metric_text(const metric_t *metric, const void *record);

/** The value of a metric of kind REAL; negative if unknown. */
double metric_real(const metric_t *metric, const void *record);

/** The value of a metric of any other kind; SNAPSHOT_UNKNOWN if unknown. */
apr_int64_t metric_number(const metric_t *metric, const void *record);

/** A line of metrics.def that declares times with a histogram; by snapshot_spread_e. */
typedef struct {
    const char *name; /**< key in the JSON */
    const char *label;
    const char *help;
} metrics_spread_t;

extern const metrics_spread_t metrics_spreads[];

#endif
