/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  top/top.h
 * @brief State of `top`: samples, lists with their order, input mode.
 *
 * commands/top.c takes samples and waits, top_keys.c handles keys, top_rows.c makes
 * the rows, top_draw.c draws with top_header.c and top_list.c. Single-threaded.
 */
#ifndef MPMSTATS_CLI_TOP_TOP_H
#define MPMSTATS_CLI_TOP_TOP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/failure.h"
#include "fields/rows.h"
#include "fields/sample.h"
#include "common/terminal.h"

#define TOP_FILTER_MAX 128

/** A column of a list. The last one takes the rest of the line. */
typedef struct {
    const char *name; /**< name of its field */
    const char *title;
    int width;
    bool right; /**< numbers: right-aligned */
    bool age;   /**< a point in time, shown and sorted by its age */
    /** a counter, shown and sorted by its growth per second since the last sample */
    bool rate;
    int from; /**< minimum screen width */
    int drop; /**< priority for dropping on a narrow screen, highest first; 0: never */
} top_column_t;

typedef struct {
    const char *title;
    const top_column_t *columns;
    size_t column_count;
    size_t sort;            /**< index of the sort column */
    bool reverse;           /**< inverts the column's natural order */
    size_t selected, first; /**< indices among the filtered rows */
} top_list_t;

typedef enum { TOP_WORKERS, TOP_PROCESSES, TOP_VHOSTS, TOP_LISTS } top_list_e;

typedef enum {
    TOP_BROWSE,
    TOP_FILTER, /**< the filter is being typed */
    TOP_SORT,   /**< a column is being chosen */
    TOP_HELP,
    TOP_DETAILS /**< all values of the selected row */
} top_mode_e;

/** Identifies a worker, process or virtual host across samples. */
typedef struct {
    apr_int64_t slot, thread, pid;
    char name[96];
} top_identity_t;

typedef struct {
    const char *origin;     /**< origin of the samples */
    sample_t *before, *now; /**< the last two, or NULL */
    failure_t trouble;      /**< rc RC_OK: the last request succeeded */
    double trouble_since;   /**< monotonic clock, seconds */
    top_list_t lists[TOP_LISTS];
    top_list_e list;
    top_mode_e mode;
    bool paused, show_idle, quit, refresh;
    char filter[TOP_FILTER_MAX];
    char filter_before[TOP_FILTER_MAX]; /**< restored when typing is cancelled */
    size_t sort_cursor;
    top_identity_t details; /**< the row whose details are shown */
    size_t details_first;   /**< first visible line of the details */
    int page;               /**< rows of the list as last drawn */
} top_t;

/** Initial state; the caller sets samples and origin. */
void top_init(top_t *top);

/** The fields of the records in view. */
const field_t *top_fields(const top_t *top);

/** Filtered and sorted rows of the list in view; free with rows_free(). */
rows_t top_rows(const top_t *top);

top_identity_t top_identify(const top_t *top, const void *record);

/** The record of that identity in the list in view; NULL: it no longer exists. */
const void *top_find(const top_t *top, const top_identity_t *identity);

/** True when any record of the sample has a value for the column. */
bool top_column_known(const top_t *top, const top_column_t *column);

/** Safe text of a cell; NULL: unknown. The caller frees it. */
char *top_cell(const top_t *top, const top_column_t *column, const void *record);

/** Style of a record's cells. */
style_e top_row_style(const top_t *top, const void *record);

/** Limits the selection to @a count rows and scrolls it into the page. */
void top_bound(top_t *top, size_t count);

/** Handles one key from screen_key(). */
void top_key(top_t *top, int key);

/** Draws everything; @a now is the monotonic clock in seconds. */
void top_draw(top_t *top, double now);

#endif
