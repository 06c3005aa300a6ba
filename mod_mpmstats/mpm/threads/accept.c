/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepting connections.
 *
 * A poller without other events accepts one connection and polls again: the listener stays
 * readable, so the next connection goes to the process that polls next. A poller with other events
 * accepts as many connections as it has events, so new clients get their share beside the old ones.
 * A process that is at its limit (room.h), or out of descriptors or memory, removes its listeners
 * from epoll and leaves the connections to the others, which the parent notifies, or in the
 * kernel's queue.
 */
#include "mpm/threads/accept.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "apr_portable.h"
#include "mpm_common.h"
#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/process/listeners.h"
#include "mpm/module.h"
#include "base/lock.h"
#include "mpm/threads/begin.h"
#include "mpm/threads/park.h"
#include "mpm/conn/pools.h"
#include "mpm/threads/room.h"
#include "mpm/process/rarely.h"
#include "mpm/process/shortage.h"
#include "mpm/threads/spread.h"
#include "mpm/threads/steps.h"
#include "mpm/threads/tags.h"

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

/* Least interval between requests that other processes check their listeners. */
#define PASS_ON_LEAST apr_time_from_msec(5)

/* Time for TCP handshakes that began before new ones were refused to complete. */
#define DRAIN_LEAST apr_time_from_msec(100)
#define DRAIN_MOST apr_time_from_sec(2)

/* Created in accept_start; constant afterwards. */
static listener_t *listeners;
static unsigned listener_count;

static pthread_mutex_t lock = LOCK_INITIALIZER;

/* Guarded by lock. */
static int open_for_us; /* sockets are open */
static int in_epoll;
static int on_hold;                        /* out of epoll for a restart */
static apr_time_t resume_at;               /* end of the pause after a shortage, 0: none */
static apr_time_t drain_from, drain_until; /* 0: not draining */

/* Written under lock, read without: a hint. */
static _Atomic int full;             /* out of epoll because of a limit (room.h) */
static _Atomic apr_time_t passed_on; /* when CHILD_LOOK was last sent */
static _Atomic int to_pass_on;       /* CHILD_LOOK is to be sent, by the ticker when it is due */
/* accept_finish() was called, and the queue has not been found empty yet */
static _Atomic int last_call;

/* ---- in and out of epoll (with lock) ------------------------------------ */

static void watch_listener(const listener_t *l)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE,
                              .data.u64 = TAG_LISTENER(l - listeners) };

    MUST_HOLD(lock_is_mine(&lock));
    if (epoll_ctl(child.epoll_fd, EPOLL_CTL_ADD, l->fd, &ev) == 0) {
        return;
    }
    if (shortage_is(errno)) {
        shortage_of(errno, "watch a listening socket"); /* accept_look() tries again */
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, ap_server_conf,
                     "cannot watch the listening socket %pI", l->listener->bind_addr);
    }
}

/* Move behind the other processes in the wait queue; epoll reports pending connections again. */
static void watch_anew(const listener_t *l)
{
    epoll_ctl(child.epoll_fd, EPOLL_CTL_DEL, l->fd, NULL);
    watch_listener(l);
}

static void add_to_epoll(void)
{
    unsigned i;

    MUST_HOLD(lock_is_mine(&lock));
    if (in_epoll || !open_for_us || on_hold) {
        return;
    }
    for (i = 0; i < listener_count; i++) {
        watch_listener(&listeners[i]);
    }
    in_epoll = 1;
    child.score->not_accepting = 0;
    shared_set(child.stats->not_accepting, 0);
}

static void take_from_epoll(void)
{
    unsigned i;

    MUST_HOLD(lock_is_mine(&lock));
    if (!in_epoll) {
        return;
    }
    for (i = 0; i < listener_count; i++) {
        epoll_ctl(child.epoll_fd, EPOLL_CTL_DEL, listeners[i].fd, NULL);
    }
    in_epoll = 0;
    child.score->not_accepting = 1;
    shared_set(child.stats->not_accepting, 1);
}

/* ---- starting ----------------------------------------------------------- */

void accept_start(void)
{
    listeners = listeners_list(child.pool, &listener_count);
    pthread_mutex_lock(&lock);
    open_for_us = 1;
    add_to_epoll();
    pthread_mutex_unlock(&lock);
}

/* ---- notifying the others ----------------------------------------------- */

static void pass_on(apr_time_t now)
{
    atomic_store(&to_pass_on, 0);
    atomic_store(&passed_on, now);
    child_tell_parent(CHILD_LOOK); /* idle processes check by themselves only once a second */
}

/* This process cannot accept the waiting connections: notify the others. Any thread. */
static void pass_listeners_on(void)
{
    apr_time_t now = clock_now();
    apr_time_t due = atomic_load(&passed_on) + PASS_ON_LEAST;

    if (now >= due) {
        pass_on(now);
        return;
    }
    atomic_store(&to_pass_on, 1);
    child_ticker_due(due);
}

