/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers and the tokens to poll.
 *
 * A worker's `word` says what it does: a run number, and whether it polls, runs
 * with its token, or runs without because it blocks or computes. The worker moves it
 * POLLS -> RUNS -> POLLS; whoever moves it RUNS -> BLOCKED or COMPUTES becomes by
 * that compare-and-swap the owner of the token and passes it on: the ticker
 * (judge.h), or the worker itself when what it is about to run is known to block
 * (mpm/policy/habits.h). The number makes sure that it is still the run that was looked at.
 *
 *   pool lock  guards  idle stack, free tokens, the counts, worker_state_t.{token,
 *                      slot, above, below}. A leaf.
 *
 * A token has one holder, or none on its way to the next one and while it lies about.
 * A worker enters a run only as the holder of the token it polls with, and whoever moves
 * its word out of RUNS clears token->holder before the worker can get another token. So
 * a word read with the lock held, while token->holder names the worker, is of a run with
 * this token. What is read of the two at different moments need not belong together.
 *
 * A token's events belong to its holder. They change hands with the token, by
 * way of the lock and the semaphore of the next holder.
 */
#include "mpm/threads/worker.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mpm_common.h"
#include "mpm/policy/habits.h"
#include "mpm/policy/sizing.h"
#include "mpm/threads/accept.h"
#include "mpm/threads/child.h"
#include "mpm/conn/conn.h"
#include "mpm/process/crash.h"
#include "mpm/process/handover.h"
#include "mpm/module.h"
#include "mpm/threads/judge.h"
#include "base/lock.h"
#include "mpm/threads/park.h"
#include "mpm/process/shortage.h"
#include "mpm/conn/tags.h"
#include "mpm/threads/timers.h"

/* Events fetched at once. All of them are served before the next epoll_wait;
 * what a blocked holder leaves goes to the next one. */
#define BATCH 16

/* Workers above the spare limit go when none of them was needed for so long. */
#define IDLE_TIME apr_time_from_sec(10)

/* One that gave its token away itself and was back sooner than this did not block. */
#define BLOCKED_LEAST_US 100

enum { POLLS, RUNS, BLOCKED, COMPUTES };
#define WORD(run, what) (((apr_uint64_t)(run) << 2) | (what))
#define WORD_IS(word, what) (((word)&3) == (what))

typedef struct token_t {
    struct epoll_event events[BATCH];
    int count, next;
    struct worker_state_t *holder; /* one whose thread runs already; pool lock */
    judge_notes_t notes;           /* ticker's */
    struct token_t *link;          /* free tokens */
} token_t;

