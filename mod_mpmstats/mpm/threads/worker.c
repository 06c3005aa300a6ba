/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/threads/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/module.h"
#include "mpm/policy/sizing.h"
#include "mpm/process/child.h"
#include "mpm/process/crash.h"
#include "mpm/process/shortage.h"
#include "mpm/threads/park.h"
#include "mpm/threads/poll.h"

/* Retire workers above the spare limit that were idle for this long. */
#define IDLE_TIME apr_time_from_sec(10)

/* Guarded by run_lock. */
static worker_state_t *idle_top, *idle_bottom;
static poll_slot_t *free_poll_slots;
static int idle_count;
static int alive_count;

/* Created in workers_start, by the ticker; the pointers are constant afterwards. */
static worker_state_t *workers;
static poll_slot_t *poll_slots;
static apr_pool_t *thread_pool;
static apr_threadattr_t *thread_attr;

/* Held to create and join threads: guards thread_pool. Taken before run_lock. */
static pthread_mutex_t creation = PTHREAD_MUTEX_INITIALIZER;

static sizing_low_t idle_low;   /* fewest asleep since window_start; noted under run_lock */
static apr_time_t window_start; /* ticker */

/* ---- sleeping and waking ------------------------------------------------ */

/* With lock. */
static void push_idle(worker_state_t *w)
{
    MUST_HOLD(lock_is_mine(&run_lock));
    MUST_HOLD(run_does(w, POLLS));
    w->above = NULL;
    w->below = idle_top;
    if (idle_top != NULL) {
        idle_top->above = w;
    }
    else {
        idle_bottom = w;
    }
    idle_top = w;
    idle_count++;
}

/* With lock. */
static void unlink_idle(worker_state_t *w)
{
    MUST_HOLD(lock_is_mine(&run_lock));
    MUST_HOLD(w->poll_slot == NULL);
    if (w->above != NULL) {
        w->above->below = w->below;
    }
    else {
        idle_top = w->below;
    }
    if (w->below != NULL) {
        w->below->above = w->above;
    }
    else {
        idle_bottom = w->above;
    }
    idle_count--;
    sizing_low_note(&idle_low, idle_count);
}

/* With lock. The caller then posts w->wake; NULL: no worker sleeps. */
static worker_state_t *give_to_idle(poll_slot_t *poll_slot)
{
    worker_state_t *w = idle_top;

    MUST_HOLD(lock_is_mine(&run_lock));
    MUST_HOLD(poll_slot->holder == NULL);
    if (w != NULL) {
        unlink_idle(w);
        w->poll_slot = poll_slot;
        poll_slot->holder = w;
    }
    return w;
}

static void sleep_until_woken(worker_state_t *w)
{
    while (sem_wait(&w->wake) != 0 && errno == EINTR) {
        continue;
    }
}

/* A new worker takes the polling slot it was created with. */
static void hold(worker_state_t *w, poll_slot_t *poll_slot)
{
    pthread_mutex_lock(&run_lock);
    MUST_HOLD(poll_slot->holder == NULL);
    poll_slot->holder = w;
    pthread_mutex_unlock(&run_lock);
}

/* Take a free polling slot, or sleep until one is given. NULL: exit. */
static poll_slot_t *get_poll_slot(worker_state_t *w)
{
    poll_slot_t *poll_slot;

    pthread_mutex_lock(&run_lock);
    if (atomic_load(&poll_leaving)) {
        pthread_mutex_unlock(&run_lock);
        return NULL;
    }
    poll_slot = free_poll_slots;
    if (poll_slot != NULL) {
        MUST_HOLD(poll_slot->holder == NULL);
        MUST_HOLD(run_does(w, POLLS));
        free_poll_slots = poll_slot->link;
        poll_slot->holder = w;
        pthread_mutex_unlock(&run_lock);
        return poll_slot;
    }
    w->poll_slot = NULL;
    push_idle(w);
    pthread_mutex_unlock(&run_lock);

    ap_update_child_status_from_indexes(child.slot, w->pub.index,
                                        atomic_load(&child.stopping) ? SERVER_GRACEFUL
                                                                     : SERVER_READY,
                                        NULL);
    sleep_until_woken(w);
    return w->poll_slot;
}

