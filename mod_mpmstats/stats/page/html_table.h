/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_table.h
 * @brief The tables of the page: their columns are metrics, their rows the records of a snapshot.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_TABLE_H
#define MPMSTATS_STATS_PAGE_HTML_TABLE_H

#include "stats/page/html.h"

/** One row a process, those without a slot last. */
void html_table_processes(const html_t *html);

/** One row a worker. */
void html_table_workers(const html_t *html);

/** The requests that have been running for longest, at least a second, as table `slow`. */
void html_table_slow(const html_t *html);

/* One row for each of what is recorded; nothing but the header where there is none. */
void html_table_vhosts(const html_t *html);
void html_table_handlers(const html_t *html);
void html_table_listeners(const html_t *html);
void html_table_events(const html_t *html);

#endif
