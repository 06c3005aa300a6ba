/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_table.h
 * @brief A table of records: its columns are metrics, its header cells tell the script how to fill
 * it.
 *
 * html_table_init(), then the columns, html_table_begin(), html_table_row() for each row,
 * html_table_end(). A row is found again by its key, which is made of the same figures here and in
 * the script.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_TABLE_H
#define MPMSTATS_STATS_PAGE_HTML_TABLE_H

#include "figures/metrics.h"
#include "render/out.h"
#include "figures/snapshot.h"

#define HTML_TABLE_COLUMNS 64

typedef struct {
    const metric_t *metric;
    const char *prefix; /**< of its path in the JSON, from the row */
    apr_size_t offset;  /**< of its record in the row */
    const char *label;  /**< in the header */
    int is_rate;        /**< a counter shown as its growth in a second */
} html_column_t;

typedef struct {
    out_t *out;
    const snapshot_t *snapshot;
    html_column_t columns[HTML_TABLE_COLUMNS];
    int count;
} html_table_t;

void html_table_init(html_table_t *table, out_t *out, const snapshot_t *snapshot);

/** Adds the column of a metric, found by its name. */
html_column_t *html_table_add(html_table_t *table, metrics_scope_e scope, const char *name);

/** The caption is for those who do not see what stands above the table. */
void html_table_begin(const html_table_t *table, const char *id, const char *caption);

/** @a key is escaped here. */
void html_table_row(const html_table_t *table, const void *row, const char *key);

void html_table_end(const html_table_t *table);

#endif
