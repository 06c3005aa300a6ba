/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/format.h
 * @brief Figures for people, with units. page/page.js formats rates and times in the same way.
 *
 * Every function writes a terminated UTF-8 string into @a text and returns it.
 */
#ifndef MPMSTATS_BASE_FORMAT_H
#define MPMSTATS_BASE_FORMAT_H

#include "apr.h"

/** Enough for any of them. */
#define FORMAT_BYTES 64

/** 1234567 as "1 234 567", with narrow no-break spaces. */
const char *format_count(char text[FORMAT_BYTES], apr_int64_t count);

/** Bytes as "512 B", "1.5 KiB", "3.2 GiB". */
const char *format_bytes(char text[FORMAT_BYTES], apr_int64_t bytes);

/** Microseconds as "850 µs", "12.3 ms", "4.2 s", "3m 20s", "5h 12m", "12d 04h". */
const char *format_duration(char text[FORMAT_BYTES], apr_int64_t us);

/** Microseconds since the epoch as "2026-01-31 23:59:59 UTC". */
const char *format_time(char text[FORMAT_BYTES], apr_int64_t us);

/** A number with two decimals. */
const char *format_real(char text[FORMAT_BYTES], double number);

/** A rate per second: one decimal below 100, none above. */
const char *format_rate(char text[FORMAT_BYTES], double rate);

#endif
