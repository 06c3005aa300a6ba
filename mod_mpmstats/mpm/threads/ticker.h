/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/ticker.h
 * @brief A child of the event and worker models.
 *
 * Threads: the ticker (the main thread: deadlines, messages of the parent, blocking detection) and
 * the workers. Ownership:
 *
 * - A connection has one owner at a time: the worker that runs it, or the park (park.h) while it
 *   waits in epoll. Only the owner accesses its conn_rec.
 * - Polling slots and the idle stack of workers: worker.c, under run_lock.
 * - Listening sockets: accept.c, under its lock.
 * - The child's slot: the ticker changes it (life_give_up_slot), the workers read it.
 */
#ifndef MPMSTATS_MPM_THREADS_TICKER_H
#define MPMSTATS_MPM_THREADS_TICKER_H

#include "mpm/process/handoff.h"

/**
 * Run the child in @a slot, with messages of the parent from @a control_fd (-1: -X). Returns the
 * exit code.
 */
int ticker_main(int slot, int control_fd, handoff_pairs_t *none);

#endif
