/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel gives a new connection to the process that waits first in the
 * listener's queue, and its place there never changes: left alone, one process
 * gets every connection as long as it keeps up. And of processes that share a
 * core the one that runs accepts all there are before the next gets its turn.
 *
 * What is read here the other processes write. It decides who accepts first and
 * nothing else.
 */
#include "mpm/threads/spread.h"

#include "httpd.h"
#include "scoreboard.h"
#include "mpm/process/child.h"
#include "mpm/module.h"

/* Too few to be unevenly spread. */
#define FEW 3

static unsigned held_by(int slot)
{
    return __atomic_load_n(&ap_scoreboard_image->parent[slot].connections, __ATOMIC_RELAXED);
}

/* Whether connections could as well go there. */
static int takes_more(int slot)
{
    const process_score *score = &ap_scoreboard_image->parent[slot];
    const shared_process_t *p = &hybrid_retained->shared->process[slot];

    return score->pid != 0 && !score->quiescing && !score->not_accepting
        && shared_get(p->workers) != 0
        && shared_get(p->workers_busy) < (apr_uint32_t)child.lane->threads_per_child;
}

int spread_above_share(void)
{
    apr_uint64_t mine = held_by(child.slot), all = mine;
    unsigned processes = 1;
    int slot;

    if (mine < FEW) {
        return 0;
    }
    for (slot = 0; slot < child.lane->slots; slot++) {
        if (slot != child.slot && takes_more(slot)) {
            processes++;
            all += held_by(slot);
        }
    }
    return mine * processes > all + all / 8 + processes;
}