/* Returns the time of the next call, 0 for never. */
static apr_time_t pass_on_if_due(apr_time_t now)
{
    apr_time_t due = atomic_load(&passed_on) + PASS_ON_LEAST;

    if (!atomic_load(&to_pass_on)) {
        return 0;
    }
    if (now < due) {
        return due;
    }
    pass_on(now);
    return 0;
}

/* ---- accepting ---------------------------------------------------------- */

/* With lock. */
static void pause_for_shortage(apr_status_t rv)
{
    MUST_HOLD(lock_is_mine(&lock));
    take_from_epoll();
    resume_at = clock_now() + SHORTAGE_PAUSE;
    if (rv == EMFILE) {
        room_was_short();
    }
    if (room_is_full()) {
        child_ask_for_help(); /* if all are, the parent starts another */
    }
    /* the kernel has woken this process only */
    pass_listeners_on();
    shortage_of_accepting(rv);
}

/* With lock. The kernel has notified only this process of the connection. */
static void leave_to_others(void)
{
    MUST_HOLD(lock_is_mine(&lock));
    take_from_epoll();
    atomic_store(&full, 1);
    if (room_elsewhere() != ROOM_NONE) {
        pass_listeners_on();
    }
    if (room_is_full()) {
        child_ask_for_help(); /* if all are, the parent starts another */
    }
}

/* One accept(2), under the lock that keeps the socket open. NULL: none; errors were handled. */
static apr_socket_t *accept_locked(listener_t *l, apr_pool_t *pool, apr_status_t *rv)
{
    void *sock = NULL;

    *rv = APR_EAGAIN;
    pthread_mutex_lock(&lock);
    if (!open_for_us || !in_epoll) {
        pthread_mutex_unlock(&lock);
        return NULL;
    }
    if (room_is_full() || !room_to_accept(true)) {
        leave_to_others();
        pthread_mutex_unlock(&lock);
        accept_room(); /* a connection may have ended meanwhile */
        return NULL;
    }
    *rv = l->listener->accept_func(&sock, l->listener, pool);
    if (shortage_is(*rv)) {
        pause_for_shortage(*rv);
    }
    pthread_mutex_unlock(&lock);
    return sock;
}

/* MaxConnectionsPerChild */
static void count_accepted(void)
{
    apr_uint64_t n = atomic_fetch_add_explicit(&child.stats->accepted, 1, memory_order_relaxed) + 1;

    if (ap_max_requests_per_child > 0 && n == (apr_uint64_t)ap_max_requests_per_child) {
        ap_log_error(APLOG_MARK, APLOG_TRACE1, 0, ap_server_conf,
                     "child %d has served MaxConnectionsPerChild", (int)getpid());
        child_stop(CHILD_GRACEFUL);
    }
}

static void say_shed(void)
{
    static rarely_t shed;
    unsigned n = rarely_say(&shed);

    if (n > 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "child %d is at its limit of %d connections and %d open files for them: "
                     "dropped %u that were idle HTTP/2 connections or had not sent a whole "
                     "request, to make room for new ones. Raise MPMMaxConnections, the limit on "
                     "open files (LimitNOFILE= of the service, ulimit -Hn) or ServerLimit, or "
                     "lower KeepAliveTimeout or the budgets of RequestReadTimeout",
                     (int)getpid(), child.max_connections, atomic_load(&child.max_files), n);
    }
}

/*
 * When no process has room, and none can be started, end the HTTP/2 connections that are idle
 * longest, then those that have taken longest to send a request.
 */
static void make_room(conn_worker_t *w)
{
    while (room_is_full() && room_to_accept(true)) {
        conn_t *k = park_oldest_idle();

        if (k != NULL) {
            steps_shed_idle(w, k);
        }
        else if ((k = park_oldest_head()) != NULL) {
            steps_shed(w, k);
        }
        else {
            return;
        }
        say_shed();
    }
}

/* Move to the end of the listener's wait queue, and yield the core. */
static void let_others_go_first(const listener_t *l)
{
    pthread_mutex_lock(&lock);
    if (in_epoll) {
        watch_anew(l);
    }
    pthread_mutex_unlock(&lock);
    sched_yield();
}

bool accept_ready(conn_worker_t *w, unsigned n)
{
    listener_t *l = &listeners[n];
    apr_pool_t *pool;
    apr_socket_t *sock;
    apr_status_t rv;

    make_room(w);
    rv = pools_get(&pool);
    if (rv != APR_SUCCESS) {
        pthread_mutex_lock(&lock);
        pause_for_shortage(rv);
        pthread_mutex_unlock(&lock);
        return false;
    }
    sock = accept_locked(l, pool, &rv);
    if (sock == NULL) {
        pools_put(pool);
        if (listeners_is_broken(l, rv)) {
            child_stop(CHILD_GRACEFUL);
        }
        return false;
    }
    count_accepted();
    begin_accepted(w, pool, sock, l->looks);
    if (spread_above_share()) {
        let_others_go_first(l);
        return false;
    }
    return true;
}

/* ---- the last ones ------------------------------------------------------ */

