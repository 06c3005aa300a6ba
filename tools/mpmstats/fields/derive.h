/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/derive.h
 * @brief Values computed from a snapshot, for the table in fields.c.
 *
 * Each is NAN when what it is made of is not known. Pure functions.
 */
#ifndef MPMSTATS_CLI_FIELDS_DERIVE_H
#define MPMSTATS_CLI_FIELDS_DERIVE_H

#include <stdbool.h>

#include "figures/snapshot.h"

/** Has the worker work: any state but _ S I G and the dead slot's dot. */
bool derive_worker_busy(const snapshot_worker_t *worker);

double derive_workers(const snapshot_t *snap);
double derive_workers_free(const snapshot_t *snap);
double derive_connections_max(const snapshot_t *snap);
/** µs; 0 when no request runs. A worker in K waits for its client and is not counted. */
double derive_oldest(const snapshot_t *snap);

/** Workers in the scoreboard state of that letter. */
double derive_state_S(const snapshot_t *snap);
double derive_state_R(const snapshot_t *snap);
double derive_state_W(const snapshot_t *snap);
double derive_state_K(const snapshot_t *snap);
double derive_state_D(const snapshot_t *snap);
double derive_state_C(const snapshot_t *snap);
double derive_state_L(const snapshot_t *snap);
double derive_state_G(const snapshot_t *snap);
double derive_state_I(const snapshot_t *snap);

#endif
