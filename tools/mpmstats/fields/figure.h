/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/figure.h
 * @brief Human-readable numbers. The caller frees the strings; NAN gives "-".
 */
#ifndef MPMSTATS_CLI_FIELDS_FIGURE_H
#define MPMSTATS_CLI_FIELDS_FIGURE_H

#include "fields/fields.h"

/** 1234567 as 1,234,567. */
char *figure_count(double number);

/** Bytes in binary units with three digits: 999 B, 1.46 KiB, 12.3 MiB. */
char *figure_bytes(double bytes);

/** A time span of @a us microseconds: 12 us, 3.4 ms, 1.23 s, 4m05s, 3h02m, 12d04h. */
char *figure_span(double us);

/** Microseconds since the epoch as local time: 2026-01-31 12:34:56. */
char *figure_time(double us);

/** A value, formatted by its field's kind and unit; texts are made safe. */
char *figure_field(const field_t *field, const void *record);

#endif
