/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_list.h
 * @brief Lists of figures on the page: limits, connections by state; and the bar that shows one
 * against another.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_LIST_H
#define MPMSTATS_STATS_PAGE_HTML_LIST_H

#include "render/out.h"
#include "figures/snapshot.h"

/** Each limit that is known, as a list of name and value. */
void html_list_limits(out_t *out, const snapshot_t *snapshot);

/**
 * Connections by what they wait for: an item of a description list for each state that is known.
 */
void html_list_connections(out_t *out, const snapshot_t *snapshot);

/** A bar that shows @a value of @a max; @a label says of what, the paths keep it current. */
void html_list_bar(out_t *out, const snapshot_t *snapshot, const char *value, const char *max,
                   const char *label);

#endif
