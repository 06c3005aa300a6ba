/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parked connections: the table, the deadlines, the run queue. See park.h for
 * the lock.
 */
#include "mpm/threads/park.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/process/handover.h"
#include "mpm/module.h"
#include "mpm/conn/heads.h"
#include "mpm/conn/idle.h"
#include "mpm/conn/inbound.h"
#include "base/lock.h"
#include "mpm/process/shortage.h"
#include "mpm/threads/tags.h"
#include "mpm/threads/timers.h"

#define CHUNK 256

/* Retry interval after epoll_ctl() failed for lack of memory or watches. */
#define RETRY_INTERVAL apr_time_from_msec(50)

/* Longest wait for callbacks of other connections that may still use a resumed one. */
#define SETTLE_TIME apr_time_from_msec(50)

static pthread_mutex_t lock = LOCK_INITIALIZER;

/* Guarded by lock. */
static timeouts_t timeouts;
static conn_t **chunks;         /* the table, CHUNK connections each */
static apr_uint32_t table_used; /* entries that have ever been used */
static conn_t *free_list;
static conn_t *ready_first, *ready_last;
static conn_t *suspended;
/* linked by next: complete requests, kept during a hold */
static conn_t *held_first, *held_last;

/* Set by park_init, constant afterwards. */
static apr_uint32_t table_max;
static int wake_fd = -1;

/* Written under lock, read without: a hint. */
static _Atomic int in_use;
static _Atomic int ready_count;
/* when the next suspended connection has settled by time alone; 0: none */
static _Atomic apr_time_t settle_at;

void park_init(int max)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = TAG_WAKE };

    timeouts_init(&timeouts);
    table_max = (apr_uint32_t)max;
    chunks = calloc((size_t)max / CHUNK + 1, sizeof(*chunks));
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (chunks == NULL || wake_fd < 0
        || epoll_ctl(child.epoll_fd, EPOLL_CTL_ADD, wake_fd, &ev) != 0) {
        if (shortage_is(errno)) {
            shortage_of(errno, "start");
        }
        else {
            ap_log_error(
                APLOG_MARK, APLOG_EMERG, errno, ap_server_conf,
                "child %d cannot set up its table of %d connections; lower MPMMaxConnections",
                (int)getpid(), max);
        }
        exit(APEXIT_CHILDSICK);
    }
}

/* With lock. This thread takes ownership. */
static conn_t *owned(conn_t *k)
{
    MUST_HOLD(lock_is_mine(&lock));
    conn_own(k);
    return k;
}

int park_wake_fd(void)
{
    return wake_fd;
}

int park_count(void)
{
    return atomic_load_explicit(&in_use, memory_order_relaxed);
}

void park_wake_pollers(void)
{
    uint64_t one = 1;

    if (write(wake_fd, &one, sizeof(one)) < 0) {
        /* EAGAIN: the counter is full, the pollers are being woken. */
    }
}

/* With lock: an entry that was never used; NULL: none, or no memory. */
static conn_t *fresh_entry(void)
{
    conn_t *k;

    MUST_HOLD(lock_is_mine(&lock));
    if (table_used == table_max) {
        return NULL;
    }
    if (chunks[table_used / CHUNK] == NULL) {
        chunks[table_used / CHUNK] = calloc(CHUNK, sizeof(conn_t));
        if (chunks[table_used / CHUNK] == NULL) {
            return NULL;
        }
    }
    k = &chunks[table_used / CHUNK][table_used % CHUNK];
    k->index = table_used++;
    k->fd = -1;
    return k;
}

/* With lock. */
static void unpark(conn_t *k)
{
    MUST_HOLD(lock_is_mine(&lock));
    k->parked = 0;
    idle_leave(k);
}

static bool sends_head(mpm_hybrid_conn_e kind)
{
    return kind == MPM_HYBRID_CONN_NEW || kind == MPM_HYBRID_CONN_HANDSHAKE
        || kind == MPM_HYBRID_CONN_HEAD || kind == MPM_HYBRID_CONN_BODY;
}

