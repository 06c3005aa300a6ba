/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every child has the listening sockets and the lobby's queue in its epoll instance, and takes one
 * event at a time. It runs a connection when the first request is complete; otherwise it passes it
 * to the lobby, or keeps it if TLS prevents that (pending_tls.h). A draining child leaves the
 * listeners at once; at the end of its generation it serves the lobby's queue until end of file.
 */
#include "mpm/prefork/prefork.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "apr_portable.h"
#include "ap_listen.h"
#include "http_core.h"
#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/conn/inbound.h"
#include "mpm/conn/pools.h"
#include "mpm/conn/server.h"
#include "mpm/module.h"
#include "mpm/prefork/pending_tls.h"
#include "mpm/prefork/peek.h"
#include "mpm/prefork/serve.h"
#include "mpm/prefork/told.h"
#include "mpm/prefork/watch.h"
#include "mpm/process/child.h"
#include "mpm/process/crash.h"
#include "mpm/process/handover.h"
#include "mpm/process/life.h"
#include "mpm/process/listeners.h"
#include "mpm/process/memory.h"
#include "mpm/process/shortage.h"

/* Interval at which an idle child checks for its parent and for waiting connections. */
#define PARENT_LOOK_MS 1000

/* Retry interval after epoll_ctl() failed or watch_stand_aside(). */
#define WATCH_PAUSE_MS 50

/* Checks without idle children until a child with pending TLS connections takes others. */
#define LOOKS_FOR_IDLE 4

static ap_sb_handle_t *sbh; /* constant after set_up() */

/* ---- accepting ---------------------------------------------------------- */

/* The connection, or NULL: none, or an error, which it handles. */
static apr_socket_t *accept_from(const listener_t *l, apr_pool_t *pool)
{
    void *sock = NULL;
    apr_status_t rv = l->listener->accept_func(&sock, l->listener, pool);

    if (rv == APR_SUCCESS) {
        return sock;
    }
    if (shortage_is(rv)) {
        shortage_pause_accepting(rv);
    }
    else if (listeners_is_broken(l, rv)) {
        told_begin_end(TOLD_RETIRE);
    }
    return NULL;
}

/* True if this child must serve the connection: it need not or cannot wait in the lobby. */
static bool to_be_served(int fd, handoff_t *what)
{
    static peek_t peek;
    peek_e verdict;

    const server_rec *s;

    if (what->at_once || watch_pairs.waiting[1] < 0) {
        return true;
    }
    s = server_of_socket(fd);
    if (!server_async_head(s)) {
        return true;
    }
    peek_begin(&peek, s, what->is_tls);
    verdict = peek_look(&peek, fd);
    if (verdict == PEEK_GONE) {
        return false;
    }
    what->is_tls = peek.is_tls;
    what->first_us = peek.first_us;
    what->whole_us = peek.whole_us;
    return verdict == PEEK_READY || handoff_send(watch_pairs.waiting[1], fd, what) != 0;
}

static apr_socket_t *accept_one(const listener_t *l, apr_pool_t *pool, apr_os_sock_t *fd,
                                handoff_t *what)
{
    apr_socket_t *sock;

    if (l->fd < 0) {
        return NULL;
    }
    sock = accept_from(l, pool);
    if (sock == NULL) {
        return NULL;
    }
    shared_add(child.stats->accepted, 1);
    apr_os_sock_get(fd, sock);
    if (to_be_served(*fd, what)) {
        return sock;
    }
    apr_socket_close(sock);
    return NULL;
}

