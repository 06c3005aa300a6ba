/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/metrics.h
 * @brief The table of figures.def at run time, to walk a record of the snapshot field by field.
 *
 * Static and constant; any thread may read it.
 */
#ifndef MPMSTATS_FIGURES_METRICS_H
#define MPMSTATS_FIGURES_METRICS_H

#include <stdbool.h>

#include "apr.h"
#include "segment/segment.h"

/**
 * A kind of record in the snapshot: METRICS_SERVER is snapshot_server_t, and so on.
 */
typedef enum {
#define SCOPE(SCOPE, scope, path, prefix, label) METRICS_##SCOPE,
#include "figures/figures.def"
    METRICS_SCOPES
} metrics_scope_e;

/** A SCOPE line of figures.def. */
typedef struct {
    const char *path;   /**< in the JSON, such as "totals." */
    const char *prefix; /**< of its sample names for Prometheus; NULL: it has no samples */
    const char *label;  /**< distinguishes its records there; NULL: there is one record */
} metrics_place_t;

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

/** `kept` of a metric that is not in the segment. */
#define METRIC_MADE ((apr_size_t)-1)

typedef struct {
    const char *name; /**< key in the JSON */
    metric_kind_e kind;
    metric_unit_e unit;
    const char *shorter; /**< short name for users to type; "_": none */
    const char *limit;   /**< name of the metric that is its 100 %; "_": none */
    const char *label;   /**< for people, short */
    const char *help;    /**< for people, one sentence */
    apr_size_t offset;   /**< of the field in its record */
    /** offset of its source in the segment_NAME_t of its section; METRIC_MADE: none */
    apr_size_t kept;
} metric_t;

extern const metrics_place_t metrics_places[METRICS_SCOPES];

/** The metrics of @a scope in the order of the table; @a count receives their number. */
const metric_t *metrics_of(metrics_scope_e scope, int *count);

/** The metric called @a name (@a len bytes) in @a scope, or NULL. */
const metric_t *metrics_find(metrics_scope_e scope, const char *name, apr_size_t len);

/** Makes every metric of @a record unknown; other members stay. */
void metrics_clear(metrics_scope_e scope, void *record);

/** Whether @a metric is known in @a record. */
bool metric_known(const metric_t *metric, const void *record);

/** Whether any metric of @a scope is known in @a record. */
bool metrics_any_known(metrics_scope_e scope, const void *record);

/** The value of a metric of kind TEXT or LETTER; NULL if unknown. */
const char *metric_text(const metric_t *metric, const void *record);

/** The value of a metric of kind REAL; negative if unknown. */
double metric_real(const metric_t *metric, const void *record);

/** The value of a metric of any other kind; SNAPSHOT_UNKNOWN if unknown. */
apr_int64_t metric_number(const metric_t *metric, const void *record);

/** A SPREAD line of figures.def: times with a histogram. Indexed by snapshot_spread_e. */
typedef struct {
    const char *name; /**< key in the JSON */
    const char *label;
    const char *help;
    segment_section_e section; /**< of the histogram: SEGMENT_S_VHOST or SEGMENT_S_SERVER */
    size_t kept;               /**< its offset there, for segment_get_counts() */
} metrics_spread_t;

extern const metrics_spread_t metrics_spreads[];

#endif
