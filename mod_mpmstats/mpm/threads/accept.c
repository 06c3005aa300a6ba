/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepting connections.
 *
 * A poller that found nothing else to do accepts one connection and looks again: the listener stays
 * readable, so the next one goes to whichever process polls next. One that found other events too
 * accepts as many as those were: new clients get their turn beside the old ones, not after them. A
 * process that is at its limit (room.h), or that has run out of descriptors or memory, takes its
 * listeners out of epoll and leaves the connections to the others, whom it tells, or to the
 * kernel's queue.
 */
#include "mpm/threads/accept.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_portable.h"
#include "ap_listen.h"
#include "http_core.h"
#include "mpm_common.h"
#include "mpm/threads/child.h"
#include "mpm/conn/conn.h"
#include "mpm/process/doors.h"
#include "mpm/module.h"
#include "base/lock.h"
#include "mpm/threads/park.h"
#include "mpm/conn/pools.h"
#include "mpm/threads/room.h"
#include "mpm/process/shortage.h"
#include "mpm/threads/spread.h"
#include "mpm/conn/tags.h"

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

/* How long to leave the listeners alone after a shortage of descriptors or memory. */
#define SHORTAGE_PAUSE apr_time_from_msec(100)

/* The handshakes that had begun when new ones were refused get so long to complete. */
#define DRAIN_LEAST apr_time_from_msec(100)
#define DRAIN_MOST apr_time_from_sec(2)

ap_listen_rec **accept_buckets;

/* Made in accept_start; constant afterwards. */
static door_t *listeners;
static unsigned listener_count;

static pthread_mutex_t lock = LOCK_INITIALIZER;

/* Guarded by lock. */
static int open_for_us; /* sockets are open */
static int in_epoll;
static int on_hold;                        /* not to be in epoll: a restart */
static apr_time_t resume_at;               /* 0: not because of a shortage */
static apr_time_t drain_from, drain_until; /* 0: not draining */

/* Written under lock, read without: a hint. */
static _Atomic int full; /* out of epoll because of the connection limit */
/* accept_finish() has been called, and the queue was not found empty yet */
static _Atomic int last_call;

/* ---- which listeners speak HTTP ----------------------------------------- */

/* `AcceptFilter PROTOCOL none` is how httpd's documentation has an administrator
 * say that the server speaks first. */
static int accept_filter_is_none(const char *protocol)
{
    const core_server_config *core = ap_get_core_module_config(ap_server_conf->module_config);
    const char *name = core->accf_map ? apr_table_get(core->accf_map, protocol) : NULL;

    return name != NULL && ap_cstr_casecmp(name, "none") == 0;
}

int accept_speaks_http(const ap_listen_rec *lr)
{
    const char *protocol = lr->protocol;

    if (protocol == NULL) {
        protocol = "http";
    }
    if (ap_cstr_casecmp(protocol, "http") != 0 && ap_cstr_casecmp(protocol, "https") != 0) {
        return 0;
    }
    return !accept_filter_is_none(protocol);
}

/* ---- in and out of epoll (with lock) ------------------------------------ */

static void watch_listener(const door_t *l)
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

/* Behind the other processes that wait for it; what it has is told at once. */
static void watch_anew(const door_t *l)
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
    listeners = doors_list(child.pool, &listener_count);
    pthread_mutex_lock(&lock);
    open_for_us = 1;
    add_to_epoll();
    pthread_mutex_unlock(&lock);
}

/* ---- accepting ---------------------------------------------------------- */

/*
 * The socket itself is of no use any more. Other errors are those of one connection, or of the
 * network.
 */
int accept_is_broken(apr_status_t rv)
{
    return rv == EBADF || rv == ENOTSOCK || rv == EINVAL || rv == APR_EGENERAL;
}

/* With lock. */
static void pause_for_shortage(apr_status_t rv)
{
    MUST_HOLD(lock_is_mine(&lock));
    take_from_epoll();
    resume_at = child_now() + SHORTAGE_PAUSE;
    /* the kernel has woken us, and will wake nobody else for it */
    child_pass_listeners_on();
    shortage_of(rv, "accept connections, which wait in the kernel's queue,");
}

/* With lock. The kernel has told us of a connection, and will tell nobody else of it. */
static void leave_to_others(void)
{
    MUST_HOLD(lock_is_mine(&lock));
    take_from_epoll();
    atomic_store(&full, 1);
    if (room_elsewhere() != ROOM_NONE) {
        child_pass_listeners_on();
    }
}

