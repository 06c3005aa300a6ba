/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/start.h
 * @brief Starting children, and what they inherit.
 */
#ifndef MPMSTATS_MPM_PARENT_START_H
#define MPMSTATS_MPM_PARENT_START_H

#include "mpm/lane.h"
#include "mpm/process/handoff.h"

/**
 * Main function of a new process; returns the exit status. @a slot: of the scoreboard; for the
 * lobby, its record in the shared counters. @a control_fd: socket that carries CONTROL_*
 * (control.h), or -1. Takes ownership of @a pairs.
 */
typedef int start_main_t(int slot, int control_fd, handoff_pairs_t *pairs);

typedef struct {
    start_main_t *threaded; /**< a child of the models event and worker */
    start_main_t *prefork;
    start_main_t *lobby;
} start_mains_t;

/** What a process inherits. */
typedef struct {
    const lane_t *lane;
    const start_mains_t *mains;
    int help_fd;            /**< write end of the pipe to the parent */
    handoff_pairs_t *pairs; /**< of the prefork model */
} start_birth_t;

/** Start a child. Its slot, or -1 if no slot is free, or if fork(2) failed, which it logs. */
int start_child(const start_birth_t *birth);

/** Start the prefork model's lobby. 0, or -1 if that failed. */
int start_lobby(const start_birth_t *birth);

/** -X: run as the child in slot 0. Returns the exit status. */
int start_one_process(const start_birth_t *birth);

#endif
