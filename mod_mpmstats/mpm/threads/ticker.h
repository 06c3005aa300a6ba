/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/ticker.h
 * @brief A child of the event and worker models.
 *
 * Threads: the ticker (the main thread: deadlines, what the parent says, watching over the pollers)
 * and the workers. Who owns what:
 *
 * - A connection has one owner at a time: a worker that runs it, or the park (park.h) while it waits
 *   in epoll. Only the owner touches its conn_rec.
 * - The polling slots to poll, and which worker sleeps: worker.c, under its lock.
 * - Listening sockets: accept.c, under its lock.
 * - Which slot it writes to: the ticker changes it (life_give_up_slot), the others follow.
 */
#ifndef MPMSTATS_MPM_THREADS_TICKER_H
#define MPMSTATS_MPM_THREADS_TICKER_H

#include "mpm/process/handoff.h"

/**
 * Be the child in @a slot, which the parent tells things through @a control_fd (-1: -X). Returns
 * what to exit with; most of its ends are here.
 */
int ticker_main(int slot, int control_fd, handoff_pairs_t *none);

#endif
