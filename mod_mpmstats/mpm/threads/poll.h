/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/poll.h
 * @brief The loop of a worker that holds a polling slot: poll, and run the events.
 */
#ifndef MPMSTATS_MPM_THREADS_POLL_H
#define MPMSTATS_MPM_THREADS_POLL_H

#include "mpm/threads/run.h"

/** Workers exit after their current run. Set once, never cleared. */
extern _Atomic int poll_leaving;

/** Serve the events of @a poll_slot, then poll. Returns when the slot is lost, or to exit. */
void poll_serve(worker_state_t *w, poll_slot_t *poll_slot);

#endif
