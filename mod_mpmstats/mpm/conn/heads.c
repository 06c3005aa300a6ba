/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/heads.h"

#include "mpm/process/child.h"

static conn_t *oldest, *youngest;
static _Atomic apr_int64_t held; /* bytes, total */

void heads_enter(conn_t *k)
{
    if (k->in_heads) {
        return;
    }
    k->in_heads = 1;
    k->younger = NULL;
    k->older = youngest;
    *(youngest != NULL ? &youngest->younger : &oldest) = k;
    youngest = k;
}

void heads_leave(conn_t *k)
{
    if (!k->in_heads) {
        return;
    }
    k->in_heads = 0;
    heads_hold(k, 0);
    *(k->older != NULL ? &k->older->younger : &oldest) = k->younger;
    *(k->younger != NULL ? &k->younger->older : &youngest) = k->older;
}

void heads_hold(conn_t *k, apr_size_t bytes)
{
    apr_int64_t sum = heads_bytes() + (apr_int64_t)bytes - (apr_int64_t)k->head_bytes;

    if (bytes != k->head_bytes) {
        k->head_bytes = bytes;
        atomic_store_explicit(&held, sum, memory_order_relaxed);
        shared_set(child.stats->head_bytes, (apr_uint64_t)sum);
    }
}

conn_t *heads_oldest(void)
{
    return oldest;
}

conn_t *heads_largest(int (*may_be)(const conn_t *))
{
    conn_t *k, *most = NULL;

    for (k = oldest; k != NULL; k = k->younger) {
        if (k->head_bytes > (most != NULL ? most->head_bytes : 0)
            && (may_be == NULL || may_be(k))) {
            most = k;
        }
    }
    return most;
}

apr_int64_t heads_bytes(void)
{
    return atomic_load_explicit(&held, memory_order_relaxed);
}
