/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/start.h
 * @brief Starting children, and what they are born with.
 */
#ifndef MPMSTATS_MPM_PARENT_START_H
#define MPMSTATS_MPM_PARENT_START_H

#include "mpm/lane.h"
#include "mpm/process/handoff.h"

/**
 * What runs in a new process, as the main() of a program: what it returns is the exit status. @a slot
 * is the lobby's record in the shared counters. @a control_fd: CONTROL_* comes from there (control.h);
 * -1: it does not. Takes @a pairs.
 */
typedef int start_main_t(int slot, int control_fd, handoff_pairs_t *pairs);

typedef struct {
    start_main_t *threaded; /**< a child of the models event and worker */
    start_main_t *prefork;
    start_main_t *lobby;
} start_mains_t;

/** What a process is born with. */
typedef struct {
    const lane_t *lane;
    const start_mains_t *mains;
    int help_fd;            /**< write end of the pipe to the parent */
    handoff_pairs_t *pairs; /**< of the prefork model */
} start_birth_t;

/** Start a child; its slot, or -1 when there is no free slot or fork failed (which is logged). */
int start_child(const start_birth_t *birth);

/** Start the lobby of the prefork model. 0, or -1 when that failed (which is logged). */
int start_lobby(const start_birth_t *birth);

/** -X: be the child in slot 0. Returns what to exit with. */
int start_one_process(const start_birth_t *birth);

#endif
