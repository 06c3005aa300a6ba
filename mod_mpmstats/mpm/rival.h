/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/rival.h
 * @brief Tells what to disable when a second MPM is loaded.
 */
#ifndef MPMSTATS_MPM_RIVAL_H
#define MPMSTATS_MPM_RIVAL_H

#include "apr_pools.h"

/** From register_hooks, with the pool of the configuration. */
void rival_watch(apr_pool_t *pconf);

#endif