static int waiting(void)
{
    unsigned i;
    int n = 0, most;

    for (i = 0; i < listener_count; i++) {
        n += listeners_queue(listeners[i].fd, &most);
    }
    return n;
}

void accept_drain(void)
{
    apr_time_t now = clock_now();

    pthread_mutex_lock(&lock);
    drain_from = now + DRAIN_LEAST;
    drain_until = now + DRAIN_MOST;
    pthread_mutex_unlock(&lock);
}

bool accept_draining(void)
{
    apr_time_t now = clock_now();
    bool over;

    pthread_mutex_lock(&lock);
    if (drain_until == 0) {
        pthread_mutex_unlock(&lock);
        return false;
    }
    over = now >= drain_until || (now >= drain_from && waiting() == 0);
    pthread_mutex_unlock(&lock);
    if (over) {
        accept_stop();
    }
    return !over;
}

void accept_hold(void)
{
    pthread_mutex_lock(&lock);
    on_hold = 1;
    take_from_epoll();
    pthread_mutex_unlock(&lock);
}

void accept_go_on(void)
{
    pthread_mutex_lock(&lock);
    on_hold = 0;
    if (resume_at == 0 && !atomic_load(&full)) {
        add_to_epoll();
    }
    pthread_mutex_unlock(&lock);
}

void accept_stop(void)
{
    pthread_mutex_lock(&lock);
    drain_until = 0;
    atomic_store(&last_call, 0);
    take_from_epoll();
    if (open_for_us) {
        open_for_us = 0;
        ap_close_listeners();
    }
    pthread_mutex_unlock(&lock);
}

void accept_finish(void)
{
    int taking;

    pthread_mutex_lock(&lock);
    taking = in_epoll;
    take_from_epoll();
    if (taking) {
        drain_from = drain_until = clock_now() + DRAIN_MOST;
        atomic_store(&last_call, 1);
    }
    pthread_mutex_unlock(&lock);
    if (taking) {
        park_wake_pollers();
    }
    else {
        accept_stop();
    }
}

int accept_has_last(void)
{
    return atomic_load_explicit(&last_call, memory_order_relaxed);
}

/* Accept the next of the last connections; NULL: none. @a n: out, its listener. */
static apr_socket_t *next_of_last(apr_pool_t *pool, unsigned *n)
{
    void *sock = NULL;

    pthread_mutex_lock(&lock);
    for (*n = 0; *n < listener_count && atomic_load(&last_call); ++*n) {
        if (listeners[*n].listener->accept_func(&sock, listeners[*n].listener, pool)
            == APR_SUCCESS) {
            break;
        }
        sock = NULL;
    }
    pthread_mutex_unlock(&lock);
    return sock;
}

void accept_last(conn_worker_t *w)
{
    apr_pool_t *pool;
    apr_socket_t *sock = NULL;
    unsigned n = 0;

    if (!room_is_full() && pools_get(&pool) == APR_SUCCESS) {
        sock = next_of_last(pool, &n);
        if (sock == NULL) {
            pools_put(pool);
        }
    }
    if (sock == NULL) {
        accept_stop();
        child_wake();
        return;
    }
    park_wake_pollers(); /* for the next connection, in case this one blocks */
    count_accepted();
    begin_accepted(w, pool, sock, listeners[n].looks);
}

static void look_for_room(bool by_worker)
{
    if (atomic_load_explicit(&child.stopping, memory_order_relaxed) != CHILD_RUNNING) {
        if (park_count() == 0) {
            child_wake();
        }
        return;
    }
    if (!atomic_load(&full)) {
        return;
    }
    pthread_mutex_lock(&lock);
    if (atomic_load(&full) && room_to_accept(by_worker)) {
        atomic_store(&full, 0);
        if (resume_at == 0) {
            add_to_epoll();
        }
    }
    pthread_mutex_unlock(&lock);
}

void accept_look(void)
{
    struct pollfd fd = { .events = POLLIN };
    unsigned i;

    look_for_room(false);
    pthread_mutex_lock(&lock);
    for (i = 0; in_epoll && i < listener_count; i++) {
        fd.fd = listeners[i].fd;
        if (poll(&fd, 1, 0) == 1) {
            /* EPOLLEXCLUSIVE has woken one process, maybe another: adding it again reports here. */
            watch_anew(&listeners[i]);
        }
    }
    pthread_mutex_unlock(&lock);
}

void accept_room(void)
{
    look_for_room(true);
}

apr_time_t accept_resume(apr_time_t now)
{
    apr_time_t next, look = pass_on_if_due(now);

    room_look();
    pthread_mutex_lock(&lock);
    if (resume_at != 0 && resume_at <= now) {
        resume_at = 0;
        if (!atomic_load(&full)) {
            add_to_epoll();
        }
    }
    next = resume_at;
    pthread_mutex_unlock(&lock);
    if (atomic_load(&full)) {
        /* workers may have become idle, or the other processes full */
        look_for_room(false);
    }
    return next == 0 || (look != 0 && look < next) ? look : next;
}
