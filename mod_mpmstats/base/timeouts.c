/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parked entries by deadline: a queue per duration, and a heap for other deadlines.
 *
 * The heap is leftist: the path down the right children, the only one a merge
 * walks, is at most log2(n + 1) long, whatever the order of insertions. Every
 * operation is a merge with this worst case, not an amortised one, which matters
 * under the caller's lock.
 */
#include "base/timeouts.h"

#include <string.h>

static uint32_t rank_of(const timeouts_entry_t *e)
{
    return e ? e->rank : 0;
}

/* Makes the child of lower rank the right one, sets the rank. @return whether the rank changed */
static bool heap_settle(timeouts_entry_t *e)
{
    uint32_t rank;

    if (rank_of(e->next) < rank_of(e->right)) {
        timeouts_entry_t *left = e->next;

        e->next = e->right;
        e->right = left;
    }
    rank = rank_of(e->right) + 1;
    if (rank == e->rank) {
        return false;
    }
    e->rank = rank;
    return true;
}

/* Merges two heaps: down along the right children, then up to settle the ranks. */
static timeouts_entry_t *heap_merge(timeouts_entry_t *a, timeouts_entry_t *b)
{
    timeouts_entry_t *up = NULL, *root = NULL;

    while (a && b) {
        timeouts_entry_t *low = (b->deadline_us < a->deadline_us) ? b : a;

        b = (low == a) ? b : a;
        a = low->right;
        low->prev = up;
        if (up) {
            up->right = low;
        }
        up = low;
    }
    a = a ? a : b;
    if (a) {
        a->prev = up;
    }
    if (!up) {
        return a;
    }
    up->right = a;
    for (; up; up = up->prev) {
        heap_settle(up);
        root = up;
    }
    return root;
}

static void heap_insert(timeouts_queue_t *heap, timeouts_entry_t *e)
{
    e->prev = e->next = e->right = NULL;
    e->rank = 1;
    heap->first = heap_merge(heap->first, e);
}

/* Replaces the entry by the merge of its children and settles the ranks above: O(log n). */
static void heap_remove(timeouts_queue_t *heap, timeouts_entry_t *e)
{
    timeouts_entry_t *up = e->prev;
    timeouts_entry_t *below = heap_merge(e->next, e->right);

    if (below) {
        below->prev = up;
    }
    if (!up) {
        heap->first = below;
        return;
    }
    if (up->next == e) {
        up->next = below;
    }
    else {
        up->right = below;
    }
    while (up && heap_settle(up)) {
        up = up->prev;
    }
}

static void queue_append(timeouts_queue_t *q, timeouts_entry_t *e)
{
    e->next = NULL;
    e->prev = q->last;
    if (q->last) {
        /* Another thread's slightly earlier clock reading must not break the order. */
        if (e->deadline_us < q->last->deadline_us) {
            e->deadline_us = q->last->deadline_us;
        }
        q->last->next = e;
    }
    else {
        q->first = e;
    }
    q->last = e;
}

static void queue_unlink(timeouts_queue_t *q, timeouts_entry_t *e)
{
    if (e->prev) {
        e->prev->next = e->next;
    }
    else {
        q->first = e->next;
    }
    if (e->next) {
        e->next->prev = e->prev;
    }
    else {
        q->last = e->prev;
    }
}

/* The duration's queue; a new duration gets an empty queue. NULL: all are in use. */
static timeouts_queue_t *queue_for(timeouts_t *set, int64_t duration_us)
{
    timeouts_queue_t *empty = NULL;
    unsigned i;

    for (i = 0; i < set->durations; i++) {
        if (set->queues[i].duration_us == duration_us) {
            return &set->queues[i];
        }
        if (!empty && set->queues[i].count == 0) {
            empty = &set->queues[i];
        }
    }
    if (!empty && set->durations < TIMEOUTS_DURATIONS) {
        empty = &set->queues[set->durations++];
    }
    if (empty) {
        empty->duration_us = duration_us;
    }
    return empty;
}

static int64_t deadline_after(int64_t now_us, int64_t duration_us)
{
    int64_t deadline_us;

    return __builtin_add_overflow(now_us, duration_us, &deadline_us) ? TIMEOUTS_NEVER : deadline_us;
}

static void entered(timeouts_queue_t *q, timeouts_entry_t *e)
{
    e->queue = q;
    q->count++;
}

void timeouts_init(timeouts_t *set)
{
    unsigned i;

    memset(set, 0, sizeof(*set));
    set->heap.set = set;
    for (i = 0; i < TIMEOUTS_DURATIONS; i++) {
        set->queues[i].set = set;
    }
}

void timeouts_add(timeouts_t *set, timeouts_entry_t *entry, int64_t duration_us, int64_t now_us)
{
    timeouts_queue_t *q = queue_for(set, duration_us);

    if (!q) {
        timeouts_add_at(set, entry, deadline_after(now_us, duration_us));
        return;
    }
    entry->deadline_us = deadline_after(now_us, duration_us);
    queue_append(q, entry);
    entered(q, entry);
}

void timeouts_add_at(timeouts_t *set, timeouts_entry_t *entry, int64_t deadline_us)
{
    entry->deadline_us = deadline_us;
    heap_insert(&set->heap, entry);
    entered(&set->heap, entry);
}

void timeouts_add_until(timeouts_t *set, timeouts_entry_t *entry, int64_t duration_us,
                        int64_t deadline_us, int64_t now_us)
{
    if (deadline_us < deadline_after(now_us, duration_us)) {
        timeouts_add_at(set, entry, deadline_us);
    }
    else {
        timeouts_add(set, entry, duration_us, now_us);
    }
}

bool timeouts_remove(timeouts_entry_t *entry)
{
    timeouts_queue_t *q = entry->queue;

    if (!q) {
        return false;
    }
    if (q == &q->set->heap) {
        heap_remove(q, entry);
    }
    else {
        queue_unlink(q, entry);
    }
    entry->queue = NULL;
    q->count--;
    return true;
}

int64_t timeouts_deadline(const timeouts_entry_t *entry)
{
    return entry->deadline_us;
}

timeouts_entry_t *timeouts_first(const timeouts_t *set)
{
    timeouts_entry_t *first = set->heap.first;
    unsigned i;

    for (i = 0; i < set->durations; i++) {
        timeouts_entry_t *e = set->queues[i].first;

        if (e && (!first || e->deadline_us < first->deadline_us)) {
            first = e;
        }
    }
    return first;
}

int64_t timeouts_next(const timeouts_t *set)
{
    const timeouts_entry_t *first = timeouts_first(set);

    return first ? first->deadline_us : TIMEOUTS_NEVER;
}

int64_t timeouts_wait(const timeouts_t *set, int64_t now_us)
{
    int64_t next_us = timeouts_next(set);

    if (next_us == TIMEOUTS_NEVER) {
        return TIMEOUTS_NEVER;
    }
    return next_us > now_us ? next_us - now_us : 0;
}

timeouts_entry_t *timeouts_pop_expired(timeouts_t *set, int64_t now_us)
{
    timeouts_entry_t *first = timeouts_first(set);

    if (!first || first->deadline_us > now_us) {
        return NULL;
    }
    timeouts_remove(first);
    return first;
}
