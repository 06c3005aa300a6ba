/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/sampler.h
 * @brief Looks at a server again and again, for `tune`.
 *
 * The server is asked in a thread of its own; when it does not answer because it is
 * saturated, the kernel's figures are taken all the same. Single-threaded to its user.
 */
#ifndef MPMSTATS_CLI_TUNE_SAMPLER_H
#define MPMSTATS_CLI_TUNE_SAMPLER_H

#include "source/source.h"
#include "tune/tuning.h"

typedef struct sampler sampler_t;

/** The source is the sampler's from now on. NULL and @a failure filled when it cannot be. */
sampler_t *sampler_open(source_t *source, failure_t *failure);

/**
 * A sample taken from now on; NULL and @a failure filled when there is none within @a seconds. The
 * caller frees it.
 */
sample_t *sampler_take(sampler_t *sampler, double seconds, failure_t *failure);

/**
 * Looks for @a seconds, with a line of progress on stderr that begins with @a word.
 * NULL and @a failure filled when the server was restarted or has gone meanwhile, or
 * a signal came (interrupt.h).
 */
tuning_t *sampler_run(sampler_t *sampler, sample_t *first, const tuning_wishes_t *wishes,
                      double seconds, const char *word, failure_t *failure);

/** The monotonic clock in seconds. */
double sampler_clock(void);

/** False: the server still owes an answer, and the program must end by _exit(). */
bool sampler_close(sampler_t *sampler);

#endif
