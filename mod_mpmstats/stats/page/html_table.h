/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_table.h
 * @brief The tables of the page: their columns are metrics, their rows the records of a snapshot.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_TABLE_H
#define MPMSTATS_STATS_PAGE_HTML_TABLE_H

#include "stats/page/html.h"

/** One row per process, those without a slot last. */
void html_table_processes(const html_t *html);

/** One row per worker. */
void html_table_workers(const html_t *html);

/** The longest-running requests, of a second or more, as table `slow`. */
void html_table_slow(const html_t *html);

/* One row per record; only the header if there are none. */
void html_table_vhosts(const html_t *html);
void html_table_handlers(const html_t *html);
void html_table_listeners(const html_t *html);
void html_table_events(const html_t *html);

#endif