void park_head_done(conn_t *k)
{
    MUST_HOLD(conn_is_mine(k));
    if (k->in_heads) {
        pthread_mutex_lock(&lock);
        heads_leave(k);
        pthread_mutex_unlock(&lock);
    }
}

/* With lock. Claim @a k from the list of heads. */
static void claim_head(conn_t *k)
{
    k->parked = 0;
    owned(k);
    timeouts_remove(&k->wait);
    heads_leave(k);
}

conn_t *park_oldest_head(void)
{
    conn_t *k;

    pthread_mutex_lock(&lock);
    for (k = heads_oldest(); k != NULL && !k->parked; k = k->younger) {
        continue;
    }
    if (k != NULL) {
        claim_head(k);
    }
    pthread_mutex_unlock(&lock);
    return k;
}

conn_t *park_oldest_idle(void)
{
    conn_t *k;

    pthread_mutex_lock(&lock);
    k = idle_oldest();
    if (k != NULL) {
        unpark(k);
        owned(k);
        timeouts_remove(&k->wait);
    }
    pthread_mutex_unlock(&lock);
    return k;
}

static int is_parked(const conn_t *k)
{
    return k->parked;
}

conn_t *park_largest_head(void)
{
    conn_t *k;

    pthread_mutex_lock(&lock);
    k = heads_largest(is_parked);
    if (k != NULL) {
        claim_head(k);
    }
    pthread_mutex_unlock(&lock);
    return k;
}