static void *APR_THREAD_FUNC worker_main(apr_thread_t *thread, void *data)
{
    worker_state_t *w = data;
    poll_slot_t *poll_slot;

    w->pub.thread = thread;
    w->thread.tid = gettid();
    w->self = pthread_self();
    pthread_getcpuclockid(w->self, &w->thread.cpu_clock);
    if (w->poll_slot != NULL) {
        hold(w, w->poll_slot);
    }
    crash_this_is_worker(w->pub.index);
    ap_scoreboard_image->servers[child.slot][w->pub.index].pid = getpid();
    ap_scoreboard_image->servers[child.slot][w->pub.index].tid = apr_os_thread_current();
    ap_scoreboard_image->servers[child.slot][w->pub.index].generation =
        hybrid_retained->mpm->my_generation;
    ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_STARTING, NULL);
    ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_READY, NULL);

    for (poll_slot = w->poll_slot; poll_slot == NULL || !atomic_load(&poll_leaving);) {
        if (poll_slot != NULL) {
            poll_serve(w, poll_slot);
        }
        poll_slot = get_poll_slot(w);
        if (poll_slot == NULL) {
            break;
        }
    }
    ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_DEAD, NULL);
    shared_sub(child.stats->workers, 1);
    pthread_mutex_lock(&run_lock);
    w->slot = SLOT_LEFT;
    alive_count--;
    pthread_mutex_unlock(&run_lock);
    child_wake();
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

/* ---- creating ----------------------------------------------------------- */

/* With lock. */
static worker_state_t *free_slot(void)
{
    int i;

    for (i = 0; i < child.lane->threads_per_child; i++) {
        if (workers[i].slot == SLOT_FREE) {
            return &workers[i];
        }
    }
    return NULL;
}

static worker_state_t *take_slot(poll_slot_t *poll_slot)
{
    worker_state_t *w;

    pthread_mutex_lock(&run_lock);
    w = free_slot();
    if (w != NULL) {
        w->slot = SLOT_USED;
        w->poll_slot = poll_slot;
        alive_count++;
    }
    pthread_mutex_unlock(&run_lock);
    return w;
}

/* Returns the number of other workers. */
static int give_slot_back(worker_state_t *w)
{
    int have;

    pthread_mutex_lock(&run_lock);
    w->slot = SLOT_FREE;
    have = --alive_count;
    pthread_mutex_unlock(&run_lock);
    return have;
}

static void block_signals(sigset_t *old)
{
    sigset_t all;

    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    sigdelset(&all, SIGTRAP);
    sigdelset(&all, SIGSYS);
    sigdelset(&all, SIGPIPE); /* ignored; programs that a worker starts inherit the mask */
    pthread_sigmask(SIG_BLOCK, &all, old);
}

/* The thread inherits the signal mask: only the ticker handles signals. */
static apr_status_t start_thread(worker_state_t *w)
{
    apr_status_t rv;
    sigset_t mask;

    block_signals(&mask);
    pthread_mutex_lock(&creation);
    rv = ap_thread_create(&w->pub.thread, thread_attr, worker_main, w, thread_pool);
    pthread_mutex_unlock(&creation);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return rv;
}

/* A new worker, holding @a poll_slot if that is not NULL. APR_EAGAIN at the ceiling. */
static apr_status_t create_worker(poll_slot_t *poll_slot)
{
    worker_state_t *w = take_slot(poll_slot);
    apr_status_t rv;

    if (w == NULL) {
        return APR_EAGAIN;
    }
    shared_add(child.stats->workers, 1);
    rv = start_thread(w);
    if (rv != APR_SUCCESS) {
        shared_sub(child.stats->workers, 1);
        shortage_of_threads(rv, give_slot_back(w));
    }
    return rv;
}

/* This process's share of a server-wide count. */
static int spare_share(int spare)
{
    return sizing_share(spare, child.lane->start_servers, child.number % child.lane->start_servers);
}

static sizing_process_limits_t limits(void)
{
    sizing_process_limits_t l = { .ceiling_threads = child.lane->threads_per_child,
                                  .min_spare_threads = spare_share(child.lane->min_spare_threads),
                                  .max_spare_threads = spare_share(child.lane->max_spare_threads),
                                  .surplus_us = IDLE_TIME };

    return l;
}

