/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/rows.h
 * @brief A filtered and sorted list of a snapshot's processes, workers, virtual hosts etc.
 *
 * The sample owns the records. Single-threaded.
 */
#ifndef MPMSTATS_CLI_FIELDS_ROWS_H
#define MPMSTATS_CLI_FIELDS_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/failure.h"
#include "fields/fields.h"
#include "fields/sample.h"

typedef struct {
    const field_t *fields; /**< of the records */
    const char *section;   /**< name of the array in the document */
    const void *base;      /**< the sample's first record */
    size_t size;           /**< of a record */
    const void **items;    /**< selected records */
    size_t count;
} rows_t;

/** All records of a kind in the server's order; free with rows_free(). */
rows_t rows_processes(const snapshot_t *snap);
rows_t rows_workers(const snapshot_t *snap);
rows_t rows_vhosts(const snapshot_t *snap);
rows_t rows_handlers(const snapshot_t *snap);
rows_t rows_events(const snapshot_t *snap);

/** Keeps the records for which @a wanted returns true, in order. */
void rows_keep(rows_t *rows, bool (*wanted)(const void *record, const void *context),
               const void *context);

/**
 * Sorts by a field: numbers descending, texts ascending; @a reverse inverts that.
 * Unknown values come last. The sort is stable.
 */
void rows_sort(rows_t *rows, const field_t *field, bool reverse);

/** The field for --sort; NULL and @a failure filled for an unknown name. */
const field_t *rows_sort_field(const field_t *fields, const char *name, failure_t *failure);

/**
 * True when @a known accepts each of the comma-separated @a words; else @a failure lists @a all
 * valid words.
 */
bool rows_know(const char *option, const char *words,
               bool (*known)(const char *word, size_t length), const char *all, failure_t *failure);

/** Filter, order and maximum number of rows. */
typedef struct {
    bool (*wanted)(const void *record, const void *context);
    const void *context;
    const field_t *sort; /**< NULL: in the server's order */
    bool reverse;
    long first; /**< maximum number of rows; negative: all */
} rows_choice_t;

/** Applies rows_keep() and rows_sort(), then keeps the first choice->first rows. */
void rows_choose(rows_t *rows, const rows_choice_t *choice);

/** The selected records as a JSON array as sent, in any layout; the caller frees it. */
char *rows_text(const rows_t *rows, const sample_t *sample);

void rows_free(rows_t *rows);

#endif
