/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/sums.h
 * @brief From single workers and processes to the totals of a snapshot.
 *
 * Independent of httpd: the figures may come from the running server's scoreboard or from an
 * untrusted file. Negative values count as unknown, and sums saturate at the largest number.
 */
#ifndef MPMSTATS_FIGURES_SUMS_H
#define MPMSTATS_FIGURES_SUMS_H

#include <stdbool.h>

#include "figures/snapshot.h"
#include "figures/states.h"

/** Intermediate sums while processes are added. */
typedef struct {
    apr_int64_t accepting; /**< processes that are neither starting nor quiescing */
    apr_int64_t full;      /**< of those, at their connection limit */
    apr_int64_t serving;   /**< busy and driving workers in processes that are not quiescing */
    apr_int64_t streams;   /**< running in processes that accept */
} sums_t;

/** Sets the counts to 0; other totals stay unchanged. */
void sums_begin(sums_t *sums, snapshot_totals_t *totals);

/** Adds @a value to @a sum; either may be unknown, an unknown value adds nothing. */
void sums_add(apr_int64_t *sum, apr_int64_t value);

/**
 * The word for the state of a process, from its number of workers by role (@a roles) and its
 * scoreboard entry's flags.
 */
const char *sums_process_state(const apr_int64_t *roles, bool quiescing, bool other_generation,
                               bool not_accepting);

/** Adds a process, whose state is set, with its workers and connections. */
void sums_process(sums_t *sums, snapshot_t *snapshot, const snapshot_process_t *process,
                  const apr_int64_t *roles);

/** Connections of a process in all states. */
apr_int64_t sums_of_connections(const snapshot_connections_t *by_state);

/** Adds the connections of a process, without its workers. */
void sums_connections(snapshot_t *snapshot, const snapshot_process_t *process);

/** Workers in @a state over all processes; for STATE_OPEN, entries without a worker. */
apr_int64_t sums_in_state(const snapshot_t *snapshot, const state_t *state);

/**
 * Derives figures from the sums and the limits: the connection limit, and whether the server is
 * saturated.
 */
void sums_end(const sums_t *sums, snapshot_t *snapshot);

#endif
