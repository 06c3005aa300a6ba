/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/run.h
 * @brief Workers, polling slots and runs.
 *
 * A worker's `word` is its state: a run number, and whether it polls, runs with its polling slot,
 * or runs without because it blocks or computes. The worker moves it POLLS -> RUNS -> POLLS. A
 * compare-and-swap RUNS -> BLOCKED or COMPUTES takes the polling slot away; the thread that
 * succeeds passes the slot on: the ticker (blocking.h), or the worker itself before it runs a
 * handler known to block (policy/handler_history.h). The run number detects that the observed run
 * has ended.
 *
 * A polling slot has one holder, or none while it is passed on or free. A worker enters a run only
 * as the holder of its polling slot. The thread that moves the word out of RUNS clears
 * poll_slot->holder before the worker can get another polling slot. So a word read under the lock,
 * while poll_slot->holder is the worker, belongs to a run with this polling slot; separate reads of
 * the two need not match.
 *
 * The events of a polling slot belong to its holder. They are handed over with the slot, through
 * the lock and the semaphore of the next holder.
 */
#ifndef MPMSTATS_MPM_THREADS_RUN_H
#define MPMSTATS_MPM_THREADS_RUN_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "base/lock.h"
#include "mpm/conn/conn.h"
#include "mpm/policy/handler_history.h"
#include "mpm/threads/blocking.h"

/* Events per epoll_wait(). All are served before the next call; the next holder
 * of the slot serves those that a blocked one leaves. */
#define RUN_BATCH 16

/** The state of a worker, in its word. */
enum { POLLS, RUNS, BLOCKED, COMPUTES };
#define WORD(run, what) (((apr_uint64_t)(run) << 2) | (what))
#define WORD_IS(word, what) (((word)&3) == (what))

typedef struct poll_slot_t {
    struct epoll_event events[RUN_BATCH];
    int count, next;
    struct worker_state_t *holder; /* its thread has started; run_lock */
    blocking_notes_t notes;        /* ticker's */
    struct poll_slot_t *link;      /* in the list of free ones; run_lock */
} poll_slot_t;

typedef struct worker_state_t {
    conn_worker_t pub;
    _Atomic apr_uint64_t word;
    _Atomic apr_time_t since; /* written by its thread: begin of the run, monotonic */
    sem_t wake;
    blocking_thread_t thread; /* set by its thread, before it holds a polling slot */
    pthread_t self;           /* set by its thread, before its first run */
    poll_slot_t *poll_slot;   /* given at creation or while it sleeps */
    poll_slot_t *held;        /* its thread's: the one it serves */
    int kind;                 /* its thread's: handler kind (handler_history_kind()); -1: none */
    apr_time_t handed_over;   /* its thread's: when it gave its slot away in this run, or 0 */
    enum { SLOT_FREE, SLOT_USED, SLOT_LEFT } slot; /* run_lock */
    struct worker_state_t *below;                  /* idle stack, towards the longest asleep */
    struct worker_state_t *above;
} __attribute__((aligned(64))) worker_state_t;

/**
 * A leaf. Guards poll_slot_t.{holder, link}, worker_state_t.{poll_slot, slot, above, below}, and
 * the counts of worker.c.
 */
extern pthread_mutex_t run_lock;

/** Runs started so far; wraps. */
extern _Atomic unsigned long run_count;

/** History of handlers that block; lock-free. */
extern handler_history_t run_history;

/** Whether @a w is in state @a what (POLLS, ...). For MUST_HOLD. */
int run_does(worker_state_t *w, unsigned what);

/** Whether @a w holds @a poll_slot; without run_lock. For MUST_HOLD. */
bool run_is_holder(const worker_state_t *w, const poll_slot_t *poll_slot);

/** Begin a run of @a w, which holds a polling slot and polls. Its thread. */
void run_begins(worker_state_t *w);

/** End the run. True if @a w keeps its polling slot. */
bool run_ends(worker_state_t *w);

/**
 * Take the polling slot from @a w, if it is still in the run of @a word; true: taken, the caller
 * passes it on.
 * @param because  BLOCKED or COMPUTES
 */
bool run_take_away(worker_state_t *w, apr_uint64_t word, unsigned because);

#endif
