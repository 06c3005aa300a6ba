/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/poll.h
 * @brief What a worker does while it holds a polling slot: it polls, and runs what it gets.
 */
#ifndef MPMSTATS_MPM_THREADS_POLL_H
#define MPMSTATS_MPM_THREADS_POLL_H

#include "mpm/threads/run.h"

/** Workers are to leave once they have finished what they run. Only ever rises. */
extern _Atomic int poll_leaving;

/** Hold @a poll_slot: serve its events, then wait for more. Returns when the polling slot is lost, or to leave. */
void poll_serve(worker_state_t *w, poll_slot_t *poll_slot);

#endif
