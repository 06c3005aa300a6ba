/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A score rises by UP with each run that blocked and falls by one with each that did not, so it
 * climbs when more than one in UP + 1 blocks. An unneeded hand-over costs about 10 µs of CPU time;
 * a missing one delays the process's connections by about 500 µs.
 */
#include "mpm/policy/handler_history.h"

#include <stddef.h>
#include <stdint.h>

enum { UP = 8, MOST = 64, BLOCKS = 24 };

int handler_history_kind(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */

    if (name == NULL) {
        return 0;
    }
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return (int)((hash ^ (hash >> 16)) % HANDLER_HISTORY_KINDS);
}

void handler_history_note(handler_history_t *h, int kind, int blocked)
{
    int score = atomic_load_explicit(&h->score[kind], memory_order_relaxed);
    int next = blocked ? score + UP : score - 1;

    next = next < 0 ? 0 : next > MOST ? MOST : next;
    if (next != score) {
        atomic_store_explicit(&h->score[kind], (unsigned char)next, memory_order_relaxed);
    }
}

int handler_history_blocks(const handler_history_t *h, int kind)
{
    return atomic_load_explicit(&h->score[kind], memory_order_relaxed) >= BLOCKS;
}
