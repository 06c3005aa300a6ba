/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_list.h
 * @brief Lists of single figures on the page (limits, connections by state, times by phase), and
 * the bar that shows one figure as a share of another.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_LIST_H
#define MPMSTATS_STATS_PAGE_HTML_LIST_H

#include "stats/page/html.h"

/** The known limits, as items of a description list. */
void html_list_limits(const html_t *html);

/** Connections by state: an item for each known state. */
void html_list_connections(const html_t *html);

/** A bar called @a label that shows @a value as a share of @a max, both paths. */
void html_list_bar(const html_t *html, const char *value, const char *max, const char *label);

/**
 * A row for each time with a histogram: cells that the script fills with recent values, and values
 * since recording began.
 */
void html_list_latency(const html_t *html);

#endif
