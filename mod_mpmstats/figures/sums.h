/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/sums.h
 * @brief From single workers and processes to the totals of a snapshot.
 *
 * Knows no httpd: the figures may come from the running server's scoreboard or from a file. Numbers
 * that anybody may have written are safe here: a negative one is none, and a sum that is too large
 * stays the largest there is.
 */
#ifndef MPMSTATS_FIGURES_SUMS_H
#define MPMSTATS_FIGURES_SUMS_H

#include <stdbool.h>

#include "figures/snapshot.h"
#include "figures/states.h"

/** What is needed until all processes are added, beside the totals themselves. */
typedef struct {
    apr_int64_t accepting; /**< processes that are no longer starting nor going away */
    apr_int64_t full;      /**< of those, at their connection limit */
    apr_int64_t serving;   /**< busy workers in processes that are not going away */
} sums_t;

/** Counts begin at 0; the rest of the totals is left as it is. */
void sums_begin(sums_t *sums, snapshot_totals_t *totals);

/** Adds @a value to a number that may be unknown; an unknown one adds nothing. */
void sums_add(apr_int64_t *sum, apr_int64_t value);

/**
 * The word for the state of a process with workers by role (@a roles): its scoreboard entry says
 * that it quiesces, is of another generation than the server, or does not accept.
 */
const char *sums_process_state(const apr_int64_t *roles, bool quiescing, bool other_generation,
                               bool not_accepting);

/** Adds a process, whose state is set, with its workers and connections. */
void sums_process(sums_t *sums, snapshot_t *snapshot, const snapshot_process_t *process,
                  const apr_int64_t *roles);

/** Connections of a process, whatever they wait for. */
apr_int64_t sums_of_connections(const snapshot_connections_t *by_state);

/** Adds the connections of one alone. */
void sums_connections(snapshot_t *snapshot, const snapshot_process_t *process);

/** Workers in @a state, or for STATE_OPEN places without one, over all processes. */
apr_int64_t sums_in_state(const snapshot_t *snapshot, const state_t *state);

/**
 * What follows from the sums and the limits: the limit of connections, and whether the server is
 * saturated.
 */
void sums_end(const sums_t *sums, snapshot_t *snapshot);

#endif
