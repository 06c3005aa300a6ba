/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/run.h
 * @brief A worker, the token with which it polls, and its run.
 *
 * A worker's `word` says what it does: a run number, and whether it polls, runs with its token, or
 * runs without because it blocks or computes. The worker moves it POLLS -> RUNS -> POLLS; whoever
 * moves it RUNS -> BLOCKED or COMPUTES becomes by that compare-and-swap the owner of the token and
 * passes it on: the ticker (judge.h), or the worker itself when what it is about to run is known to
 * block (policy/habits.h). The number makes sure that it is still the run that was looked at.
 *
 * A token has one holder, or none on its way to the next one and while it lies about. A worker
 * enters a run only as the holder of the token it polls with, and whoever moves its word out of RUNS
 * clears token->holder before the worker can get another token. So a word read with the lock held,
 * while token->holder names the worker, is of a run with this token. What is read of the two at
 * different moments need not belong together.
 *
 * A token's events belong to its holder. They change hands with the token, by way of the lock and
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
#include "mpm/policy/habits.h"
#include "mpm/threads/judge.h"

/* Events fetched at once. All of them are served before the next epoll_wait;
 * what a blocked holder leaves goes to the next one. */
#define RUN_BATCH 16

/** What a worker does, in its word. */
enum { POLLS, RUNS, BLOCKED, COMPUTES };
#define WORD(run, what) (((apr_uint64_t)(run) << 2) | (what))
#define WORD_IS(word, what) (((word)&3) == (what))

typedef struct token_t {
    struct epoll_event events[RUN_BATCH];
    int count, next;
    struct worker_state_t *holder; /* one whose thread runs already; pool lock */
    judge_notes_t notes;           /* ticker's */
    struct token_t *link;          /* free tokens */
} token_t;

typedef struct worker_state_t {
    conn_worker_t pub;
    _Atomic apr_uint64_t word;
    _Atomic apr_time_t since; /* written by itself: when the run began, monotonic */
    sem_t wake;
    judge_thread_t thread;  /* set by itself, before it holds a token */
    pthread_t self;         /* set by itself, before it runs anything */
    token_t *token;         /* given while it sleeps */
    token_t *held;          /* its own: the one it serves */
    int kind;               /* its own: what it runs, in habits; -1 */
    apr_time_t handed_over; /* its own: when it gave its token away in this run, 0 */
    enum { SLOT_FREE, SLOT_USED, SLOT_LEFT } slot; /* pool lock */
    struct worker_state_t *below;                  /* idle stack, towards the longest asleep */
    struct worker_state_t *above;
} __attribute__((aligned(64))) worker_state_t;

/**
 * A leaf. Guards token_t.holder and link, worker_state_t.{token, slot, above, below}, and the counts
 * of worker.c.
 */
extern pthread_mutex_t run_lock;

/** Runs begun so far; wraps. */
extern _Atomic unsigned long run_count;

/** Which handlers block; lock-free. */
extern habits_t run_habits;

/** Whether @a w does @a what (POLLS, ...) now. For MUST_HOLD. */
int run_does(worker_state_t *w, unsigned what);

/** Whether @a w holds @a token; without run_lock. For MUST_HOLD. */
int run_is_holder(const worker_state_t *w, const token_t *token);

/** @a w, which holds the token it polls with, begins to run something. Its thread. */
void run_begins(worker_state_t *w);

/** The run is over. Nonzero if the token is still its own. */
int run_ends(worker_state_t *w);

/**
 * Take the token from a holder that keeps others waiting, if it is still in the run of @a word.
 * @param because  BLOCKED or COMPUTES
 */
int run_take_away(worker_state_t *w, apr_uint64_t word, unsigned because);

#endif
