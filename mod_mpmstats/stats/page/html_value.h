/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_value.h
 * @brief One figure of a snapshot in HTML, found by its dotted name.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_VALUE_H
#define MPMSTATS_STATS_PAGE_HTML_VALUE_H

#include <stdbool.h>

#include "figures/metrics.h"
#include "stats/page/html.h"

/** A metric together with the record that holds its value. */
typedef struct {
    const metric_t *metric;
    const void *record;
} html_value_t;

/**
 * Finds a metric by its path in the JSON ("server.uptime_s", "limits.server_limit",
 * "totals.connections_by_state.linger"); 0: no such metric. Its value may be unknown.
 */
bool html_value_find(html_value_t *value, const snapshot_t *snapshot, const char *path);

/** Whether the value is known and, for a flag, set. */
bool html_value_holds(const html_value_t *value);

/** Writes the value as escaped text with its unit; nothing if it is unknown. */
void html_value_text(out_t *out, const html_value_t *value);

/**
 * Ends the tag of an element that shows a counter per second: its text is the average since
 * @a since_us; in the live form, data-v is the counter.
 */
void html_value_rate(const html_t *html, const html_value_t *value, apr_int64_t since_us);

/** In the live form: writes the attribute data-v where the text differs from the number. */
void html_value_number(const html_t *html, const html_value_t *value);

/** Writes the value in an element that the script finds by @a path and updates. */
void html_value_span(const html_t *html, const html_value_t *value, const char *path);

/** Writes an empty element for the highest value of @a path that the script has seen. */
void html_value_peak(const html_t *html, const char *path);

/** An integer value; 0 if unknown. For bars and rates. */
apr_int64_t html_value_amount(const html_value_t *value);

#endif
