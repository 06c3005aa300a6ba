/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/modstatus.h
 * @brief The figures of mod_status's machine-readable report, counted by its rules.
 *
 * They differ from those of the snapshot: a worker of a quiescing process is neither
 * busy nor idle, and the scoreboard includes the slots a restart could still use.
 * Programs written for mod_status rely on that.
 */
#ifndef MPMSTATS_STATS_MODSTATUS_H
#define MPMSTATS_STATS_MODSTATUS_H

#include "httpd.h"
#include "render/modstatus_figures.h"
#include "figures/snapshot.h"

/**
 * Reads the scoreboard, on any worker thread and without a lock. @a snapshot was taken
 * for @a r; the result is allocated from its pool.
 */
const modstatus_t *modstatus_read(request_rec *r, const snapshot_t *snapshot);

/** Lets the modules that add to mod_status's report write their lines into the response. */
void modstatus_run_hooks(request_rec *r);

#endif
