/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An idle connection costs the pages it has written to. A pool's node has two; a connection fills
 * less than the first, a request fills both of its own. Connection pools are created in batches
 * and kept for reuse, so that they do not get nodes that requests have freed.
 */
#include "mpm/conn/pools.h"

#include <pthread.h>
#include <stdlib.h>

#include "apr_allocator.h"
#include "mpm_common.h"

#include "mpm/process/child.h"
#include "mpm/module.h"

/* Accept a connection only while this much memory can be allocated: when httpd's pools run out
 * later, they abort the process. */
#define ROOM (64 * 1024)

/* Set in pools_child_init, constant afterwards. */
static apr_allocator_t *allocator;
static apr_allocator_t *bucket_allocator;
static apr_pool_t **stock; /* the array; guarded by lock */
static unsigned stock_max;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* taken last; guards stock, in_stock */
static unsigned in_stock;

static apr_allocator_t *shared_allocator(apr_pool_t *pchild)
{
    apr_allocator_t *a;

    apr_allocator_create(&a);
    if (ap_max_mem_free != APR_ALLOCATOR_MAX_FREE_UNLIMITED) {
        apr_allocator_max_free_set(a, ap_max_mem_free);
    }
    if (child.lane->is_threaded) {
        apr_thread_mutex_t *mutex;

        apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, pchild);
        apr_allocator_mutex_set(a, mutex);
    }
    return a;
}

void pools_child_init(apr_pool_t *pchild, unsigned most)
{
    /* One allocator for all connections: the next request reuses freed memory while
     * it is in the cache, and an idle connection keeps none. */
    allocator = shared_allocator(pchild);
    /* Buckets fill little of the 8 KB of their list. In memory that requests have
     * written to all 8 KB would be resident. */
    bucket_allocator = shared_allocator(pchild);
    stock = apr_palloc(pchild, sizeof(*stock) * most);
    stock_max = most;
    in_stock = 0;
}

static int no_abort(int rv)
{
    return rv;
}

static apr_status_t make_pool(apr_pool_t **pool)
{
    apr_status_t rv = apr_pool_create_ex(pool, NULL, no_abort, allocator);

    if (rv == APR_SUCCESS) {
        apr_pool_abort_set(apr_pool_abort_get(child.pool), *pool);
        apr_pool_tag(*pool, "hybrid_conn");
    }
    return rv;
}

/*
 * With lock. Fill the stock in one batch: it uses up the few free nodes of requests, the rest are
 * fresh.
 */
static apr_status_t fill_stock(void)
{
    apr_status_t rv = APR_SUCCESS;

    while (in_stock < stock_max && rv == APR_SUCCESS) {
        rv = make_pool(&stock[in_stock]);
        in_stock += rv == APR_SUCCESS;
    }
    return in_stock > 0 ? APR_SUCCESS : rv;
}

apr_status_t pools_get(apr_pool_t **pool)
{
    void *room = malloc(ROOM);
    apr_status_t rv = APR_SUCCESS;

    if (room == NULL) {
        return APR_ENOMEM;
    }
    free(room);
    pthread_mutex_lock(&lock);
    if (in_stock == 0) {
        rv = fill_stock();
    }
    if (rv == APR_SUCCESS) {
        *pool = stock[--in_stock];
    }
    pthread_mutex_unlock(&lock);
    return rv;
}

void pools_put(apr_pool_t *pool)
{
    apr_pool_clear(pool);
    pthread_mutex_lock(&lock);
    if (in_stock < stock_max) {
        stock[in_stock++] = pool;
        pool = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (pool != NULL) {
        apr_pool_destroy(pool);
    }
}

static apr_status_t destroy_buckets(void *list)
{
    apr_bucket_alloc_destroy(list);
    return APR_SUCCESS;
}

apr_bucket_alloc_t *pools_bucket_list(apr_pool_t *pool)
{
    /* As apr_bucket_alloc_create(), but with another allocator than the pool's. */
    apr_bucket_alloc_t *list = apr_bucket_alloc_create_ex(bucket_allocator);

    if (list != NULL) {
        apr_pool_cleanup_register(pool, list, destroy_buckets, apr_pool_cleanup_null);
    }
    return list;
}
