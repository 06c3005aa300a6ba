/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_tables.h
 * @brief The tables of the page.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_TABLES_H
#define MPMSTATS_STATS_PAGE_HTML_TABLES_H

#include "render/out.h"
#include "figures/snapshot.h"

/** One row a process, those without a slot last. */
void html_tables_processes(out_t *out, const snapshot_t *snapshot);

/** One row a worker. */
void html_tables_workers(out_t *out, const snapshot_t *snapshot);

/** The requests that have been running for longest, at least a second, as table `slow`. */
void html_tables_slow(out_t *out, const snapshot_t *snapshot);

/* One row for each of what is recorded; nothing but the header where there is none. */
void html_tables_vhosts(out_t *out, const snapshot_t *snapshot);
void html_tables_handlers(out_t *out, const snapshot_t *snapshot);
void html_tables_listeners(out_t *out, const snapshot_t *snapshot);
void html_tables_events(out_t *out, const snapshot_t *snapshot);

/**
 * A row for each phase of a request and the other times: what the script knows of now, and since
 * recording began.
 */
void html_tables_latency(out_t *out, const snapshot_t *snapshot);

#endif
