/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/html_table.h
 * @brief The tables of the page: limits, connections by state, processes, workers.
 */
#ifndef MPMSTATS_HTML_TABLE_H
#define MPMSTATS_HTML_TABLE_H

#include "stats/out.h"
#include "stats/snapshot.h"

/** Each limit that is known, as a list of name and value. */
void html_table_limits(out_t *out, const snapshot_t *snapshot);

/** Connections by what they wait for: an item of a description list for each state that is known. */
void html_table_connections(out_t *out, const snapshot_t *snapshot);

/** One row a process, those without a slot last. */
void html_table_processes(out_t *out, const snapshot_t *snapshot);

/** One row a worker. */
void html_table_workers(out_t *out, const snapshot_t *snapshot);

/** A bar that shows @a value of @a max; @a label says of what, the paths keep it current. */
void html_table_bar(out_t *out, const snapshot_t *snapshot, const char *value, const char *max,
                    const char *label);

#endif