/* Take a connection of the generation before, between requests or before its first. */
static void take_passed_on(void)
{
    static char bytes[HANDOVER_BYTES_MAX]; /* prefork children send none: its pages stay unused */
    handover_t passed;
    handoff_t what;
    apr_pool_t *pool;
    int fd;

    if (pools_get(&pool) != APR_SUCCESS) {
        shortage_pause_accepting(APR_ENOMEM);
        return;
    }
    fd = handover_receive(&passed, bytes);
    if (fd < 0 && shortage_is(errno)) {
        shortage_pause_accepting(errno);
    }
    else if (fd < 0 && errno == EPIPE) {
        /* a process has shut it down: epoll would report that forever */
        epoll_ctl(watch_fd, EPOLL_CTL_DEL, handover_fd(), NULL);
    }
    what = (handoff_t){ .is_tls = fd >= 0 && passed.is_tls, .at_once = fd >= 0 && passed.at_once };
    what.keepalives = fd >= 0 ? passed.keepalives : 0;
    if (fd >= 0 && to_be_served(fd, &what)) {
        serve_handed_over(pool, fd, &what);
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    pools_put(pool);
}

static void accept_at(const listener_t *l)
{
    handoff_t what = { .is_tls = l->is_tls, .at_once = !l->looks };
    apr_pool_t *pool;
    apr_socket_t *sock;
    apr_os_sock_t fd;

    if (pools_get(&pool) != APR_SUCCESS) {
        shortage_pause_accepting(APR_ENOMEM);
        return;
    }
    sock = accept_one(l, pool, &fd, &what);
    if (sock == NULL) {
        pools_put(pool);
        return;
    }
    serve_new(pool, sock, fd, &what);
}

/* ---- waiting ------------------------------------------------------------ */

/* True when the child is to exit. */
static bool over(void)
{
    if (ap_max_requests_per_child > 0 && serve_count() >= (unsigned)ap_max_requests_per_child
        && told.ending == TOLD_RUN) {
        told_begin_end(TOLD_RETIRE);
    }
    memory_look(clock_now());
    if (atomic_load(&child.stopping) != CHILD_RUNNING && told.ending == TOLD_RUN) {
        told_begin_end(TOLD_RETIRE);
    }
    if (told.terms > 0) {
        told_begin_end(TOLD_NOW);
    }
    if (told.ending == TOLD_NOW) {
        return true;
    }
    return pending_tls_count() == 0
        && (told.ending == TOLD_RETIRE
            || (told.ending == TOLD_FINISH && (watch_queue_ended || watch_pairs.ready[0] < 0)));
}

/* Pass a connection from the lobby's queue to the next generation. True if it was passed. */
static bool goes_over(int fd, const handoff_t *from)
{
    handover_t what = { .is_tls = from->is_tls,
                        .at_once = from->at_once,
                        .first_us = from->first_us };

    return !from->overdue && handover_send(fd, &what, NULL) == 0;
}

/* Take one connection from the lobby. Zero at the end of its queue. */
static bool take_one(void)
{
    handoff_t what;
    apr_pool_t *pool;
    int fd;

    /* The pool first: without memory for it, the connection stays in the queue. */
    if (pools_get(&pool) != APR_SUCCESS) {
        shortage_pause_accepting(APR_ENOMEM);
        return true;
    }
    fd = handoff_receive(watch_pairs.ready[0], &what);
    if (fd >= 0 && handover_state() == HANDOVER_GIVE && goes_over(fd, &what)) {
        close(fd);
        pools_put(pool);
        return true;
    }
    if (fd < 0) {
        if (fd == -1 && shortage_is(errno)) {
            shortage_pause_accepting(errno);
        }
        pools_put(pool);
        return fd != -2;
    }
    serve_handed_over(pool, fd, &what);
    return true;
}

/* End of file: the lobby passes no more connections. */
static void end_queue(void)
{
    watch_queue_ended = 1;
    epoll_ctl(watch_fd, EPOLL_CTL_DEL, watch_pairs.ready[0], NULL);
    told_begin_end(told.ending == TOLD_RUN ? TOLD_FINISH : told.ending);
}

/* Timeout of epoll_wait() in ms. */
static int patience(void)
{
    int most = watch_is_partial ? WATCH_PAUSE_MS : PARENT_LOOK_MS;

    return pending_tls_count() == 0
        ? most
        : (int)((pending_tls_patience(clock_now(), apr_time_from_msec(most)) + 999) / 1000);
}

/* With EPOLLEXCLUSIVE the kernel may wake only a child that cannot accept: check the listeners. */
static void look_at_listeners(void)
{
    static int none_idle;
    unsigned i;

    if (handover_state() == HANDOVER_HOLD) {
        return;
    }
    if (watch_is_partial && pending_tls_count() > 0) {
        /* More than one check: the parent may be starting a child. */
        none_idle = atomic_load(&hybrid_retained->shared->server->idle) > 0 ? 0 : none_idle + 1;
        if (none_idle < LOOKS_FOR_IDLE) {
            return;
        }
    }
    if (watch_is_partial) {
        watch_go_last(told.ending == TOLD_RUN);
    }
    for (i = 0; i < watch_listener_count; i++) {
        struct pollfd one = { .fd = watch_listeners[i].fd, .events = POLLIN };

        if (poll(&one, 1, 0) == 1) {
            accept_at(&watch_listeners[i]);
            return;
        }
    }
}

static void serve_event(void *who)
{
    if (who == &watch_control) {
        uint64_t times;

        if (read(child.wake_fd, &times, sizeof(times)) > 0) {
            told_read_control();
        }
    }
    else if (who == &watch_queue) {
        if (!take_one()) {
            end_queue();
        }
    }
    else if (who == &watch_passed_on) {
        take_passed_on();
    }
    else if (watch_is_listener(who)) {
        accept_at(who);
    }
    else if (pending_tls_event(who)) {
        serve_held(who);
    }
    else {
        serve_close_dropped(held_over_budget());
    }
}

static void serve_overdue(void)
{
    conn_t *k;

    while (told.terms == 0 && (k = pending_tls_overdue(clock_now())) != NULL) {
        serve_held(k);
    }
}

static void serve_all(void)
{
    told_be_idle();
    while (!over()) {
        struct epoll_event ev;
        int n;

        if (handover_is_overdue()) {
            told_go_on();
        }
        if (handover_state() == HANDOVER_OFF) {
            told_be_idle();
        }
        if (watch_is_partial && pending_tls_count() == 0 && handover_state() != HANDOVER_HOLD) {
            watch_go_last(told.ending == TOLD_RUN);
        }
        ap_update_child_status(sbh, told.ending == TOLD_RUN ? SERVER_READY : SERVER_GRACEFUL, NULL);
        n = epoll_wait(watch_fd, &ev, 1, patience());
        if (told.told) {
            told.told = 0;
            told_read_control();
        }
        if (n == 1 && (handover_state() == HANDOVER_OFF || !watch_is_new_work(ev.data.ptr))) {
            serve_event(ev.data.ptr);
        }
        else {
            told_look_for_parent();
            look_at_listeners();
        }
        serve_overdue();
    }
}

/* 0, or the exit status. */
static int set_up(int slot)
{
    apr_time_t begun = clock_now();
    shared_mail_t *mail = hybrid_one_process ? NULL : &hybrid_retained->shared->mail[child.number];
    int code = life_begin(slot);

    if (code != 0) {
        return code;
    }
    crash_this_is_worker(0);
    ap_create_sb_handle(&sbh, child.pool, slot, 0);
    serve_init(sbh);
    watch_listeners = listeners_list(child.pool, &watch_listener_count);
    told_init(mail, sbh);
    if (ap_run_drop_privileges(child.pool, ap_server_conf)) {
        return hybrid_exit_code();
    }
    told_of_parents_end();
    ap_run_child_init(child.pool, ap_server_conf);
    pools_child_init(child.pool, 1);
    inbound_child_init();
    handover_child_init();
    peek_set_up();
    if (watch_all() != 0) {
        return APEXIT_CHILDSICK;
    }
    pending_tls_init(watch_fd, lane_connections_per_process(child.lane));
    ap_scoreboard_image->servers[slot][0].pid = getpid();
    ap_update_child_status(sbh, SERVER_STARTING, NULL);
    shared_set(child.stats->start_us, (apr_uint32_t)(clock_now() - begun));
    shared_set(child.stats->workers, 1);
    if (told.ending == TOLD_RUN) {
        hybrid_retained->mpm->mpm_state = AP_MPMQ_RUNNING;
    }
    return 0;
}

int prefork_main(int slot, int control, handoff_pairs_t *from)
{
    int code;

    (void)control;
    watch_take_pairs(from);
    code = set_up(slot);
    if (code != 0) {
        return life_end(code);
    }
    child_wake(); /* read mail that came before the signal handlers, before any work */
    serve_all();
    told_begin_end(told.ending == TOLD_RUN ? TOLD_FINISH : told.ending);
    if (told.ending == TOLD_RETIRE && watch_pairs.ready[0] >= 0) {
        (void)take_one(); /* the kernel may have woken only this child for it */
    }
    child_tell_parent(CHILD_HELP);
    ap_run_child_stopping(child.pool, told.ending != TOLD_NOW);
    return life_end(0);
}
