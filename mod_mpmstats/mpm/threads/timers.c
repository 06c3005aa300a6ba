/* SPDX-License-Identifier: Apache-2.0 */
/* Timed callbacks, ordered by due time. */
#include "mpm/threads/timers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "apr_skiplist.h"
#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/conn/here.h"
#include "mpm/module.h"
#include "base/lock.h"

typedef struct callback_t {
    apr_time_t due; /* monotonic */
    ap_mpm_callback_fn_t *fn;
    void *baton;
    /* the connection it was registered for, or NULL; never dereferenced */
    const void *of;
} callback_t;

static pthread_mutex_t lock = LOCK_INITIALIZER;
/* guarded by lock; created before the threads start. NULL: not in this model */
static apr_skiplist *callbacks;
static _Atomic apr_time_t next_due; /* of the first; 0 = none. Written under lock. */
static _Atomic int running;

/* A running callback; on the stack of its worker. */
typedef struct running_t {
    apr_uint64_t number;
    const void *of;
    struct running_t *next;
} running_t;

static running_t *runners;                   /* guarded by lock */
static _Atomic apr_uint64_t next_number = 1; /* written under lock */
static _Thread_local __attribute__((tls_model("initial-exec"))) int registered_here;
static _Thread_local const running_t *runs_here;

/* Never 0: a skip list drops an element that equals another. */
static int by_due(void *a, void *b)
{
    const callback_t *x = a, *y = b;

    return x->due < y->due ? -1 : 1;
}

void timers_child_init(apr_pool_t *pchild)
{
    apr_pool_t *pool;

    if (!child.lane->is_async) {
        return; /* httpd's own loop cannot wait for a suspended request */
    }
    apr_pool_create(&pool, pchild);
    apr_pool_tag(pool, "hybrid_timers");
    apr_skiplist_init(&callbacks, pool);
    apr_skiplist_set_compare(callbacks, by_due, by_due);
}

/* With lock. */
static void note_next(void)
{
    callback_t *first = apr_skiplist_peek(callbacks);

    MUST_HOLD(lock_is_mine(&lock));
    atomic_store_explicit(&next_due, first ? first->due : 0, memory_order_relaxed);
}

apr_status_t timers_register(apr_time_t t, ap_mpm_callback_fn_t *fn, void *baton)
{
    callback_t *cb;
    apr_time_t before, after;

    if (callbacks == NULL) {
        return APR_ENOTIMPL; /* a model without async, or the parent, which has no workers */
    }
    registered_here = 1;
    pthread_mutex_lock(&lock);
    cb = apr_skiplist_alloc(callbacks, sizeof(*cb));
    cb->due = clock_now() + t;
    cb->fn = fn;
    cb->baton = baton;
    cb->of = runs_here != NULL ? runs_here->of : here_conn();
    apr_skiplist_insert(callbacks, cb);
    before = atomic_load_explicit(&next_due, memory_order_relaxed);
    note_next();
    after = atomic_load_explicit(&next_due, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
    if (before == 0 || after < before) {
        child_wake();
    }
    return APR_SUCCESS;
}

apr_time_t timers_next(void)
{
    return atomic_load_explicit(&next_due, memory_order_relaxed);
}

bool timers_due(apr_time_t now)
{
    apr_time_t due = timers_next();

    return due != 0 && due <= now;
}

int timers_running(void)
{
    return atomic_load(&running);
}

apr_uint64_t timers_next_number(void)
{
    return atomic_load(&next_number);
}

void timers_runners(timers_runners_t *out)
{
    const running_t *r;

    out->count = 0;
    out->oldest_unseen = 0;
    pthread_mutex_lock(&lock);
    out->next = atomic_load(&next_number);
    for (r = runners; r != NULL; r = r->next) {
        if (out->count < TIMERS_SEEN) {
            out->seen[out->count].number = r->number;
            out->seen[out->count++].of = r->of;
        }
        else if (out->oldest_unseen == 0 || r->number < out->oldest_unseen) {
            out->oldest_unseen = r->number;
        }
    }
    pthread_mutex_unlock(&lock);
}

static bool is_one_of(const void *its, timers_whose_e whose, const void *of)
{
    return whose == TIMERS_ANY || its == of || (whose == TIMERS_OF_OR_NONE && its == NULL);
}

bool timers_runs_before(const timers_runners_t *running_now, apr_uint64_t before,
                        timers_whose_e whose, const void *of)
{
    int i;

    for (i = 0; i < running_now->count; i++) {
        if (running_now->seen[i].number < before && is_one_of(running_now->seen[i].of, whose, of)) {
            return true;
        }
    }
    return before > running_now->next
        || (running_now->oldest_unseen != 0 && running_now->oldest_unseen < before);
}

int timers_registered_here(void)
{
    int was = registered_here;

    registered_here = 0;
    return was;
}

static void runs_no_longer(running_t *me)
{
    running_t **link;

    pthread_mutex_lock(&lock);
    for (link = &runners; *link != me; link = &(*link)->next) {
        continue;
    }
    *link = me->next;
    pthread_mutex_unlock(&lock);
}

bool timers_run_due(apr_time_t now, const void **of)
{
    running_t me;
    ap_mpm_callback_fn_t *fn = NULL;
    void *baton = NULL;
    callback_t *cb;

    if (!timers_due(now)) {
        return false;
    }
    pthread_mutex_lock(&lock);
    cb = apr_skiplist_peek(callbacks);
    if (cb != NULL && cb->due <= now) {
        apr_skiplist_pop(callbacks, NULL);
        fn = cb->fn;
        baton = cb->baton;
        me.of = cb->of;
        apr_skiplist_free(callbacks, cb);
        atomic_fetch_add(&running, 1);
        me.number = atomic_fetch_add(&next_number, 1);
        me.next = runners;
        runners = &me;
    }
    note_next();
    pthread_mutex_unlock(&lock);
    if (fn == NULL) {
        return false;
    }
    runs_here = &me;
    fn(baton);
    runs_here = NULL;
    runs_no_longer(&me);
    atomic_fetch_sub(&running, 1);
    *of = me.of;
    return true;
}
