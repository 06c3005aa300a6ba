/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/child.h
 * @brief This process: what is true of it whatever its model, and what its threads share.
 *
 * `child` is filled in right after the fork and while the process is set up, before it has a second
 * thread, and is constant afterwards, but for the atomics. All zero in the parent.
 */
#ifndef MPMSTATS_MPM_PROCESS_CHILD_H
#define MPMSTATS_MPM_PROCESS_CHILD_H

#include <stdatomic.h>
#include <sys/types.h>

#include "mpm/compat.h"
#include "mpm/lane.h"
#include "mpm/process/shared.h"

enum {
    CHILD_RUNNING,
    CHILD_GRACEFUL, /**< accepts nothing, finishes what it has */
    CHILD_NOW       /**< cuts its connections and goes */
};

typedef struct {
    const lane_t *lane; /**< from birth on, as the next three */
    /** unique among the children that live; CHILD_NUMBERS */
    int number;
    pid_t parent; /**< that forked it, which getppid() no longer tells once that is gone */
    int help_fd;  /**< write end of the pipe to the parent; -1 with -X */
    /** in the scoreboard; becomes the overflow slot when it has to give it up */
    _Atomic int slot;
    apr_pool_t *pool; /**< lives as long as the child */
    shared_process_t *_Atomic stats;
    process_score *_Atomic score; /**< its line in httpd's scoreboard */
    int epoll_fd;
    int wake_fd;          /**< eventfd: its main thread is to look around */
    int max_connections;  /**< never more than this at once */
    _Atomic int stopping; /**< CHILD_*; only ever rises */
    /** threaded models: workers in a run. In a cache line of its own: each run changes it */
    _Atomic int busy __attribute__((aligned(64)));
} child_t;

/** child_t.number is less than this. */
#define CHILD_NUMBERS(lane) ((lane)->slots + SHARED_EXTRA)

extern child_t child;

/** Make the main thread look around now. Any thread; async-signal-safe. */
void child_wake(void);

/** Ask for a graceful or an immediate end. Any thread; returns at once. */
void child_stop(int how);

/** Whether the parent is gone, which can happen at any time but with -X. Any thread; async-signal-safe. */
int child_is_orphan(void);

/** The parent is gone: the first child of all to call this says so in the error log. */
void child_say_orphaned(void);

/* What children tell the parent: a byte in the pipe that they share. */
#define CHILD_HELP '!' /**< nobody has a free worker, or something has changed: look around */
#define CHILD_LOOK '?' /**< this process cannot accept what waits for it: others shall */

/** Tell the parent CHILD_*, if it takes it. Any thread; async-signal-safe. */
void child_tell_parent(char what);

/** Tell the parent that every worker is busy at the ceiling, at most every 5 ms. Any thread. */
void child_ask_for_help(void);

/* ---- the main thread of the threaded models, the ticker, sleeps until something is due ---- */

/** Non-zero while the ticker sleeps longer than a tick. Written by the ticker. */
extern _Atomic int child_ticker_asleep;

/** Until when (monotonic µs) it means to sleep. Written by the ticker before child_ticker_asleep. */
extern _Atomic apr_time_t child_ticker_until;

/** There is a new deadline at @a due: the ticker must not sleep past it. */
static inline void child_ticker_due(apr_time_t due)
{
    if (atomic_load_explicit(&child_ticker_asleep, memory_order_relaxed)
        && due < atomic_load_explicit(&child_ticker_until, memory_order_relaxed)) {
        child_wake();
    }
}

/** A worker begins a run: somebody must watch it. */
static inline void child_ticker_needed(void)
{
    if (atomic_load(&child_ticker_asleep)) { /* after the run was counted */
        child_wake();
    }
}

#endif
