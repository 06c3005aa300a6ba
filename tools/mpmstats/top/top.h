/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  top/top.h
 * @brief What `top` shows now: the samples, the list, its order, and what the user is doing.
 *
 * cmd_top.c takes samples and waits, top_keys.c changes this by what was typed,
 * top_rows.c makes the rows, top_draw.c draws with top_header.c and top_list.c. All of it
 * belongs to one thread.
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

/** A column of a list. The last one takes what is left of the line. */
typedef struct {
    const char *name; /**< of its field */
    const char *title;
    int width;
    bool right; /**< numbers: aligned at their end */
    bool age;   /**< a point in time, shown and sorted as how long ago that was */
    /** a counter, shown and sorted as what it grew by a second since the last look */
    bool rate;
    int from; /**< only on a screen of so many columns */
    int drop; /**< left out of a narrow screen, highest first; 0: never */
} top_column_t;

typedef struct {
    const char *title;
    const top_column_t *columns;
    size_t column_count;
    size_t sort;            /**< index of its column */
    bool reverse;           /**< against the column's natural order */
    size_t selected, first; /**< rows, of those that pass the filter */
} top_list_t;

typedef enum { TOP_WORKERS, TOP_PROCESSES, TOP_VHOSTS, TOP_LISTS } top_list_e;

typedef enum {
    TOP_BROWSE,
    TOP_FILTER, /**< the filter is being typed */
    TOP_SORT,   /**< a column is being chosen */
    TOP_HELP,
    TOP_DETAILS /**< everything known of the selected row */
} top_mode_e;

/** Which worker, process or virtual host a row is, from one sample to the next. */
typedef struct {
    apr_int64_t slot, thread, pid;
    char name[96];
} top_identity_t;

typedef struct {
    const char *origin;     /**< where the samples come from */
    sample_t *before, *now; /**< the last two, or NULL */
    failure_t trouble;      /**< rc RC_OK: the last request went well */
    double trouble_since;   /**< seconds of the monotonic clock */
    top_list_t lists[TOP_LISTS];
    top_list_e list;
    top_mode_e mode;
    bool paused, show_idle, quit, refresh;
    char filter[TOP_FILTER_MAX];
    char filter_before[TOP_FILTER_MAX]; /**< to go back to when typing is cancelled */
    size_t sort_cursor;
    top_identity_t details; /**< the row whose details are shown */
    size_t details_first;   /**< first line of them in view */
    int page;               /**< rows the list had when it was drawn */
} top_t;

/** The beginning; samples and origin are set by the caller. */
void top_init(top_t *top);

/** What is known of the records in view. */
const field_t *top_fields(const top_t *top);

/** Rows of the list in view: filtered and sorted. The caller frees them with rows_free(). */
rows_t top_rows(const top_t *top);

top_identity_t top_identify(const top_t *top, const void *record);

/** The record of that identity in the list in view; NULL when it is gone. */
const void *top_find(const top_t *top, const top_identity_t *identity);

/** Does any record of the sample know what the column shows? */
bool top_column_known(const top_t *top, const top_column_t *column);

/** The text of a cell, safe; NULL when not known. The caller frees it. */
char *top_cell(const top_t *top, const top_column_t *column, const void *record);

/** How the cells of a record are coloured. */
style_e top_row_style(const top_t *top, const void *record);

/** Puts the selection inside @a count rows, and the selected one into the page. */
void top_bound(top_t *top, size_t count);

/** One key, as screen_key() returns them. */
void top_key(top_t *top, int key);

/** Draws everything; @a now is the monotonic clock in seconds. */
void top_draw(top_t *top, double now);

#endif
