/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/pools.h
 * @brief The memory connections live in.
 *
 * Any worker may call any of these.
 */
#ifndef MPMSTATS_MPM_CONN_POOLS_H
#define MPMSTATS_MPM_CONN_POOLS_H

#include "apr_buckets.h"
#include "apr_pools.h"

/**
 * Prepare this child. Ticker, before the workers start. @a stock: how many empty pools it may keep;
 * at least 1.
 */
void pools_child_init(apr_pool_t *pchild, unsigned stock);

/**
 * An empty pool for a new connection; the caller gives it back. APR_ENOMEM when there is not room
 * enough for a connection.
 */
apr_status_t pools_get(apr_pool_t **pool);

/** The connection has ended, or there was none: clears @a pool and keeps or destroys it. */
void pools_put(apr_pool_t *pool);

/** Bucket allocator for the connection in @a pool, which it ends with; NULL: no memory. */
apr_bucket_alloc_t *pools_bucket_list(apr_pool_t *pool);

#endif