/* One accept(2), with the lock that keeps the socket open. NULL: nothing, or it was dealt with. */
static apr_socket_t *accept_locked(door_t *l, apr_pool_t *pool, apr_status_t *rv)
{
    void *sock = NULL;

    *rv = APR_EAGAIN;
    pthread_mutex_lock(&lock);
    if (!open_for_us || !in_epoll) {
        pthread_mutex_unlock(&lock);
        return NULL;
    }
    if (park_count() >= child.max_connections || !room_to_accept(1)) {
        leave_to_others();
        pthread_mutex_unlock(&lock);
        accept_room(); /* the last one may have gone just now */
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

/* Said once a second at most, however many go. */
static void say_shed(void)
{
    static _Atomic apr_time_t said;
    static _Atomic unsigned dropped;
    apr_time_t now = child_now();
    apr_time_t last = atomic_load(&said);
    unsigned n = atomic_fetch_add(&dropped, 1) + 1;

    if (now - last < apr_time_from_sec(1) || !atomic_compare_exchange_strong(&said, &last, now)) {
        return;
    }
    atomic_fetch_sub(&dropped, n);
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "child %d is at its limit of %d connections: dropped %u that had not sent "
                 "a whole request, to make room for new ones. Raise MPMMaxConnections or the "
                 "limit on open files, or lower the budgets of RequestReadTimeout",
                 (int)getpid(), child.max_connections, n);
}

/* At the limit of all processes, whoever has taken longest to send a request makes room. */
static void make_room(worker_t *w)
{
    while (park_count() >= child.max_connections && room_to_accept(1)) {
        conn_t *k = park_oldest_head();

        if (k == NULL) {
            return;
        }
        conn_shed(w, k);
        say_shed();
    }
}

/* Go to the end of the listener's queue, and off the core if somebody else wants it. */
static void let_others_go_first(const door_t *l)
{
    pthread_mutex_lock(&lock);
    if (in_epoll) {
        watch_anew(l);
    }
    pthread_mutex_unlock(&lock);
    sched_yield();
}

int accept_ready(worker_t *w, unsigned n)
{
    door_t *l = &listeners[n];
    apr_pool_t *pool;
    apr_socket_t *sock;
    apr_status_t rv;

    make_room(w);
    rv = pools_get(&pool);
    if (rv != APR_SUCCESS) {
        pthread_mutex_lock(&lock);
        pause_for_shortage(rv);
        pthread_mutex_unlock(&lock);
        return 0;
    }
    sock = accept_locked(l, pool, &rv);
    if (sock == NULL) {
        pools_put(pool);
        if (accept_is_broken(rv)) {
            ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                         "listening socket %pI is broken, child %d stops gracefully",
                         l->listener->bind_addr, (int)getpid());
            child_stop(CHILD_GRACEFUL);
        }
        return 0;
    }
    count_accepted();
    conn_begin(w, pool, sock, l->looks);
    if (spread_above_share()) {
        let_others_go_first(l);
        return 0;
    }
    return 1;
}

/* ---- the last ones ------------------------------------------------------ */

void accept_refuse_new(void)
{
    /* Drop segments with SYN and without ACK: byte 13 of the TCP header. */
    static struct sock_filter drop_syn[] = { BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
                                             BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
                                             BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
                                             BPF_STMT(BPF_RET | BPF_K, 0),
                                             BPF_STMT(BPF_RET | BPF_K, 0xffffffff) };
    static const struct sock_fprog program = { sizeof(drop_syn) / sizeof(drop_syn[0]), drop_syn };
    ap_listen_rec *lr;
    int b;

    /*
     * Who begins a connection then waits for the next start. The filter would stay on the socket.
     */
    if (hybrid_retained->sockets_outlive) {
        return;
    }
    for (b = 0; b < ap_num_listen_buckets; b++) {
        for (lr = accept_buckets[b]; lr != NULL; lr = lr->next) {
            apr_os_sock_t fd;

            /* Where it cannot be done, a connection may be reset when the socket is closed. */
            if (apr_os_sock_get(&fd, lr->sd) == APR_SUCCESS
                && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
                ap_log_error(APLOG_MARK, APLOG_DEBUG, errno, ap_server_conf,
                             "cannot hold new connections off %pI", lr->bind_addr);
            }
        }
    }
}

static int waiting(void)
{
    unsigned i;
    int n = 0;

    for (i = 0; i < listener_count; i++) {
        struct tcp_info info;
        socklen_t len = sizeof(info);

        if (getsockopt(listeners[i].fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
            n += (int)info.tcpi_unacked;
        }
    }
    return n;
}

void accept_drain(void)
{
    apr_time_t now = child_now();

    pthread_mutex_lock(&lock);
    drain_from = now + DRAIN_LEAST;
    drain_until = now + DRAIN_MOST;
    pthread_mutex_unlock(&lock);
}

int accept_draining(void)
{
    apr_time_t now = child_now();
    int over;

    pthread_mutex_lock(&lock);
    if (drain_until == 0) {
        pthread_mutex_unlock(&lock);
        return 0;
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
        drain_from = drain_until = child_now() + DRAIN_MOST;
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

/* The next of the last ones, NULL when there is none. @a n: out, its listener. */
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

void accept_last(worker_t *w)
{
    apr_pool_t *pool;
    apr_socket_t *sock = NULL;
    unsigned n = 0;

    if (park_count() < child.max_connections && pools_get(&pool) == APR_SUCCESS) {
        sock = next_of_last(pool, &n);
        if (sock == NULL) {
            pools_put(pool);
        }
    }
    if (sock == NULL) {
        accept_stop();
        child_wake_ticker();
        return;
    }
    park_wake_pollers(); /* for the next one, should this one block */
    count_accepted();
    conn_begin(w, pool, sock, listeners[n].looks);
}

static void look_for_room(int by_worker)
{
    if (atomic_load_explicit(&child.stopping, memory_order_relaxed) != CHILD_RUNNING) {
        if (park_count() == 0) {
            child_wake_ticker();
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

    look_for_room(0);
    pthread_mutex_lock(&lock);
    for (i = 0; in_epoll && i < listener_count; i++) {
        fd.fd = listeners[i].fd;
        if (poll(&fd, 1, 0) == 1) {
            /* EPOLLEXCLUSIVE wakes one process. Added anew it tells us, whoever that was. */
            watch_anew(&listeners[i]);
        }
    }
    pthread_mutex_unlock(&lock);
}

void accept_room(void)
{
    look_for_room(1);
}

apr_time_t accept_resume(apr_time_t now)
{
    apr_time_t next;

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
        /* workers have become idle, or no other process has room any more */
        look_for_room(0);
    }
    return next;
}
