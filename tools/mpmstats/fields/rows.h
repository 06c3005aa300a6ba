/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/rows.h
 * @brief A choice of a snapshot's processes, workers, virtual hosts or the like, sorted.
 *
 * The records stay the sample's. Single-threaded.
 */
#ifndef MPMSTATS_CLI_FIELDS_ROWS_H
#define MPMSTATS_CLI_FIELDS_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/failure.h"
#include "fields/fields.h"
#include "fields/sample.h"

typedef struct {
    const field_t *fields; /**< of its records */
    const char *section;   /**< its array in the document */
    const void *base;      /**< the sample's first record */
    size_t size;           /**< of a record */
    const void **items;    /**< chosen records */
    size_t count;
} rows_t;

/** All records of a kind, in the server's order; end with rows_free(). */
rows_t rows_processes(const snapshot_t *snap);
rows_t rows_workers(const snapshot_t *snap);
rows_t rows_vhosts(const snapshot_t *snap);
rows_t rows_handlers(const snapshot_t *snap);
rows_t rows_events(const snapshot_t *snap);

/** Keeps those @a wanted says true of; the order stays. */
void rows_keep(rows_t *rows, bool (*wanted)(const void *record, const void *context),
               const void *context);

/**
 * Sorts by a field: numbers from the greatest down, texts from A to Z, the other
 * way round with @a reverse; what is not known comes last, equals stay in order.
 */
void rows_sort(rows_t *rows, const field_t *field, bool reverse);

/** The field for --sort; NULL and @a failure filled when there is none of that name. */
const field_t *rows_sort_field(const field_t *fields, const char *name, failure_t *failure);

/**
 * Is each word, of those with commas between them, one that @a known accepts? Else @a failure is
 * filled, with @a all that there are.
 */
bool rows_know(const char *option, const char *words,
               bool (*known)(const char *word, size_t length), const char *all, failure_t *failure);

/** Which rows are wanted, in which order, and how many of them. */
typedef struct {
    bool (*wanted)(const void *record, const void *context);
    const void *context;
    const field_t *sort; /**< NULL: in the server's order */
    bool reverse;
    long first; /**< the number of rows at most; negative: all */
} rows_choice_t;

/** rows_keep(), rows_sort(), and no more than the first rows of the rest. */
void rows_choose(rows_t *rows, const rows_choice_t *choice);

/**
 * The chosen records of @a sample as a JSON array, as the server sent them, in any layout; the
 * caller frees it.
 */
char *rows_text(const rows_t *rows, const sample_t *sample);

void rows_free(rows_t *rows);

#endif