apr_status_t workers_start(void)
{
    int i;
    apr_status_t rv;
    int first = child.lane->concurrency;

    workers = apr_pcalloc(child.pool, sizeof(*workers) * (child.lane->threads_per_child + 1));
    workers = (void *)APR_ALIGN((apr_uintptr_t)workers, 64);
    poll_slots = apr_pcalloc(child.pool, sizeof(*poll_slots) * child.lane->concurrency);
    apr_pool_create(&thread_pool, child.pool);
    apr_pool_tag(thread_pool, "hybrid_threads");
    apr_threadattr_create(&thread_attr, child.pool);
    apr_threadattr_detach_set(thread_attr, 0);
    if (ap_thread_stacksize != 0) {
        rv = apr_threadattr_stacksize_set(thread_attr, ap_thread_stacksize);
        if (rv != APR_SUCCESS && rv != APR_ENOTIMPL) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, rv, ap_server_conf,
                         "ThreadStackSize of %" APR_SIZE_T_FMT " is inappropriate, using default",
                         ap_thread_stacksize);
        }
    }
    for (i = 0; i < child.lane->threads_per_child; i++) {
        workers[i].pub.index = i;
        sem_init(&workers[i].wake, 0, 0);
    }
    sizing_low_init(&idle_low, 0);
    window_start = clock_now();
    for (i = 0; i < first; i++) {
        rv = create_worker(&poll_slots[i]);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* ---- handing over ------------------------------------------------------- */

/*
 * Pass on a polling slot taken from @a from: to a sleeping worker, to a new one, or to the free
 * list.
 */
static void pass_on(poll_slot_t *poll_slot, const worker_state_t *from)
{
    worker_state_t *w;

    shared_add(child.stats->promotions, 1);
    pthread_mutex_lock(&run_lock);
    MUST_HOLD(poll_slot->holder == from);
    poll_slot->holder = NULL;
    w = give_to_idle(poll_slot);
    pthread_mutex_unlock(&run_lock);
    if (w != NULL) {
        sem_post(&w->wake);
        return;
    }
    if (create_worker(poll_slot) == APR_SUCCESS) {
        return;
    }
    pthread_mutex_lock(&run_lock);
    /* A worker may have fallen asleep in the meantime. */
    w = give_to_idle(poll_slot);
    if (w == NULL) {
        poll_slot->link = free_poll_slots;
        free_poll_slots = poll_slot;
    }
    pthread_mutex_unlock(&run_lock);
    if (w != NULL) {
        sem_post(&w->wake);
        return;
    }
    child_ask_for_help();
}

void workers_about_to_run(int index, const char *handler)
{
    worker_state_t *w = &workers[index];
    apr_uint64_t word = atomic_load_explicit(&w->word, memory_order_relaxed);

    if (!pthread_equal(w->self, pthread_self())) {
        /* a module's callback runs a request of a connection that this worker no longer runs */
        return;
    }
    /*
     * In the worker model a run lasts as long as the connection: an earlier request has lost the
     * slot.
     */
    if (!child.lane->is_async && !WORD_IS(word, RUNS)) {
        return;
    }
    w->kind = handler_history_kind(handler);
    if (!handler_history_blocks(&run_history, w->kind)) {
        return;
    }
    if (WORD_IS(word, RUNS) && run_take_away(w, word, BLOCKED)) {
        w->handed_over = clock_now();
        pass_on(w->held, w);
    }
}

/* ---- watching (ticker only) --------------------------------------------- */

/*
 * Check the holder of a polling slot. POLLS: none, or it polls; RUNS: it is in a run; BLOCKED,
 * COMPUTES: the slot was taken from it and passed on.
 */
static unsigned watch(poll_slot_t *poll_slot)
{
    worker_state_t *w;
    apr_uint64_t word = 0;
    apr_time_t since;
    unsigned because;

    pthread_mutex_lock(&run_lock);
    w = poll_slot->holder;
    if (w != NULL) {
        /* under the lock: belongs to a run with this polling slot */
        word = atomic_load_explicit(&w->word, memory_order_acquire);
    }
    pthread_mutex_unlock(&run_lock);
    if (w == NULL) {
        return POLLS;
    }
    since = atomic_load_explicit(&w->since, memory_order_relaxed);
    blocking_look(&poll_slot->notes, &w->thread, word);
    if (!WORD_IS(word, RUNS)) {
        return POLLS;
    }
    /* `since` may belong to a later run than the word: then run_take_away() fails. */
    switch (blocking_run(&poll_slot->notes, since)) {
    case BLOCKING_ASLEEP:
        because = BLOCKED;
        break;
    case BLOCKING_COMPUTES:
        because = COMPUTES;
        break;
    default:
        return RUNS;
    }
    if (!run_take_away(w, word, because)) {
        return RUNS;
    }
    pass_on(poll_slot, w);
    return because;
}

workers_e workers_watch(void)
{
    workers_e found = WORKERS_QUIET;
    apr_uint32_t running = 0;
    int i;

    for (i = 0; i < child.lane->concurrency; i++) {
        unsigned seen = watch(&poll_slots[i]);

        if (seen == POLLS) {
            continue;
        }
        running++;
        found = seen == BLOCKED || found == WORKERS_BLOCK ? WORKERS_BLOCK : WORKERS_RUN;
    }
    if (running != shared_get(child.stats->running)) {
        shared_set(child.stats->running, running);
    }
    return found;
}

unsigned long workers_runs(void)
{
    return atomic_load(&run_count);
}

apr_uint64_t workers_run_of(int index)
{
    apr_uint64_t word = atomic_load_explicit(&workers[index].word, memory_order_relaxed);

    return WORD_IS(word, POLLS) ? 0 : (word >> 2) + 1;
}

int workers_busy(void)
{
    return atomic_load_explicit(&child.busy, memory_order_relaxed);
}

/* ---- more, fewer (ticker only) ------------------------------------------ */

static void join_left(void)
{
    int i;

    for (i = 0; i < child.lane->threads_per_child; i++) {
        apr_status_t ignored;
        bool left;

        pthread_mutex_lock(&run_lock);
        left = workers[i].slot == SLOT_LEFT;
        pthread_mutex_unlock(&run_lock);
        if (left) {
            pthread_mutex_lock(&creation);
            apr_thread_join(&ignored, workers[i].pub.thread);
            pthread_mutex_unlock(&creation);
            pthread_mutex_lock(&run_lock);
            workers[i].slot = SLOT_FREE;
            pthread_mutex_unlock(&run_lock);
        }
    }
}

/* Retire the worker that has slept longest. */
static void dismiss_one(void)
{
    worker_state_t *w;

    pthread_mutex_lock(&run_lock);
    w = idle_bottom;
    if (w != NULL) {
        unlink_idle(w);
        w->poll_slot = NULL;
    }
    pthread_mutex_unlock(&run_lock);
    if (w != NULL) {
        sem_post(&w->wake);
    }
}

static sizing_process_advice_t ask_for_advice(apr_time_t now)
{
    sizing_process_limits_t l = limits();
    sizing_process_t state;

    memset(&state, 0, sizeof(state));
    pthread_mutex_lock(&run_lock);
    state.workers = alive_count;
    state.idle = idle_count;
    pthread_mutex_unlock(&run_lock);
    state.window_us = now - window_start;
    state.idle_low = state.idle;
    if (state.window_us >= IDLE_TIME) {
        state.idle_low = sizing_low_take(&idle_low, state.idle);
        window_start = now;
    }
    return sizing_process(&l, &state);
}

void workers_maintain(apr_time_t now)
{
    apr_uint32_t n = (apr_uint32_t)workers_busy();
    sizing_process_advice_t advice;

    if (n > shared_get(child.stats->workers_peak)) {
        shared_set(child.stats->workers_peak, n);
    }
    join_left();
    if (atomic_load(&child.stopping)) {
        return;
    }
    advice = ask_for_advice(now);
    while (advice.leave_threads-- > 0) {
        dismiss_one();
    }
    while (advice.create_threads-- > 0 && create_worker(NULL) == APR_SUCCESS) {
        continue;
    }
}

void workers_leave(void)
{
    worker_state_t *w;
    uint64_t one = 1;

    atomic_store(&poll_leaving, 1);
    pthread_mutex_lock(&run_lock);
    while ((w = idle_top) != NULL) {
        unlink_idle(w);
        w->poll_slot = NULL;
        sem_post(&w->wake);
    }
    pthread_mutex_unlock(&run_lock);
    /* Pollers no longer drain it, so it wakes each of them. */
    if (write(park_wake_fd(), &one, sizeof(one)) < 0) {
        /* EAGAIN: it is readable already. */
    }
}

int workers_join(apr_interval_time_t patience)
{
    apr_time_t until = clock_now() + patience;
    int alive;

    for (;;) {
        join_left();
        pthread_mutex_lock(&run_lock);
        alive = alive_count;
        pthread_mutex_unlock(&run_lock);
        if (alive == 0 || (patience != 0 && clock_now() >= until)) {
            join_left();
            return alive;
        }
        apr_sleep(apr_time_from_msec(2));
    }
}
