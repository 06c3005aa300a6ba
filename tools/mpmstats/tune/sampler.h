/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/sampler.h
 * @brief Samples a server repeatedly, for `tune`.
 *
 * A separate thread queries the server, so the kernel's figures are read even while
 * the server is saturated. Single-threaded for the caller.
 */
#ifndef MPMSTATS_CLI_TUNE_SAMPLER_H
#define MPMSTATS_CLI_TUNE_SAMPLER_H

#include "source/source.h"
#include "tune/tuning.h"

typedef struct sampler sampler_t;

/** Takes ownership of @a source. NULL and @a failure filled on error. */
sampler_t *sampler_open(source_t *source, failure_t *failure);

/** A fresh sample; NULL and @a failure filled after @a seconds without one. The caller frees it. */
sample_t *sampler_take(sampler_t *sampler, double seconds, failure_t *failure);

/**
 * Samples for @a seconds, with a progress line on stderr that begins with @a word.
 * NULL and @a failure filled when the server restarts or stops meanwhile, or after a
 * signal (interrupt.h).
 */
tuning_t *sampler_run(sampler_t *sampler, sample_t *first, const tuning_wishes_t *wishes,
                      double seconds, const char *word, failure_t *failure);

/** The monotonic clock in seconds. */
double sampler_clock(void);

/** False: a request is still in progress, so the program must end with _exit(). */
bool sampler_close(sampler_t *sampler);

#endif
