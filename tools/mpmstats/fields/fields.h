/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/fields.h
 * @brief Every value a snapshot holds, by name.
 *
 * figures/figures.def declares the server's values; fields.c adds their place in
 * the JSON. The JSON decoder, `get`, `check`, `watch`, `diff` and the columns of
 * `workers` and `processes` use these tables. Constant data.
 */
#ifndef MPMSTATS_CLI_FIELDS_FIELDS_H
#define MPMSTATS_CLI_FIELDS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "figures/metrics.h"
#include "figures/snapshot.h"

typedef struct field {
    const char *name; /**< stable key for users and scripts */
    const char *path; /**< in the JSON, dots between levels; "": computed */
    metric_kind_e kind;
    metric_unit_e unit;
    const char *shorter; /**< short name; "_": none */
    const char *limit;   /**< the field of the same table that is its 100 %; "_": none */
    const char *label;   /**< short label for tables */
    const char *help;    /**< one sentence */
    size_t offset;       /**< of the value in its record */
    double (*compute)(const snapshot_t *snap); /**< computes the value; NAN: unknown */
} field_t;

/** Values of the server; records are snapshot_t. A NULL name ends each table. */
extern const field_t fields_server[];
/** Values of a process; records are snapshot_process_t. */
extern const field_t fields_process[];
/** Values of a worker; records are snapshot_worker_t. */
extern const field_t fields_worker[];

/** Values of a virtual host; records are snapshot_vhost_t. */
extern const field_t fields_vhost[];
/** Values of a content handler, a listening socket, an event. */
extern const field_t fields_handler[], fields_listener[], fields_event[];

/** True when the value is a string. */
bool field_is_text(const field_t *field);

/** Sets every field of a record to unknown; other members are unchanged. */
void fields_clear(const field_t *table, void *record);

/** The field whose name or short name (field_short()) is @a name, or NULL. */
const field_t *field_find(const field_t *table, const char *name);

/** The closest known name for a misspelt one, or NULL. */
const char *field_nearest(const field_t *table, const char *name);

/** The short name, e.g. "busy", or NULL. */
const char *field_short(const field_t *field);

/** The field of @a table that is 100 % of @a field, or NULL. */
const field_t *field_limit(const field_t *table, const field_t *field);

/** True when the value is known. */
bool field_known(const field_t *field, const void *record);

/** The value as a number in the field's unit; NAN: unknown or text. */
double field_number(const field_t *field, const void *record);

/** The value of a text field; NULL: unknown or a number. Not safe for terminals. */
const char *field_string(const field_t *field, const void *record);

/**
 * The value for scripts: as in the JSON, flags as 0 or 1; NULL: unknown. The caller
 * frees it. Texts are not safe for terminals.
 */
char *field_plain(const field_t *field, const void *record);

/** Names for listings; the unit's is "" where there is none. */
const char *field_kind_word(const field_t *field);
const char *field_unit_word(const field_t *field);

#endif
