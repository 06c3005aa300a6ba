/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/hybrid.h
 * @brief What mpm_hybrid tells beyond the scoreboard, if it is the running MPM.
 *
 * Neither module needs the other to load: every function here answers 0 when
 * mpm_hybrid is not there, or speaks another version of mpm/mpm_hybrid.h, and
 * leaves the record as it was. Any thread may call them once children run.
 */
#ifndef MPMSTATS_HYBRID_H
#define MPMSTATS_HYBRID_H

#include "stats/snapshot.h"

/** Hook optional_fn_retrieve: finds the functions. */
void hybrid_find(void);

/** Fills the limits of the default lane and @a model (static storage); 1 if known. */
int hybrid_limits(snapshot_limits_t *limits, const char **model);

/**
 * Fills what is known of the process in scoreboard slot @a process->slot, provided
 * that it is still process->pid; 1 if known.
 */
int hybrid_process(snapshot_process_t *process);

/** What hybrid_finishing() found. */
typedef enum {
    HYBRID_FOUND,
    HYBRID_WAITING_ROOM,    /**< connections of the prefork model wait there: it runs nothing, and does not end */
    HYBRID_FREE,        /**< nobody is there now */
    HYBRID_END          /**< there is nothing from here on */
} hybrid_found_e;

/**
 * Fills the process without a slot number @a index (from 0), mostly one that finishes and has given it up;
 * @a limits are those of the same snapshot.
 */
hybrid_found_e hybrid_finishing(int index, const snapshot_limits_t *limits,
                                snapshot_process_t *process);

#endif