typedef struct worker_state_t {
    worker_t pub;
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

static pthread_mutex_t lock = LOCK_INITIALIZER;

/* Guarded by lock. */
static worker_state_t *idle_top, *idle_bottom;
static token_t *free_tokens;
static int idle_count;
static int alive_count;

/* Made in workers_start, by the ticker; the pointers are constant afterwards. */
static worker_state_t *workers;
static token_t *tokens;
static apr_pool_t *thread_pool;
static apr_threadattr_t *thread_attr;

static _Atomic int leaving;
static _Atomic int busy;
static _Atomic unsigned long runs;

/* Taken for creating and joining threads: guards thread_pool. Taken before `lock`. */
static pthread_mutex_t creation = PTHREAD_MUTEX_INITIALIZER;

/* Which handlers block; lock-free. */
static habits_t habits;

static sizing_low_t idle_low;   /* fewest asleep since window_start; noted under lock */
static apr_time_t window_start; /* ticker */

/* ---- rules, for MUST_HOLD ----------------------------------------------- */

static int does(worker_state_t *w, unsigned what)
{
    return WORD_IS(atomic_load(&w->word), what);
}

/* Without lock. */
static int is_holder(const worker_state_t *w, const token_t *token)
{
    int is;

    pthread_mutex_lock(&lock);
    is = token->holder == w;
    pthread_mutex_unlock(&lock);
    return is;
}

/* ---- sleeping and waking ------------------------------------------------ */

/* With lock. */
static void push_idle(worker_state_t *w)
{
    MUST_HOLD(lock_is_mine(&lock));
    MUST_HOLD(does(w, POLLS));
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
    MUST_HOLD(lock_is_mine(&lock));
    MUST_HOLD(w->token == NULL);
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

/* With lock; then the caller posts w->wake. */
static worker_state_t *give_to_idle(token_t *token)
{
    worker_state_t *w = idle_top;

    MUST_HOLD(lock_is_mine(&lock));
    MUST_HOLD(token->holder == NULL);
    if (w != NULL) {
        unlink_idle(w);
        w->token = token;
        token->holder = w;
    }
    return w;
}

static void sleep_until_woken(worker_state_t *w)
{
    while (sem_wait(&w->wake) != 0 && errno == EINTR) {
        continue;
    }
}

/* A new worker brings its token with it. */
static void hold(worker_state_t *w, token_t *token)
{
    pthread_mutex_lock(&lock);
    MUST_HOLD(token->holder == NULL);
    token->holder = w;
    pthread_mutex_unlock(&lock);
}

/* A token that lies about, or sleep until one is given. NULL: leave. */
static token_t *get_token(worker_state_t *w)
{
    token_t *token;

    pthread_mutex_lock(&lock);
    if (atomic_load(&leaving)) {
        pthread_mutex_unlock(&lock);
        return NULL;
    }
    token = free_tokens;
    if (token != NULL) {
        MUST_HOLD(token->holder == NULL);
        MUST_HOLD(does(w, POLLS));
        free_tokens = token->link;
        token->holder = w;
        pthread_mutex_unlock(&lock);
        return token;
    }
    w->token = NULL;
    push_idle(w);
    pthread_mutex_unlock(&lock);

    ap_update_child_status_from_indexes(child.slot, w->pub.index,
                                        atomic_load(&child.stopping) ? SERVER_GRACEFUL
                                                                     : SERVER_READY,
                                        NULL);
    sleep_until_woken(w);
    return w->token;
}

/* ---- running ------------------------------------------------------------ */

static void run_begins(worker_state_t *w)
{
    apr_uint64_t word = atomic_load_explicit(&w->word, memory_order_relaxed);
    apr_time_t now = child_now();

    MUST_HOLD(WORD_IS(word, POLLS));
    MUST_HOLD(is_holder(w, w->held));
    atomic_store_explicit(&w->since, now, memory_order_relaxed);
    shared_note_since(child.slot, w->pub.index, now); /* before the look at handover_state() */
    atomic_store_explicit(&w->word, (word & ~(apr_uint64_t)3) | RUNS, memory_order_release);
    atomic_fetch_add_explicit(&busy, 1, memory_order_relaxed);
    atomic_fetch_add(&runs, 1); /* before the look at child_ticker_asleep */
    shared_add(child.stats->workers_busy, 1);
    w->kind = -1;
    w->handed_over = 0;
    child_ticker_needed();
}

/*
 * For the next one of its kind: one that gave its token away itself blocked if the ticker would
 * have found it.
 */
static void learn(const worker_state_t *w, int blocked)
{
    if (w->kind < 0) {
        return;
    }
    if (w->handed_over != 0) {
        blocked = child_now() - w->handed_over >= BLOCKED_LEAST_US;
    }
    habits_note(&habits, w->kind, blocked);
}

/* Nonzero if the token is still ours. */
static int run_ends(worker_state_t *w)
{
    apr_uint64_t word = atomic_load_explicit(&w->word, memory_order_relaxed);
    apr_uint64_t next = (word & ~(apr_uint64_t)3) + 4;

    atomic_fetch_sub_explicit(&busy, 1, memory_order_relaxed);
    shared_sub(child.stats->workers_busy, 1);
    shared_note_since(child.slot, w->pub.index, 0);
    learn(w, WORD_IS(word, BLOCKED));
    if (WORD_IS(word, RUNS)
        && atomic_compare_exchange_strong_explicit(&w->word, &word, next | POLLS,
                                                   memory_order_acq_rel, memory_order_acquire)) {
        MUST_HOLD(is_holder(w, w->held));
        return 1;
    }
    atomic_store_explicit(&w->word, next | POLLS, memory_order_release);
    return 0;
}

static void drain_wake_fd(void)
{
    uint64_t n;

    if (read(park_wake_fd(), &n, sizeof(n)) < 0) {
        /* Another poller was faster. */
    }
}

/* New connections, as many as there are events. Nonzero if the token is still ours. */
static int serve_listener(worker_state_t *w, const token_t *token, unsigned listener)
{
    int most = token->count;
    int accepted;

    do {
        run_begins(w);
        accepted = accept_ready(&w->pub, listener);
        if (!run_ends(w)) {
            return 0;
        }
    } while (accepted && --most > 0);
    return 1;
}

/* Serve the next event. Nonzero if the token is still ours. */
static int serve_event(worker_state_t *w, token_t *token)
{
    const struct epoll_event *event = &token->events[token->next++];
    uint64_t tag = event->data.u64;
    conn_t *k;

    if (TAG_IS_CONN(tag)) {
        k = park_claim(tag, event->events);
        if (k == NULL) {
            return 1;
        }
        run_begins(w);
        conn_run(&w->pub, k);
        return run_ends(w);
    }
    if (TAG_IS_LISTENER(tag)) {
        return serve_listener(w, token, TAG_LOW(tag));
    }
    if (tag == TAG_HANDOVER) {
        run_begins(w);
        handover_take(&w->pub);
        return run_ends(w);
    }
    if (!atomic_load(&leaving)) {
        drain_wake_fd();
    }
    return 1;
}

/*
 * Serve one of the things that do not come from epoll: the last connections to accept, callbacks
 * that were due at @a begun, connections that were handed over. 0 when there is none.
 */
static int serve_one(worker_state_t *w, apr_time_t begun)
{
    conn_t *k;

    if (accept_has_last()) {
        run_begins(w);
        accept_last(&w->pub);
        return 1;
    }
    if (begun != 0 && timers_due(begun)) {
        run_begins(w);
        timers_run_due(begun);
        return 1;
    }
    k = park_take_ready();
    if (k != NULL) {
        run_begins(w);
        conn_run(&w->pub, k);
        return 1;
    }
    return 0;
}

/* All of them: whoever queued one has woken a poller once. Nonzero if the token is still ours. */
static int serve_queue(worker_state_t *w)
{
    apr_time_t begun = timers_next() != 0 ? child_now() : 0;

    while (serve_one(w, begun)) {
        if (!run_ends(w)) {
            return 0;
        }
    }
    return 1;
}

/*
 * Hold @a token: serve its events, then wait for more. Returns when the token is lost, or to leave.
 */
static void poll_and_serve(worker_state_t *w, token_t *token)
{
    w->held = token;
    ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_READY, NULL);
    for (;;) {
        while (token->next < token->count) {
            if (!serve_event(w, token)) {
                return;
            }
        }
        if (!serve_queue(w)) {
            return;
        }
        if (atomic_load_explicit(&leaving, memory_order_relaxed)) {
            return;
        }
        ap_update_child_status_from_indexes(child.slot, w->pub.index,
                                            atomic_load(&child.stopping) ? SERVER_GRACEFUL
                                                                         : SERVER_READY,
                                            NULL);
        token->next = 0;
        token->count = epoll_wait(child.epoll_fd, token->events, BATCH,
                                  timers_next() != 0 && timers_due(child_now()) ? 0 : -1);
        if (token->count < 0) {
            token->count = 0;
        }
    }
}

static void *APR_THREAD_FUNC worker_main(apr_thread_t *thread, void *data)
{
    worker_state_t *w = data;
    token_t *token;

    w->pub.thread = thread;
    w->thread.tid = gettid();
    w->self = pthread_self();
    pthread_getcpuclockid(w->self, &w->thread.cpu_clock);
    if (w->token != NULL) {
        hold(w, w->token);
    }
    crash_this_is_worker(w->pub.index);
    ap_scoreboard_image->servers[child.slot][w->pub.index].pid = getpid();
    ap_scoreboard_image->servers[child.slot][w->pub.index].tid = apr_os_thread_current();
    ap_scoreboard_image->servers[child.slot][w->pub.index].generation =
        hybrid_retained->mpm->my_generation;
    ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_STARTING, NULL);
    ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_READY, NULL);

    for (token = w->token; token == NULL || !atomic_load(&leaving);) {
        if (token != NULL) {
            poll_and_serve(w, token);
        }
        token = get_token(w);
        if (token == NULL) {
            break;
        }
    }
    ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_DEAD, NULL);
    shared_sub(child.stats->workers, 1);
    pthread_mutex_lock(&lock);
    w->slot = SLOT_LEFT;
    alive_count--;
    pthread_mutex_unlock(&lock);
    child_wake_ticker();
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

