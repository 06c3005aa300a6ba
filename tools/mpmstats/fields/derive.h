/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/derive.h
 * @brief Values computed from a snapshot, for the table in fields.c.
 *
 * A value is NAN when one of its inputs is unknown. Pure functions.
 */
#ifndef MPMSTATS_CLI_FIELDS_DERIVE_H
#define MPMSTATS_CLI_FIELDS_DERIVE_H

#include <stdbool.h>

#include "figures/snapshot.h"

/** True when the worker is busy: any state except _ S I G and "." */
bool derive_worker_busy(const snapshot_worker_t *worker);

double derive_workers(const snapshot_t *snap);
double derive_workers_free(const snapshot_t *snap);
double derive_connections_max(const snapshot_t *snap);
/** µs; 0 when no request runs. Keep-alive (K) and tunnels do not count. */
double derive_oldest(const snapshot_t *snap);

/** Number of workers in that scoreboard state. */
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
