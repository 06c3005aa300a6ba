/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_list.h
 * @brief Lists of single figures on the page: limits, connections by state, times by phase; and the
 * bar that shows one against another.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_LIST_H
#define MPMSTATS_STATS_PAGE_HTML_LIST_H

#include "stats/page/html.h"

/** Each limit that is known, as items of a description list. */
void html_list_limits(const html_t *html);

/** Connections by what they wait for: an item for each state that is known. */
void html_list_connections(const html_t *html);

/** A bar that shows @a value of @a max, both paths; @a label says of what. */
void html_list_bar(const html_t *html, const char *value, const char *max, const char *label);

/**
 * A row for each phase of a request and the other times: what the script knows of now, and since
 * recording began.
 */
void html_list_latency(const html_t *html);

#endif
