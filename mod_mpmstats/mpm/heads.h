/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/heads.h
 * @brief The memory of requests that are not whole.
 *
 * What has been read of them while no worker has them is counted when their connection parks
 * (park.h); this file keeps the sum within MPMHeadMemory.
 */
#ifndef MPM_HEADS_H
#define MPM_HEADS_H

#include "mpm/worker.h"

/** While the process holds more than it may: drop the connection that holds most. A worker that owns no connection. */
void heads_keep_budget(worker_t *w);

#endif
