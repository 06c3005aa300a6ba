/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/fetcher.h
 * @brief Takes samples in a thread of its own, so that keys are answered while a server is not.
 *
 * All functions are for the one thread that started it. From fetcher_start() on
 * the source belongs to the fetcher.
 */
#ifndef MPMSTATS_CLI_SOURCE_FETCHER_H
#define MPMSTATS_CLI_SOURCE_FETCHER_H

#include <stdbool.h>

#include "common/failure.h"
#include "fields/sample.h"
#include "source/source.h"

typedef struct fetcher fetcher_t;

/** source_take() or source_take_living(). */
typedef sample_t *fetcher_take_fn(source_t *source, failure_t *failure);

/** NULL and @a failure filled when there is no thread to be had; the source is then closed. */
fetcher_t *fetcher_start(source_t *source, fetcher_take_fn *take, failure_t *failure);

/** Readable when there is a result. */
int fetcher_fd(const fetcher_t *fetcher);

/** Begins to take a sample, unless one is under way or not collected yet. */
void fetcher_ask(fetcher_t *fetcher);

/** Is a sample under way, or ready? */
bool fetcher_busy(fetcher_t *fetcher);

/**
 * Collects a result: true, and either a sample that is the caller's or NULL and
 * @a failure filled. False when there is none yet.
 */
bool fetcher_result(fetcher_t *fetcher, sample_t **sample, failure_t *failure);

/**
 * Ends it. A request under way is given a moment; when it takes longer, what it
 * uses stays allocated and false says that the program must end by _exit().
 */
bool fetcher_stop(fetcher_t *fetcher);

#endif
