/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tools/mpmstats/sample.h
 * @brief One look at a server: a snapshot, and what owns its memory.
 *
 * Commands read sample->snap and nothing else; sources (source.h) fill it, so
 * it does not matter whether the figures came from an address or a file. What
 * a source does not know is unknown there, not zero (see snapshot.h). Strings
 * are not harmless, clients chose some of them: they go through text_safe()
 * before they reach a terminal.
 */
#ifndef MPMSTATS_SAMPLE_H
#define MPMSTATS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "stats/snapshot.h"

typedef struct {
    snapshot_t snap;
    json_t *document; /**< the same as JSON, with what only a newer server knows; owns the strings */
} sample_t;

/** A sample in which nothing is known; exits the program when memory is short. */
sample_t *sample_new(void);

/** Makes room for the rows, all values unknown. */
void sample_rows(sample_t *sample, size_t processes, size_t workers);

void sample_free(sample_t *sample);

/** Has the worker work: any state but _ S I G and the dead slot's dot. */
bool sample_worker_busy(const snapshot_worker_t *worker);

#endif
