/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel wakes the process that is first in the listener's wait queue, and the
 * order there never changes: one process would get every connection while it keeps
 * up. And of processes that share a core, the running one would accept all waiting
 * connections before another is scheduled.
 *
 * The figures of the other processes are read without a lock; they decide only who
 * accepts first.
 */
#include "mpm/threads/spread.h"

#include "httpd.h"
#include "scoreboard.h"
#include "mpm/process/child.h"
#include "mpm/module.h"

/* With fewer connections than this the process is never above its share. */
#define FEW 3

static unsigned held_by(int slot)
{
    return __atomic_load_n(&ap_scoreboard_image->parent[slot].connections, __ATOMIC_RELAXED);
}

/* Whether the process in @a slot accepts and has an idle worker. */
static bool takes_more(int slot)
{
    const process_score *score = &ap_scoreboard_image->parent[slot];
    const shared_process_t *p = &hybrid_retained->shared->process[slot];

    return score->pid != 0 && !score->quiescing && !score->not_accepting
        && shared_get(p->workers) != 0
        && shared_get(p->workers_busy) < (apr_uint32_t)child.lane->threads_per_child;
}

bool spread_above_share(void)
{
    apr_uint64_t mine = held_by(child.slot), all = mine;
    unsigned processes = 1;
    int slot;

    if (mine < FEW) {
        return false;
    }
    for (slot = 0; slot < child.lane->slots; slot++) {
        if (slot != child.slot && takes_more(slot)) {
            processes++;
            all += held_by(slot);
        }
    }
    return mine * processes > all + all / 8 + processes;
}