static worker_state_t *take_slot(token_t *token)
{
    worker_state_t *w;

    pthread_mutex_lock(&lock);
    w = free_slot();
    if (w != NULL) {
        w->slot = SLOT_USED;
        w->token = token;
        alive_count++;
    }
    pthread_mutex_unlock(&lock);
    return w;
}

/* How many others there are. */
static int give_slot_back(worker_state_t *w)
{
    int have;

    pthread_mutex_lock(&lock);
    w->slot = SLOT_FREE;
    have = --alive_count;
    pthread_mutex_unlock(&lock);
    return have;
}

/* Threads inherit the mask: signals are for the ticker alone. */
static apr_status_t start_thread(worker_state_t *w)
{
    apr_status_t rv;
    sigset_t mask;

    child_block_signals(&mask);
    pthread_mutex_lock(&creation);
    rv = ap_thread_create(&w->pub.thread, thread_attr, worker_main, w, thread_pool);
    pthread_mutex_unlock(&creation);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return rv;
}

/* A new worker, holding @a token if that is not NULL. APR_EAGAIN at the ceiling. */
static apr_status_t create_worker(token_t *token)
{
    worker_state_t *w = take_slot(token);
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
    tokens = apr_pcalloc(child.pool, sizeof(*tokens) * child.lane->concurrency);
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
        workers[i].pub.state = &workers[i];
        sem_init(&workers[i].wake, 0, 0);
    }
    sizing_low_init(&idle_low, 0);
    window_start = child_now();
    for (i = 0; i < first; i++) {
        rv = create_worker(&tokens[i]);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* ---- handing over ------------------------------------------------------- */

/* Take the token from a holder that keeps others waiting. */
static int take_away(worker_state_t *w, apr_uint64_t word, unsigned because)
{
    return atomic_compare_exchange_strong_explicit(&w->word, &word,
                                                   (word & ~(apr_uint64_t)3) | because,
                                                   memory_order_acq_rel, memory_order_acquire);
}

/*
 * A token that was taken away from @a from: to a sleeper, a new worker, or to whoever comes first.
 */
static void pass_on(token_t *token, const worker_state_t *from)
{
    worker_state_t *w;

    shared_add(child.stats->promotions, 1);
    pthread_mutex_lock(&lock);
    MUST_HOLD(token->holder == from);
    token->holder = NULL;
    w = give_to_idle(token);
    pthread_mutex_unlock(&lock);
    if (w != NULL) {
        sem_post(&w->wake);
        return;
    }
    if (create_worker(token) == APR_SUCCESS) {
        return;
    }
    pthread_mutex_lock(&lock);
    /* Somebody may have gone to sleep in the meantime. */
    w = give_to_idle(token);
    if (w == NULL) {
        token->link = free_tokens;
        free_tokens = token;
    }
    pthread_mutex_unlock(&lock);
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
        /* a module's callback runs a request of a connection that left this worker */
        return;
    }
    /*
     * Without async a run lasts as long as the connection: what cost it the token was an earlier
     * request.
     */
    if (!child.lane->is_async && !WORD_IS(word, RUNS)) {
        return;
    }
    w->kind = habits_kind(handler);
    if (!habits_blocks(&habits, w->kind)) {
        return;
    }
    if (WORD_IS(word, RUNS) && take_away(w, word, BLOCKED)) {
        w->handed_over = child_now();
        pass_on(w->held, w);
    }
}

