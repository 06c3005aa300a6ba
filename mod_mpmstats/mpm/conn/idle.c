/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/idle.h"

#include "base/must_hold.h"
#include "mpm/conn/inbound.h"
#include "mpm/process/child.h"

static conn_t *oldest, *youngest;

bool idle_is(const conn_t *k)
{
    return (k->kind == MPM_HYBRID_CONN_KEEPALIVE && k->multiplexed)
        || (k->kind == MPM_HYBRID_CONN_WAITIO && inbound_has_no_stream(k));
}

void idle_enter(conn_t *k)
{
    MUST_HOLD(!k->in_heads && !k->in_idle);
    k->in_idle = 1;
    k->younger = NULL;
    k->older = youngest;
    *(youngest != NULL ? &youngest->younger : &oldest) = k;
    youngest = k;
    shared_add(child.stats->idle_http2, 1);
}

void idle_leave(conn_t *k)
{
    if (!k->in_idle) {
        return;
    }
    k->in_idle = 0;
    *(k->older != NULL ? &k->older->younger : &oldest) = k->younger;
    *(k->younger != NULL ? &k->younger->older : &youngest) = k->older;
    shared_sub(child.stats->idle_http2, 1);
}

conn_t *idle_oldest(void)
{
    return oldest;
}
