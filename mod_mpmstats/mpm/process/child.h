/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/child.h
 * @brief State of a child that is common to all models and shared by its threads.
 *
 * `child` is set after the fork and during setup, before a second thread exists; afterwards only
 * the atomics change. All zero in the parent.
 */
#ifndef MPMSTATS_MPM_PROCESS_CHILD_H
#define MPMSTATS_MPM_PROCESS_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "mpm/compat.h"
#include "mpm/lane.h"
#include "mpm/process/shared.h"

enum {
    CHILD_RUNNING,
    CHILD_GRACEFUL, /**< drains: accepts nothing, completes its connections */
    CHILD_NOW       /**< cuts its connections and exits */
};

typedef struct {
    const lane_t *lane; /**< this and the next three are set right after the fork */
    /** unique among live children, less than CHILD_NUMBERS */
    int number;
    pid_t parent; /**< pid of the parent; getppid() changes when it has ended */
    int help_fd;  /**< write end of the pipe to the parent; -1 with -X */
    /** in the scoreboard; the overflow slot once its own was reclaimed */
    _Atomic int slot;
    apr_pool_t *pool; /**< lives as long as the child */
    shared_process_t *_Atomic stats;
    process_score *_Atomic score; /**< its line in httpd's scoreboard */
    int epoll_fd;
    int wake_fd;           /**< eventfd that wakes the main thread */
    int max_connections;   /**< limit of connections at once */
    _Atomic int max_files; /**< limit of their descriptors; room.c */
    _Atomic int stopping;  /**< CHILD_*; only increases */
    /** threaded models: workers in a run. Has its own cache line because each run changes it */
    _Atomic int busy __attribute__((aligned(64)));
} child_t;

/** child_t.number is less than this. */
#define CHILD_NUMBERS(lane) ((lane)->slots + SHARED_EXTRA)

extern child_t child;

/** Wake the main thread. Any thread; async-signal-safe. */
void child_wake(void);

/** Request a graceful or an immediate end (CHILD_*). Any thread; returns at once. */
void child_stop(int how);

/** Whether the parent has ended; 0 with -X. Any thread; async-signal-safe. */
bool child_is_orphan(void);

/** The parent has ended: the first child that calls this logs it. */
void child_say_orphaned(void);

/* Messages to the parent: a byte in the pipe that the children share. */
#define CHILD_HELP '!' /**< run maintenance now: no worker is free, or something has changed */
#define CHILD_LOOK '?' /**< this process cannot accept a waiting connection: ask its siblings */

/** Send CHILD_* to the parent unless the pipe is full. Any thread; async-signal-safe. */
void child_tell_parent(char what);

/** Send CHILD_HELP, at most every 5 ms, because ThreadsPerChild workers are busy. Any thread. */
void child_ask_for_help(void);

/* ---- the main thread of the threaded models, the ticker, sleeps until something is due ---- */

/** Non-zero while the ticker sleeps longer than a tick. Written by the ticker. */
extern _Atomic int child_ticker_asleep;

/** End of that sleep (monotonic µs). Written by the ticker before child_ticker_asleep. */
extern _Atomic apr_time_t child_ticker_until;

/** A new deadline at @a due: wake the ticker if it would sleep past it. */
static inline void child_ticker_due(apr_time_t due)
{
    if (atomic_load_explicit(&child_ticker_asleep, memory_order_relaxed)
        && due < atomic_load_explicit(&child_ticker_until, memory_order_relaxed)) {
        child_wake();
    }
}

/** A worker begins a run: the ticker must watch it. */
static inline void child_ticker_needed(void)
{
    if (atomic_load(&child_ticker_asleep)) { /* after the run was counted */
        child_wake();
    }
}

#endif
