/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/measure.h
 * @brief A value named as in `get`, `check` and `watch`: KEY, KEY% (of its limit) or
 * vhost[NAME].KEY.
 *
 * NAME is a virtual host with or without its port; without a port the first match is used.
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
    bool percent; /**< the value as percentage of measure_limit() */
    char *vhost;  /**< virtual host; NULL: the server */
} measure_t;

/** Parses @a length bytes of @a text; the failure for an unknown key names the closest one. */
bool measure_parse(measure_t *measure, const char *text, size_t length, failure_t *failure);

void measure_free(measure_t *measure);

/** The record of the value: the snapshot or a virtual host; NULL: no such virtual host. */
const void *measure_record(const measure_t *measure, const snapshot_t *snap);

/** The field of the same record that is its 100 %, or NULL. */
const field_t *measure_limit(const measure_t *measure);

/** The shortest name of the measure. The caller frees it; not safe for terminals. */
char *measure_name(const measure_t *measure);

/** True when both name the same value; percent is ignored. */
bool measure_same(const measure_t *a, const measure_t *b);

/** The field's own value, never a percentage; NAN: unknown. */
double measure_number(const measure_t *measure, const snapshot_t *snap);

/** The value in the field's unit or in percent; NAN: unknown. */
double measure_value(const measure_t *measure, const snapshot_t *snap);

/** For scripts (field_plain()), percentages with one decimal; NULL: unknown. Caller frees it. */
char *measure_plain(const measure_t *measure, const snapshot_t *snap);

/** As JSON, with the type of the server's answer; NULL: unknown. A new reference. */
json_t *measure_json(const measure_t *measure, const snapshot_t *snap);

/** Human-readable (figure_field()); "-": unknown. The caller frees it. */
char *measure_format(const measure_t *measure, const snapshot_t *snap);

/** True for numbers, which can be compared and have a rate. */
bool measure_is_number(const measure_t *measure);

/** Seconds from @a before to @a after by the server's clock; NAN: unknown. */
double measure_seconds(const snapshot_t *before, const snapshot_t *after);

/** True when the counters were reset between the snapshots, or the server is another one. */
bool measure_restarted(const snapshot_t *before, const snapshot_t *after);

/** Growth of a counter per second; NAN: unknown, or reset in between. */
double measure_rate(const measure_t *measure, const snapshot_t *before, const snapshot_t *after);

#endif
