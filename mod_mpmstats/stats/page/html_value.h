/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_value.h
 * @brief One figure of a snapshot in HTML, found by its dotted name.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_VALUE_H
#define MPMSTATS_STATS_PAGE_HTML_VALUE_H

#include "figures/metrics.h"
#include "stats/page/html.h"

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
int html_value_find(html_value_t *value, const snapshot_t *snapshot, const char *path);

/** Whether the value is known and, for a flag, set. */
int html_value_holds(const html_value_t *value);

/** The value as escaped text with its unit; nothing if it is unknown. */
void html_value_text(out_t *out, const html_value_t *value);

/**
 * Ends the tag of an element that shows a counter per second: the average since then as its text,
 * in the live form the counter as data-v.
 */
void html_value_rate(const html_t *html, const html_value_t *value, apr_int64_t since_us);

/** In the live form: the attribute data-v, where the text is not the number. */
void html_value_number(const html_t *html, const html_value_t *value);

/** The value in an element the script finds by @a path and keeps current. */
void html_value_span(const html_t *html, const html_value_t *value, const char *path);

/** An empty element for the highest value of @a path that the script has seen. */
void html_value_peak(const html_t *html, const char *path);

/** An integer as it stands; 0 when unknown. For bars and rates. */
apr_int64_t html_value_amount(const html_value_t *value);

#endif
