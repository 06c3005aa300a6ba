/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/heads.h
 * @brief The memory of requests that are not whole.
 *
 * What has been read of them while no worker has them is counted when their connection parks
 * (park.h); this file keeps the sum within MPMHeadMemory.
 */
#ifndef MPMSTATS_MPM_THREADS_HEADS_H
#define MPMSTATS_MPM_THREADS_HEADS_H

#include "mpm/threads/worker.h"

/**
 * While the process holds more than it may: drop the connection that holds most. A worker that owns
 * no connection.
 */
void heads_keep_budget(worker_t *w);

#endif
