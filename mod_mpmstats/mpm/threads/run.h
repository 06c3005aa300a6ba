/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/run.h
 * @brief A worker, the polling slot with which it polls, and its run.
 *
 * A worker's `word` says what it does: a run number, and whether it polls, runs with its polling slot, or
 * runs without because it blocks or computes. The worker moves it POLLS -> RUNS -> POLLS; whoever
 * moves it RUNS -> BLOCKED or COMPUTES becomes by that compare-and-swap the owner of the polling slot and
 * passes it on: the ticker (blocking.h), or the worker itself when what it is about to run is known to
 * block (policy/handler history.h). The number makes sure that it is still the run that was looked at.
 *
 * A polling slot has one holder, or none on its way to the next one and while it lies about. A worker
 * enters a run only as the holder of the polling slot it polls with, and whoever moves its word out of RUNS
 * clears poll_slot->holder before the worker can get another polling slot. So a word read with the lock held,
 * while poll_slot->holder names the worker, is of a run with this polling slot. What is read of the two at
 * different moments need not belong together.
 *
 * A polling slot's events belong to its holder. They change hands with the polling slot, by way of the lock and
 * the semaphore of the next holder.
 */
#ifndef MPMSTATS_MPM_THREADS_RUN_H
#define MPMSTATS_MPM_THREADS_RUN_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/lock.h"
#include "mpm/conn/conn.h"
#include "mpm/policy/handler_history.h"
#include "mpm/threads/blocking.h"

/* Events fetched at once. All of them are served before the next epoll_wait;
 * what a blocked holder leaves goes to the next one. */
#define RUN_BATCH 16

/** What a worker does, in its word. */
enum { POLLS, RUNS, BLOCKED, COMPUTES };
#define WORD(run, what) (((apr_uint64_t)(run) << 2) | (what))
#define WORD_IS(word, what) (((word)&3) == (what))

typedef struct poll_slot_t {
    struct epoll_event events[RUN_BATCH];
    int count, next;
    struct worker_state_t *holder; /* one whose thread runs already; pool lock */
    blocking_notes_t notes;        /* ticker's */
    struct poll_slot_t *link;      /* free polling slots */
} poll_slot_t;

typedef struct worker_state_t {
    conn_worker_t pub;
    _Atomic apr_uint64_t word;
    _Atomic apr_time_t since; /* written by itself: when the run began, monotonic */
    sem_t wake;
    blocking_thread_t thread; /* set by itself, before it holds a polling slot */
    pthread_t self;           /* set by itself, before it runs anything */
    poll_slot_t *poll_slot;   /* given while it sleeps */
    poll_slot_t *held;        /* its own: the one it serves */
    int kind;                 /* its own: what it runs, in handler history; -1 */
    apr_time_t handed_over;   /* its own: when it gave its polling slot away in this run, 0 */
    enum { SLOT_FREE, SLOT_USED, SLOT_LEFT } slot; /* pool lock */
    struct worker_state_t *below;                  /* idle stack, towards the longest asleep */
    struct worker_state_t *above;
} __attribute__((aligned(64))) worker_state_t;

/**
 * A leaf. Guards poll_slot_t.holder and link, worker_state_t.{polling slot, slot, above, below}, and the counts
 * of worker.c.
 */
extern pthread_mutex_t run_lock;

/** Runs begun so far; wraps. */
extern _Atomic unsigned long run_count;

/** Which handlers block; lock-free. */
extern handler_history_t run_history;

/** Whether @a w does @a what (POLLS, ...) now. For MUST_HOLD. */
int run_does(worker_state_t *w, unsigned what);

/** Whether @a w holds @a poll_slot; without run_lock. For MUST_HOLD. */
int run_is_holder(const worker_state_t *w, const poll_slot_t *poll_slot);

/** @a w, which holds the polling slot it polls with, begins to run something. Its thread. */
void run_begins(worker_state_t *w);

/** The run is over. Nonzero if the polling slot is still its own. */
int run_ends(worker_state_t *w);

/**
 * Take the polling slot from a holder that keeps others waiting, if it is still in the run of @a word.
 * @param because  BLOCKED or COMPUTES
 */
int run_take_away(worker_state_t *w, apr_uint64_t word, unsigned because);

#endif