/* ---- watching (ticker only) --------------------------------------------- */

/*
 * Look at the holder of a token. RUNS: it is in a run; BLOCKED, COMPUTES: it has lost the token to
 * another.
 */
static unsigned watch(token_t *token)
{
    worker_state_t *w;
    apr_uint64_t word = 0;
    apr_time_t since;
    unsigned because;

    pthread_mutex_lock(&lock);
    w = token->holder;
    if (w != NULL) {
        /* with the lock: of a run with this token */
        word = atomic_load_explicit(&w->word, memory_order_acquire);
    }
    pthread_mutex_unlock(&lock);
    if (w == NULL) {
        return POLLS;
    }
    since = atomic_load_explicit(&w->since, memory_order_relaxed);
    judge_look(&token->notes, &w->thread, word);
    if (!WORD_IS(word, RUNS)) {
        return POLLS;
    }
    /* `since` may be of a later run than the word: then the exchange fails. */
    switch (judge_run(&token->notes, since)) {
    case JUDGE_ASLEEP:
        because = BLOCKED;
        break;
    case JUDGE_COMPUTES:
        because = COMPUTES;
        break;
    default:
        return RUNS;
    }
    if (!take_away(w, word, because)) {
        return RUNS;
    }
    pass_on(token, w);
    return because;
}

