/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/spread.h
 * @brief Whether a process has more than its share of the connections.
 */
#ifndef MPMSTATS_MPM_THREADS_SPREAD_H
#define MPMSTATS_MPM_THREADS_SPREAD_H

#include <stdbool.h>

/**
 * True if this process has clearly more connections than the mean of itself and
 * the other processes that accept and have an idle worker. Any thread.
 */
bool spread_above_share(void);

#endif
