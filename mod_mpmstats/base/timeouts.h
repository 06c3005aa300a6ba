/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/timeouts.h
 * @brief Parked entries, ordered by deadline.
 *
 * Nearly all entries wait for one of a few durations (Timeout, KeepAliveTimeout
 * of a virtual host). Each duration has a queue in order of arrival, which is the
 * order of expiry: adding, removing and finding the first are O(1). Entries with a
 * deadline of their own (the rest of a mod_reqtimeout budget) go into a heap: O(log n).
 *
 * No function allocates or fails: links are in the caller's entry, queues in
 * timeouts_t. Durations beyond TIMEOUTS_DURATIONS different ones in use share the heap.
 *
 * Time: microseconds of CLOCK_MONOTONIC, passed in by the caller. `now_us` may be earlier
 * than in a previous call (threads read the clock before they take the lock): an entry then
 * expires late by that difference.
 *
 * Threads: no locking inside. The caller holds one lock around every call on a
 * timeouts_t and on entries that may be in it, timeouts_remove() included.
 *
 * Ownership: entries and the timeouts_t are the caller's. An entry is in one
 * timeouts_t at most, and must not move or be freed while it is in.
 */
#ifndef MPMSTATS_BASE_TIMEOUTS_H
#define MPMSTATS_BASE_TIMEOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Maximum number of different durations with a queue of their own. */
#define TIMEOUTS_DURATIONS 32

/** "Never": the deadline of an empty set. */
#define TIMEOUTS_NEVER INT64_MAX

typedef struct timeouts_t timeouts_t;
typedef struct timeouts_queue_t timeouts_queue_t;
typedef struct timeouts_entry_t timeouts_entry_t;

/**
 * Embedded in the parked object; all bytes zero is "in no set". Private: use the functions.
 */
struct timeouts_entry_t {
    timeouts_queue_t *queue; /* that it is in; NULL: none */
    int64_t deadline_us;
    timeouts_entry_t *prev; /* queue: earlier;  heap: parent */
    timeouts_entry_t *next; /* queue: later;    heap: left child */
    /* heap: right child, the one of lower or equal rank */
    timeouts_entry_t *right;
    uint32_t rank; /* heap: length of the shortest path to a missing child */
};

/** One duration's entries, earliest deadline first; or, as timeouts_t.heap, the heap. Private. */
struct timeouts_queue_t {
    timeouts_t *set;
    timeouts_entry_t *first; /* heap: root */
    timeouts_entry_t *last;
    int64_t duration_us;
    size_t count;
};

/** A set of entries. Private: use the functions. */
struct timeouts_t {
    unsigned durations; /* queues in use, including empty ones between them */
    timeouts_queue_t heap;
    timeouts_queue_t queues[TIMEOUTS_DURATIONS];
};

/** Makes @a set empty. It must not be copied or moved afterwards. */
void timeouts_init(timeouts_t *set);

/** Adds @a entry, which is in no set, to expire @a duration_us (0 or more) from now. */
void timeouts_add(timeouts_t *set, timeouts_entry_t *entry, int64_t duration_us, int64_t now_us);

/** Adds @a entry, which is in no set, to expire at @a deadline_us. */
void timeouts_add_at(timeouts_t *set, timeouts_entry_t *entry, int64_t deadline_us);

/** Adds @a entry to expire @a duration_us from now or at @a deadline_us, whichever is earlier. */
void timeouts_add_until(timeouts_t *set, timeouts_entry_t *entry, int64_t duration_us,
                        int64_t deadline_us, int64_t now_us);

/** Removes @a entry from its set. @return whether it was in one */
bool timeouts_remove(timeouts_entry_t *entry);

/** When @a entry expires; only while it is in a set. */
int64_t timeouts_deadline(const timeouts_entry_t *entry);

/** The entry with the earliest deadline, which stays in the set; NULL: none. */
timeouts_entry_t *timeouts_first(const timeouts_t *set);

/** The earliest deadline; TIMEOUTS_NEVER when the set is empty. */
int64_t timeouts_next(const timeouts_t *set);

/**
 * Time from now to the earliest deadline: 0 when it has passed, TIMEOUTS_NEVER when the set is
 * empty.
 */
int64_t timeouts_wait(const timeouts_t *set, int64_t now_us);

/**
 * Removes and returns the entry with the earliest deadline if that is @a now_us or before; NULL:
 * none has expired.
 */
timeouts_entry_t *timeouts_pop_expired(timeouts_t *set, int64_t now_us);

#endif
