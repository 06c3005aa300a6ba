/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_value.h
 * @brief One figure of a snapshot in HTML, found by its dotted name.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_VALUE_H
#define MPMSTATS_STATS_PAGE_HTML_VALUE_H

#include "figures/metrics.h"
#include "render/out.h"
#include "figures/snapshot.h"

/** A metric together with the record that holds its value. */
typedef struct {
    const metric_t *metric;
    const void *record;
} html_value_t;

/**
 * Finds "server.uptime_s", "limits.server_limit", "totals.processes" or
 * "totals.connections_by_state.linger", the paths of the JSON; 0 if there is no
 * such metric. It may still be unknown.
 */
int html_value_find(html_value_t *value, const snapshot_t *snapshot, const char *path,
                    apr_size_t len);

/** Whether the value is known and, for a flag, set. */
int html_value_holds(const html_value_t *value);

/** The value as escaped text with its unit; nothing if it is unknown. */
void html_value_text(out_t *out, const html_value_t *value);

/** The value in an element the script finds by @a path and keeps current. */
void html_value_span(out_t *out, const html_value_t *value, const char *path, apr_size_t len);

/** How the script formats this metric, the value of a data-f attribute. */
const char *html_value_format(const metric_t *metric);

/** An integer as it stands; 0 when unknown. For bars and rates. */
apr_int64_t html_value_amount(const html_value_t *value);

#endif
