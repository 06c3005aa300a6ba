/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/pools.h
 * @brief Pools and bucket allocators of connections. Any worker.
 */
#ifndef MPMSTATS_MPM_CONN_POOLS_H
#define MPMSTATS_MPM_CONN_POOLS_H

#include "apr_buckets.h"
#include "apr_pools.h"

/**
 * Prepare this child. Ticker, before the workers start. @a stock: most empty pools to keep; at
 * least 1.
 */
void pools_child_init(apr_pool_t *pchild, unsigned stock);

/**
 * An empty pool for a new connection, to be returned with pools_put(). APR_ENOMEM when memory is
 * too short for a connection.
 */
apr_status_t pools_get(apr_pool_t **pool);

/** Return @a pool: clears it, then keeps or destroys it. */
void pools_put(apr_pool_t *pool);

/** Bucket allocator for a connection, destroyed with its @a pool; NULL: no memory. */
apr_bucket_alloc_t *pools_bucket_list(apr_pool_t *pool);

#endif
