/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/format.h
 * @brief Figures as people read them, with units. The page's script formats rates and times of its
 * own alike (page/page.js).
 *
 * Every function writes a terminated UTF-8 string into @a text and returns it.
 */
#ifndef MPMSTATS_BASE_FORMAT_H
#define MPMSTATS_BASE_FORMAT_H

#include "apr.h"

/** Room that is enough for each of them. */
#define FORMAT_BYTES 64

/** 1234567 as "1 234 567" with narrow spaces that do not break. */
const char *format_count(char text[FORMAT_BYTES], apr_int64_t count);

/** Bytes as "512 B", "1.5 KiB", "3.2 GiB". */
const char *format_bytes(char text[FORMAT_BYTES], apr_int64_t bytes);

/** Microseconds as "850 µs", "12.3 ms", "4.2 s", "3m 20s", "5h 12m", "12d 4h". */
const char *format_duration(char text[FORMAT_BYTES], apr_int64_t us);

/** Microseconds since the epoch as "2026-01-31 23:59:59 UTC". */
const char *format_time(char text[FORMAT_BYTES], apr_int64_t us);

/** A number with two decimals. */
const char *format_real(char text[FORMAT_BYTES], double number);

/** Something per second: one decimal below 100, none above. */
const char *format_rate(char text[FORMAT_BYTES], double rate);

#endif
