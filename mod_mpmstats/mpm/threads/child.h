/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/child.h
 * @brief A child process: what all its threads share, how it starts and ends.
 *
 * Threads: the ticker (the main thread: deadlines, timed callbacks, the
 * parent's pipe, watching over the pollers) and the workers. Who owns what:
 *
 * - A connection has one owner at a time: a worker that runs it, or the park
 *   (park.h) while it waits in epoll. Only the owner touches its conn_rec.
 * - The tokens to poll, and which worker sleeps: workers.c, under its lock.
 * - Listening sockets: accept.c, under its lock.
 * - Which slot it writes to: the ticker changes it (give_up_slot), the others follow.
 * - `child` below is filled in before the first thread starts and constant
 *   afterwards, but for the atomics.
 */
#ifndef MPMSTATS_MPM_THREADS_CHILD_H
#define MPMSTATS_MPM_THREADS_CHILD_H

#include <signal.h>
#include <stdatomic.h>

#include "mpm/compat.h"
#include "mpm/lane.h"
#include "mpm/process/shared.h"

enum {
    CHILD_RUNNING,
    CHILD_GRACEFUL, /**< accepts nothing, finishes what it has */
    CHILD_NOW       /**< cuts its connections and goes */
};

typedef struct {
    const lane_t *lane;
    /** unique among the children that live; CHILD_NUMBERS. Set by the parent */
    int number;
    /** in the scoreboard; becomes the attic when it has to give it up */
    _Atomic int slot;
    apr_pool_t *pool; /**< lives as long as the child */
    shared_process_t *_Atomic stats;
    process_score *_Atomic score; /**< its line in httpd's scoreboard */
    int epoll_fd;
    int max_connections;  /**< never more than this at once */
    _Atomic int stopping; /**< CHILD_*; only ever rises */
    int last;             /**< ticker: no other process will accept after us */
} child_t;

/** child_t.number is less than this. */
#define CHILD_NUMBERS(lane) ((lane)->slots + SHARED_EXTRA)

/** This process; all zero in the parent. */
extern child_t child;

/**
 * Be the child in @a slot; does not return.
 * @param control_fd  read end of the pipe from the parent, -1 with -X
 * @param help_fd     write end of the pipe to the parent, -1 with -X
 */
void child_main(const lane_t *lane, int slot, int control_fd, int help_fd)
    __attribute__((noreturn));

/** Ask for a graceful or an immediate end. Any thread; returns at once. */
void child_stop(int how);

/**
 * The parent, of this process id, is gone: the first child of all to call this says so in the error
 * log.
 */
void child_orphaned(pid_t parent);

/** Make the ticker look around now. Any thread; async-signal-safe. */
void child_wake_ticker(void);

/** Non-zero while the ticker sleeps longer than a tick. Written by the ticker. */
extern _Atomic int child_ticker_asleep;

/**
 * Until when (monotonic µs) it means to sleep. Written by the ticker before child_ticker_asleep.
 */
extern _Atomic apr_time_t child_ticker_until;

/** There is a new deadline at @a due: the ticker must not sleep past it. */
static inline void child_ticker_due(apr_time_t due)
{
    if (atomic_load_explicit(&child_ticker_asleep, memory_order_relaxed)
        && due < atomic_load_explicit(&child_ticker_until, memory_order_relaxed)) {
        child_wake_ticker();
    }
}

/** A worker begins a run: somebody must watch it. */
static inline void child_ticker_needed(void)
{
    if (atomic_load(&child_ticker_asleep)) { /* after the run was counted */
        child_wake_ticker();
    }
}

/** Block what only the ticker is to handle; @a old is what was blocked before. Any thread. */
void child_block_signals(sigset_t *old);

/** Tell the parent that every worker is busy at the ceiling. Any thread. */
void child_ask_for_help(void);

/** Tell the parent that this process cannot accept what waits for it: others shall. Any thread. */
void child_pass_listeners_on(void);

/** Monotonic time in µs: deadlines must not jump with the wall clock. */
apr_time_t child_now(void);

#endif
