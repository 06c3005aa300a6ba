/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/measure.h
 * @brief A value as `get`, `check` and `watch` name it: KEY, or KEY% of its limit; vhost[NAME].KEY
 * of a virtual host.
 *
 * NAME is the virtual host's, with or without its port; without one the first of that name is
 * meant.
 */
#ifndef MPMSTATS_CLI_FIELDS_MEASURE_H
#define MPMSTATS_CLI_FIELDS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/failure.h"
#include "fields/fields.h"

typedef struct {
    const field_t *field;
    bool percent; /**< of measure_limit() */
    char *vhost;  /**< name of a virtual host; NULL: the server's value */
} measure_t;

/** Reads @a length bytes of @a text; names the nearest key when there is none of that name. */
bool measure_parse(measure_t *measure, const char *text, size_t length, failure_t *failure);

void measure_free(measure_t *measure);

/**
 * The record that holds it: the snapshot, or one of its virtual hosts; NULL when there is none of
 * that name.
 */
const void *measure_record(const measure_t *measure, const snapshot_t *snap);

/** The field that is 100 % of it, in the same record; NULL: there is none. */
const field_t *measure_limit(const measure_t *measure);

/** Its name as short as it can be written. The caller frees it; not safe for terminals. */
char *measure_name(const measure_t *measure);

/** Are they the same, but for the percentage? */
bool measure_same(const measure_t *a, const measure_t *b);

/** The value of the field itself, whether a percentage is wanted or not; NAN when not known. */
double measure_number(const measure_t *measure, const snapshot_t *snap);

/** The value in the field's unit, or in percent; NAN when the server does not tell it. */
double measure_value(const measure_t *measure, const snapshot_t *snap);

/**
 * As scripts want it (field_plain()), percentages with one decimal; NULL when not known. The caller
 * frees it.
 */
char *measure_plain(const measure_t *measure, const snapshot_t *snap);

/** As JSON, of the type it has in the server's answer; NULL when not known. A new reference. */
json_t *measure_json(const measure_t *measure, const snapshot_t *snap);

/** For people (figure_field()); "-" when not known. The caller frees it. */
char *measure_format(const measure_t *measure, const snapshot_t *snap);

/** Is it a number, so that it can be compared and its change be told? */
bool measure_is_number(const measure_t *measure);

/** The seconds from @a before to @a after by the server's clock; NAN when it does not tell. */
double measure_seconds(const snapshot_t *before, const snapshot_t *after);

/** Did the counters begin anew in between, or is it another server altogether? */
bool measure_restarted(const snapshot_t *before, const snapshot_t *after);

/** How much a counter grew per second; NAN when not known or when it began anew in between. */
double measure_rate(const measure_t *measure, const snapshot_t *before, const snapshot_t *after);

#endif
