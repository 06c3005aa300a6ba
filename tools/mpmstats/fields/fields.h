/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/fields.h
 * @brief Every value a snapshot holds, by name.
 *
 * What the server tells is declared in figures/figures.def; fields.c adds where
 * the value is in the JSON. The JSON decoder, `get`, `check`, `watch`, `diff` and the columns of
 * `workers` and `processes` work from these tables. All constant, readable from
 * anywhere.
 */
#ifndef MPMSTATS_CLI_FIELDS_FIELDS_H
#define MPMSTATS_CLI_FIELDS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "figures/metrics.h"
#include "figures/snapshot.h"

typedef struct field {
    const char *name; /**< what users and scripts say: never changes once released */
    const char *path; /**< in the JSON, dots between the levels; "" when computed here */
    metric_kind_e kind;
    metric_unit_e unit;
    const char *shorter; /**< its short name; "_": none */
    const char *limit;   /**< name of the field of the same table that is 100 % of it; "_": none */
    const char *label;   /**< for people, short */
    const char *help;    /**< for people, one sentence */
    size_t offset;       /**< of the value in its record */
    double (*compute)(const snapshot_t *snap); /**< or what computes it; NAN when not known */
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

/** Is the value a string? */
bool field_is_text(const field_t *field);

/** Makes every value of a record unknown; members that are no field stay. */
void fields_clear(const field_t *table, void *record);

/** The field called @a name in @a table, or by its short name (see field_short()); or NULL. */
const field_t *field_find(const field_t *table, const char *name);

/** The known name nearest to a misspelt one, or NULL when none is near. */
const char *field_nearest(const field_t *table, const char *name);

/** The short name of a value people type often ("busy"), or NULL. */
const char *field_short(const field_t *field);

/** The field that is 100 % of this one, which is of @a table; or NULL. */
const field_t *field_limit(const field_t *table, const field_t *field);

/** Does the record hold this value? */
bool field_known(const field_t *field, const void *record);

/** The value as a number in the field's unit; NAN when unknown or a text. */
double field_number(const field_t *field, const void *record);

/** The value of a text; NULL when unknown or a number. Not safe for terminals. */
const char *field_string(const field_t *field, const void *record);

/**
 * The value as scripts want it, as in the JSON but flags as 0 or 1; NULL when it
 * is not known. The caller frees it. Texts are not safe for terminals.
 */
char *field_plain(const field_t *field, const void *record);

/** Words for lists; the unit's is "" where there is none. */
const char *field_kind_word(const field_t *field);
const char *field_unit_word(const field_t *field);

#endif
