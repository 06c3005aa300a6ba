/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tools/mpmstats/measure.h
 * @brief A value of the server as `get`, `check` and `watch` name it: KEY, or KEY% of its limit.
 */
#ifndef MPMSTATS_MEASURE_H
#define MPMSTATS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "failure.h"
#include "fields.h"

typedef struct {
    const field_t *field;
    bool percent; /**< of field_limit() */
} measure_t;

/** Reads @a length bytes of @a text; names the nearest key when there is none of that name. */
bool measure_parse(measure_t *measure, const char *text, size_t length, failure_t *failure);

/** The value in the field's unit, or in percent; NAN when the server does not tell it. */
double measure_value(const measure_t *measure, const snapshot_t *snap);

/** As scripts want it (field_plain()), percentages with one decimal; NULL when not known. The caller frees it. */
char *measure_plain(const measure_t *measure, const snapshot_t *snap);

/** As JSON, of the type it has in the server's answer; NULL when not known. A new reference. */
json_t *measure_json(const measure_t *measure, const snapshot_t *snap);

/** For people (format_field()); "-" when not known. The caller frees it. */
char *measure_format(const measure_t *measure, const snapshot_t *snap);

/** Is it a number, so that it can be compared and its change be told? */
bool measure_is_number(const measure_t *measure);

/** The seconds from @a before to @a after by the server's clock; NAN when it does not tell. */
double measure_seconds(const snapshot_t *before, const snapshot_t *after);

/** Did the counters begin anew in between, or is it another server altogether? */
bool measure_restarted(const snapshot_t *before, const snapshot_t *after);

/** How much a counter grew per second; NAN when not known or when it began anew in between. */
double measure_rate(const field_t *field, const snapshot_t *before, const snapshot_t *after);

#endif