conn_t *park_conn_new(int fd)
{
    conn_t *k;

    pthread_mutex_lock(&lock);
    k = free_list;
    if (k != NULL) {
        free_list = k->next;
    }
    else {
        k = fresh_entry();
    }
    if (k != NULL) {
        owned(k);
        k->fd = fd;
        atomic_fetch_add_explicit(&in_use, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return k;
}

void park_forget_fd(conn_t *k)
{
    MUST_HOLD(conn_is_mine(k));
    pthread_mutex_lock(&lock);
    if (k->passed_on && k->registered) {
        /* Another process has the socket open, so close(2) would not remove it from epoll. */
        epoll_ctl(child.epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
        k->registered = 0;
    }
    k->fd = -1;
    pthread_mutex_unlock(&lock);
}

void park_conn_free(conn_t *k)
{
    pthread_mutex_lock(&lock);
    MUST_HOLD(!k->parked && conn_is_mine(k));
    heads_leave(k);
    k->owner = NULL;
    k->generation++;
    k->parked = 0;
    k->missed = 0;
    k->hangup = 0;
    k->urgent = 0;
    k->registered = 0;
    k->lasting = 0;
    k->fd = -1;
    k->sbh = NULL;
    k->next = free_list;
    free_list = k;
    atomic_fetch_sub_explicit(&in_use, 1, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
}

/* With lock: queue @a k for the ticker. */
static void add_deadline(conn_t *k, apr_time_t now, apr_interval_time_t timeout,
                         apr_interval_time_t look)
{
    MUST_HOLD(lock_is_mine(&lock));
    if (k->linger_started) {
        timeouts_add_at(&timeouts, &k->wait, k->deadline); /* one deadline for all its waits */
    }
    else if (look > 0) {
        timeouts_add_until(&timeouts, &k->wait, look, k->deadline, now);
    }
    else {
        timeouts_add(&timeouts, &k->wait, timeout, now);
    }
}

/*
 * With lock. Register for @a events; epoll reports pending ones at once. EPOLLRDHUP only with
 * EPOLLIN: it stays set, and would end every wait for room, which does not read, at once.
 */
static int arm(conn_t *k, uint32_t events, bool lasting)
{
    struct epoll_event ev = { .events = events | (events & EPOLLIN ? EPOLLRDHUP : 0)
                                  | (lasting ? EPOLLET : EPOLLONESHOT),
                              .data.u64 = TAG_CONN(k->index, k->generation) };

    MUST_HOLD(lock_is_mine(&lock));
    if (epoll_ctl(child.epoll_fd, k->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, k->fd, &ev) != 0) {
        return errno;
    }
    k->registered = 1;
    k->lasting = lasting != 0;
    return 0;
}

/*
 * With lock. Disable events until it is parked again: a worker runs it while its client keeps
 * sending.
 */
static void disarm(conn_t *k)
{
    struct epoll_event ev = { .events = EPOLLONESHOT,
                              .data.u64 = TAG_CONN(k->index, k->generation) };

    MUST_HOLD(lock_is_mine(&lock));
    if (k->fd >= 0 && k->lasting && epoll_ctl(child.epoll_fd, EPOLL_CTL_MOD, k->fd, &ev) == 0) {
        k->lasting = 0;
    }
}

apr_status_t park_wait(conn_t *k, park_for_e what, apr_time_t now, apr_interval_time_t timeout,
                       apr_interval_time_t look)
{
    apr_time_t due;
    int err = 0;

    k->expired = 0;
    pthread_mutex_lock(&lock);
    MUST_HOLD(!k->parked && k->fd >= 0 && conn_is_mine(k));
    /* Unless EPOLLET is registered and reports all bytes since the socket was dry. */
    if (what != PARK_FOR_MORE || !k->lasting || k->missed || k->hangup) {
        err = arm(k, what == PARK_FOR_ROOM ? EPOLLOUT : EPOLLIN | (k->urgent ? 0 : EPOLLPRI),
                  what == PARK_FOR_MORE);
        if (err != 0 && !shortage_is(err)) {
            pthread_mutex_unlock(&lock);
            return err;
        }
    }
    k->unwatched = err != 0;
    if (k->unwatched && (look == 0 || look > RETRY_INTERVAL)) {
        /* only the ticker wakes it: the worker then retries its step */
        look = RETRY_INTERVAL;
    }
    k->deadline = now + timeout;
    k->parked = 1;
    k->owner = NULL;
    k->missed = 0;
    k->hangup = 0;
    if (!sends_head(k->kind)) {
        heads_leave(k);
        if (idle_is(k)) {
            idle_enter(k);
        }
    }
    else {
        heads_enter(k);
        heads_hold(k, inbound_held(k));
    }
    add_deadline(k, now, timeout, look);
    due = timeouts_deadline(&k->wait);
    pthread_mutex_unlock(&lock);
    child_ticker_due(due);
    if (err != 0) {
        shortage_of(err, "watch a connection");
    }
    return APR_SUCCESS;
}

conn_t *park_claim(uint64_t tag, uint32_t events)
{
    apr_uint32_t index = TAG_LOW(tag);
    conn_t *k = NULL;

    pthread_mutex_lock(&lock);
    if (index < table_used) {
        k = &chunks[index / CHUNK][index % CHUNK];
        if (TAG_CONN(k->index, k->generation) != tag) {
            k = NULL;
        }
        else if (k->parked) {
            unpark(k);
            owned(k);
            k->urgent |= (events & EPOLLPRI) != 0;
            k->hangup = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
            timeouts_remove(&k->wait);
        }
        else {
            if (k->missed) {
                disarm(k);
            }
            k->missed = 1;
            k = NULL;
        }
    }
    pthread_mutex_unlock(&lock);
    return k;
}

conn_t *park_next_due(apr_time_t now, apr_time_t *next)
{
    timeouts_entry_t *e;
    conn_t *k = NULL;

    pthread_mutex_lock(&lock);
    e = timeouts_pop_expired(&timeouts, now);
    if (e != NULL) {
        k = (conn_t *)((char *)e - offsetof(conn_t, wait));
        unpark(k);
        owned(k);
        k->missed = 0;
        k->expired = k->deadline <= now;
        *next = now;
    }
    else {
        *next = timeouts_next(&timeouts) == TIMEOUTS_NEVER ? 0 : timeouts_next(&timeouts);
    }
    pthread_mutex_unlock(&lock);
    return k;
}

/* With lock. */
static void append_ready(conn_t *k)
{
    MUST_HOLD(lock_is_mine(&lock));
    MUST_HOLD(!k->parked);
    k->owner = NULL;
    k->next = NULL;
    if (ready_last != NULL) {
        ready_last->next = k;
    }
    else {
        ready_first = k;
    }
    ready_last = k;
    atomic_fetch_add_explicit(&ready_count, 1, memory_order_relaxed);
}

void park_again(conn_t *k, apr_interval_time_t look)
{
    apr_time_t now = clock_now();
    int missed;

    MUST_HOLD(conn_is_mine(k));
    pthread_mutex_lock(&lock);
    missed = k->missed;
    if (missed) {
        append_ready(k);
    }
    else {
        k->parked = 1;
        k->owner = NULL;
        add_deadline(k, now, k->deadline - now, look);
    }
    pthread_mutex_unlock(&lock);
    if (missed) {
        park_wake_pollers();
    }
}

void park_ready(conn_t *k)
{
    MUST_HOLD(conn_is_mine(k));
    pthread_mutex_lock(&lock);
    append_ready(k);
    pthread_mutex_unlock(&lock);
    park_wake_pollers();
}

conn_t *park_take_ready(void)
{
    conn_t *k;

    if (atomic_load_explicit(&ready_count, memory_order_relaxed) == 0) {
        return NULL;
    }
    pthread_mutex_lock(&lock);
    k = ready_first;
    if (k != NULL) {
        ready_first = k->next;
        if (ready_first == NULL) {
            ready_last = NULL;
        }
        atomic_fetch_sub_explicit(&ready_count, 1, memory_order_relaxed);
        owned(k);
    }
    pthread_mutex_unlock(&lock);
    return k;
}

void park_suspend(conn_t *k)
{
    MUST_HOLD(conn_is_mine(k));
    pthread_mutex_lock(&lock);
    k->owner = NULL;
    k->settles = 0;
    k->settled_itself = 0;
    k->next = suspended;
    suspended = k;
    pthread_mutex_unlock(&lock);
    park_check_suspended(NULL);
}

/* With lock. Whether no callback can be using @a k any more. */
static bool has_settled(conn_t *k, const void *ended, const timers_runners_t *runners,
                        apr_time_t now)
{
    MUST_HOLD(lock_is_mine(&lock));
    if (__atomic_load_n(&k->pub.state, __ATOMIC_ACQUIRE) == CONN_STATE_SUSPENDED) {
        return false;
    }
    if (k->settles == 0) {
        k->settles = timers_next_number();
        k->settles_at = now + SETTLE_TIME;
    }
    k->settled_itself |= k == ended;
    return !timers_runs_before(runners, k->settles,
                               now < k->settles_at     ? TIMERS_ANY
                                   : k->settled_itself ? TIMERS_OF
                                                       : TIMERS_OF_OR_NONE,
                               k);
}

void park_check_suspended(const void *ended)
{
    apr_time_t now = clock_now(), next = 0;
    timers_runners_t runners;
    conn_t **link, *k;
    bool queued = false;

    timers_runners(&runners);
    pthread_mutex_lock(&lock);
    link = &suspended;
    while ((k = *link) != NULL) {
        if (!has_settled(k, ended, &runners, now)) {
            if (k->settles != 0 && now < k->settles_at && (next == 0 || k->settles_at < next)) {
                next = k->settles_at;
            }
            link = &k->next;
            continue;
        }
        *link = k->next;
        append_ready(k);
        queued = true;
    }
    atomic_store_explicit(&settle_at, next, memory_order_relaxed);
    pthread_mutex_unlock(&lock);
    if (queued) {
        park_wake_pollers();
    }
    if (next != 0) {
        child_ticker_due(next);
    }
}

apr_time_t park_settle(apr_time_t now)
{
    apr_time_t due = atomic_load_explicit(&settle_at, memory_order_relaxed);

    if (due != 0 && due <= now) {
        park_check_suspended(NULL);
        due = atomic_load_explicit(&settle_at, memory_order_relaxed);
    }
    return due;
}

void park_hold(conn_t *k)
{
    bool over;

    pthread_mutex_lock(&lock);
    MUST_HOLD(conn_is_mine(k));
    k->owner = NULL;
    /* Under the lock: park_release_held() runs after the change of state. */
    over = handover_state() != HANDOVER_HOLD;
    k->expired = 0;
    heads_leave(k);
    if (over) {
        append_ready(k);
    }
    else {
        k->next = NULL;
        *(held_last != NULL ? &held_last->next : &held_first) = k;
        held_last = k;
    }
    pthread_mutex_unlock(&lock);
    if (over) {
        park_wake_pollers();
    }
}

void park_release_held(void)
{
    conn_t *k;

    MUST_HOLD(handover_state() != HANDOVER_HOLD);
    pthread_mutex_lock(&lock);
    while ((k = held_first) != NULL) {
        held_first = k->next;
        append_ready(k);
    }
    held_last = NULL;
    pthread_mutex_unlock(&lock);
    park_wake_pollers();
}

/* Connections that are to be passed on, and idle ones that cannot be; steps.c decides. */
static int concerns_handover(const conn_t *k)
{
    bool plain;

    if (k->inbound == NULL || k->multiplexed) {
        return 0;
    }
    plain = inbound_is_plain(k->c);
    if (k->kind == MPM_HYBRID_CONN_KEEPALIVE) {
        return !plain || handover_state() == HANDOVER_GIVE;
    }
    return plain && handover_state() == HANDOVER_GIVE
        && (k->kind == MPM_HYBRID_CONN_NEW || k->kind == MPM_HYBRID_CONN_HEAD
            || k->kind == MPM_HYBRID_CONN_BODY);
}

static int is_idle_multiplexed(const conn_t *k)
{
    return k->multiplexed && k->kind == MPM_HYBRID_CONN_KEEPALIVE;
}

static void ready_those(int (*is_one)(const conn_t *))
{
    apr_uint32_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < table_used; i++) {
        conn_t *k = &chunks[i / CHUNK][i % CHUNK];

        if (k->parked && is_one(k)) {
            unpark(k);
            k->expired = 0;
            timeouts_remove(&k->wait);
            append_ready(k);
        }
    }
    pthread_mutex_unlock(&lock);
    park_wake_pollers();
}

void park_ready_waiting(void)
{
    ready_those(concerns_handover);
}

void park_ready_multiplexed(void)
{
    ready_those(is_idle_multiplexed);
}

void park_move_to_slot(int slot)
{
    apr_uint32_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < table_used; i++) {
        conn_t *k = &chunks[i / CHUNK][i % CHUNK];

        if (k->fd >= 0 && k->sbh != NULL) {
            ap_update_sb_handle(k->sbh, slot, k->times.worker);
        }
    }
    pthread_mutex_unlock(&lock);
}

void park_hurry_linger(apr_interval_time_t most)
{
    apr_time_t now = clock_now();
    apr_uint32_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < table_used; i++) {
        conn_t *k = &chunks[i / CHUNK][i % CHUNK];

        if (k->parked && k->linger_started && k->deadline > now + most) {
            timeouts_remove(&k->wait);
            k->deadline = k->linger_until = now + most;
            add_deadline(k, now, most, 0);
        }
    }
    pthread_mutex_unlock(&lock);
}

void park_cut_all(void)
{
    apr_uint32_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < table_used; i++) {
        conn_t *k = &chunks[i / CHUNK][i % CHUNK];

        if (k->fd >= 0) {
            shutdown(k->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&lock);
}
