/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/decode.h
 * @brief Decodes the status handler's JSON into a sample.
 *
 * Missing and unknown keys are accepted. A value of the wrong type, a negative
 * count, a missing section or another schema number is a failure that names its
 * place.
 */
#ifndef MPMSTATS_CLI_SOURCE_DECODE_H
#define MPMSTATS_CLI_SOURCE_DECODE_H

#include <stddef.h>

#include "common/failure.h"
#include "fields/sample.h"

/** The schema this program reads. */
#define DECODE_SCHEMA 1

/**
 * Parses @a length bytes of @a text; messages name @a origin. Returns a sample that
 * the caller frees, or NULL and @a failure filled.
 */
sample_t *decode_sample(const char *text, size_t length, const char *origin, failure_t *failure);

#endif
