/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/fetcher.h
 * @brief Takes samples in a separate thread, so the keyboard works while a server is slow.
 *
 * Only the thread that called fetcher_start() calls these functions. The fetcher
 * owns the source.
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

/** NULL and @a failure filled when no thread can be created; the source is then closed. */
fetcher_t *fetcher_start(source_t *source, fetcher_take_fn *take, failure_t *failure);

/** Readable when there is a result. */
int fetcher_fd(const fetcher_t *fetcher);

/** Starts a sample, unless one is in progress or not yet collected. */
void fetcher_ask(fetcher_t *fetcher);

/** True when a sample is in progress or ready. */
bool fetcher_busy(fetcher_t *fetcher);

/**
 * Collects a result: true with either a sample that the caller frees, or NULL and
 * @a failure filled. False: no result yet.
 */
bool fetcher_result(fetcher_t *fetcher, sample_t **sample, failure_t *failure);

/**
 * Stops the thread, with a short wait for a request in progress. False: the request
 * still runs, its memory stays allocated and the program must end with _exit().
 */
bool fetcher_stop(fetcher_t *fetcher);

#endif
