/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/decode.h
 * @brief From the status handler's JSON to a sample.
 *
 * Tolerant of keys that are absent or unknown, strict with the rest: a value of
 * another type than declared, a negative count, a missing section or another
 * schema number is a failure that names the place.
 */
#ifndef MPMSTATS_CLI_SOURCE_DECODE_H
#define MPMSTATS_CLI_SOURCE_DECODE_H

#include <stddef.h>

#include "common/failure.h"
#include "fields/sample.h"

/** The schema this program reads. */
#define DECODE_SCHEMA 1

/**
 * Parses @a length bytes of @a text. @a origin names them in the failure's line.
 * NULL and @a failure filled when they are not a status document; else the
 * caller frees the sample.
 */
sample_t *decode_sample(const char *text, size_t length, const char *origin, failure_t *failure);

#endif