workers_e workers_watch(void)
{
    workers_e found = WORKERS_QUIET;
    apr_uint32_t running = 0;
    int i;

    for (i = 0; i < child.lane->concurrency; i++) {
        unsigned seen = watch(&tokens[i]);

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
    return atomic_load(&runs);
}

apr_uint64_t workers_run_of(int index)
{
    apr_uint64_t word = atomic_load_explicit(&workers[index].word, memory_order_relaxed);

    return WORD_IS(word, POLLS) ? 0 : (word >> 2) + 1;
}

int workers_busy(void)
{
    return atomic_load_explicit(&busy, memory_order_relaxed);
}

/* ---- more, fewer (ticker only) ------------------------------------------ */

static void join_left(void)
{
    int i;

    for (i = 0; i < child.lane->threads_per_child; i++) {
        apr_status_t ignored;
        int left;

        pthread_mutex_lock(&lock);
        left = workers[i].slot == SLOT_LEFT;
        pthread_mutex_unlock(&lock);
        if (left) {
            pthread_mutex_lock(&creation);
            apr_thread_join(&ignored, workers[i].pub.thread);
            pthread_mutex_unlock(&creation);
            pthread_mutex_lock(&lock);
            workers[i].slot = SLOT_FREE;
            pthread_mutex_unlock(&lock);
        }
    }
}

/* Let the one that has slept longest go. */
static void dismiss_one(void)
{
    worker_state_t *w;

    pthread_mutex_lock(&lock);
    w = idle_bottom;
    if (w != NULL) {
        unlink_idle(w);
        w->token = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (w != NULL) {
        sem_post(&w->wake);
    }
}

static sizing_process_advice_t ask_for_advice(apr_time_t now)
{
    sizing_process_limits_t l = limits();
    sizing_process_t state;

    memset(&state, 0, sizeof(state));
    pthread_mutex_lock(&lock);
    state.workers = alive_count;
    state.idle = idle_count;
    pthread_mutex_unlock(&lock);
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

    atomic_store(&leaving, 1);
    pthread_mutex_lock(&lock);
    while ((w = idle_top) != NULL) {
        unlink_idle(w);
        w->token = NULL;
        sem_post(&w->wake);
    }
    pthread_mutex_unlock(&lock);
    /* Nobody drains it any more, so every poller sees it. */
    if (write(park_wake_fd(), &one, sizeof(one)) < 0) {
        /* EAGAIN: it is readable already. */
    }
}

int workers_join(apr_interval_time_t patience)
{
    apr_time_t until = child_now() + patience;
    int alive;

    for (;;) {
        join_left();
        pthread_mutex_lock(&lock);
        alive = alive_count;
        pthread_mutex_unlock(&lock);
        if (alive == 0 || (patience != 0 && child_now() >= until)) {
            join_left();
            return alive;
        }
        apr_sleep(apr_time_from_msec(2));
    }
}
