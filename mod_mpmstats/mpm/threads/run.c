/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/threads/run.h"

#include "base/clock.h"
#include "mpm/process/child.h"

/* A run that ends sooner than this after giving its polling slot away did not block. */
#define BLOCKED_LEAST_US 100

pthread_mutex_t run_lock = LOCK_INITIALIZER;
_Atomic unsigned long run_count;
handler_history_t run_history;

int run_does(worker_state_t *w, unsigned what)
{
    return WORD_IS(atomic_load(&w->word), what);
}

bool run_is_holder(const worker_state_t *w, const poll_slot_t *poll_slot)
{
    bool is;

    pthread_mutex_lock(&run_lock);
    is = poll_slot->holder == w;
    pthread_mutex_unlock(&run_lock);
    return is;
}

void run_begins(worker_state_t *w)
{
    apr_uint64_t word = atomic_load_explicit(&w->word, memory_order_relaxed);
    apr_time_t now = clock_now();

    MUST_HOLD(WORD_IS(word, POLLS));
    MUST_HOLD(run_is_holder(w, w->held));
    atomic_store_explicit(&w->since, now, memory_order_relaxed);
    shared_note_since(child.slot, w->pub.index, now); /* before handover_state() is read */
    atomic_store_explicit(&w->word, (word & ~(apr_uint64_t)3) | RUNS, memory_order_release);
    atomic_fetch_add_explicit(&child.busy, 1, memory_order_relaxed);
    atomic_fetch_add(&run_count, 1); /* before child_ticker_asleep is read */
    shared_add(child.stats->workers_busy, 1);
    w->kind = -1;
    w->handed_over = 0;
    child_ticker_needed();
}

/*
 * Record whether the handler blocked. After a run gave its polling slot away itself: whether the
 * ticker would have taken it.
 */
static void learn(const worker_state_t *w, int blocked)
{
    if (w->kind < 0) {
        return;
    }
    if (w->handed_over != 0) {
        blocked = clock_now() - w->handed_over >= BLOCKED_LEAST_US;
    }
    handler_history_note(&run_history, w->kind, blocked);
}

bool run_ends(worker_state_t *w)
{
    apr_uint64_t word = atomic_load_explicit(&w->word, memory_order_relaxed);
    apr_uint64_t next = (word & ~(apr_uint64_t)3) + 4;

    atomic_fetch_sub_explicit(&child.busy, 1, memory_order_relaxed);
    shared_sub(child.stats->workers_busy, 1);
    shared_note_since(child.slot, w->pub.index, 0);
    learn(w, WORD_IS(word, BLOCKED));
    if (WORD_IS(word, RUNS)
        && atomic_compare_exchange_strong_explicit(&w->word, &word, next | POLLS,
                                                   memory_order_acq_rel, memory_order_acquire)) {
        MUST_HOLD(run_is_holder(w, w->held));
        return true;
    }
    atomic_store_explicit(&w->word, next | POLLS, memory_order_release);
    return false;
}

bool run_take_away(worker_state_t *w, apr_uint64_t word, unsigned because)
{
    return atomic_compare_exchange_strong_explicit(&w->word, &word,
                                                   (word & ~(apr_uint64_t)3) | because,
                                                   memory_order_acq_rel, memory_order_acquire);
}
