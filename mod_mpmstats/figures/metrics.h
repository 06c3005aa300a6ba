/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/metrics.h
 * @brief The table of figures.def at run time: walk a record of the snapshot field by field.
 *
 * Static and constant; any thread may read it.
 */
#ifndef MPMSTATS_FIGURES_METRICS_H
#define MPMSTATS_FIGURES_METRICS_H

#include "apr.h"
#include "segment/segment.h"

/**
 * A kind of record in the snapshot: METRICS_SERVER is snapshot_server_t, and so on; and the number
 * of them.
 */
typedef enum {
#define SCOPE(SCOPE, scope, path, prefix, label) METRICS_##SCOPE,
#include "figures/figures.def"
    METRICS_SCOPES
} metrics_scope_e;

/** What figures.def says of a scope. */
typedef struct {
    const char *path;   /**< in the JSON, such as "totals." */
    const char *prefix; /**< of the names of its samples for Prometheus; NULL: it has none */
    const char *label;  /**< that tells its records apart there; NULL: there is one record */
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

/** `kept` of a metric that no record of the segment has. */
#define METRIC_MADE ((apr_size_t)-1)

typedef struct {
    const char *name; /**< key in the JSON */
    metric_kind_e kind;
    metric_unit_e unit;
    const char *shorter; /**< another name for users to type; "_": none */
    const char *limit;   /**< name of the metric that is 100 % of it; "_": none */
    const char *label;   /**< for people, short */
    const char *help;    /**< for people, one sentence */
    apr_size_t offset;   /**< of the field in its record */
    /** of the field it is copied from in the segment_NAME_t of its section; METRIC_MADE: none */
    apr_size_t kept;
} metric_t;

extern const metrics_place_t metrics_places[METRICS_SCOPES];

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

/** Times of which there is a histogram; by snapshot_spread_e. */
typedef struct {
    const char *name; /**< key in the JSON */
    const char *label;
    const char *help;
    segment_section_e section; /**< has the histogram: SEGMENT_S_VHOST or SEGMENT_S_SERVER */
    size_t kept;               /**< there, for segment_get_counts() */
} metrics_spread_t;

extern const metrics_spread_t metrics_spreads[];

#endif
