/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lobby has one thread, runs no module's code and has no privileges. Data of waiting
 * connections stay in their sockets.
 *
 * Draining: once no child of its generation accepts (by the shared counters) and no connection
 * waits for a request here, it shuts down its end of the queue (other processes may have inherited
 * the descriptor, so close() would not signal end of file). It exits when those children have ended
 * and the last lingering close is over.
 */
#include "mpm/prefork/lobby.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_core.h"
#include "mpm_common.h"
#include "scoreboard.h"
#include "base/clock.h"
#include "base/timeouts.h"
#include "mpm/process/child.h"
#include "mpm/process/listeners.h"
#include "mpm/process/files.h"
#include "mpm/process/handover.h"
#include "mpm/module.h"
#include "mpm/conn/linger.h"
#include "mpm/prefork/peek.h"
#include "mpm/process/control.h"
#include "mpm/process/rarely.h"
#include "mpm/conn/server.h"
#include "mpm/process/shortage.h"

#define BATCH 64
#define TAKE_AT_ONCE 64
#define RESERVED_FDS 32

/* Interval of CHILD_HELP while children have not taken what is queued. */
#define ASK_INTERVAL_MS 10

/* Retry interval without descriptors. */
#define TAKE_PAUSE apr_time_from_msec(10)

/* Interval of is_over() while draining. */
#define END_LOOK_MS 20

typedef struct waiting_t {
    timeouts_entry_t wait;
    int fd;
    unsigned char lingers;
    unsigned char overdue, over_budget;
    unsigned char at_once;
    apr_time_t until;                  /* lingering: deadline, monotonic */
    peek_t peek;                       /* not lingering */
    struct waiting_t *older, *younger; /* in its list */
    struct waiting_t *next;            /* in the list of ready ones */
} waiting_t;

/* Waiting connections in order of arrival. */
typedef struct {
    waiting_t *oldest, *youngest;
} list_t;

/* Used by the only thread. */
static struct {
    int epoll_fd, control_fd;
    handoff_pairs_t pairs;
    timeouts_t timeouts;
    list_t senders, lingerers;
    waiting_t *first_ready, *last_ready;
    int waiting_conns, limit;
    int queue_full; /* epoll watches for room in it */
    int no_more_waiting, no_more_lingering;
    int ending, said_end;
} l;

/* Event pointers other than waiting connections. */
static char for_control, for_queue, for_waiting, for_lingering;

/* ---- waiting connections ------------------------------------------------------------- */

static list_t *list_of(const waiting_t *g)
{
    return g->lingers ? &l.lingerers : &l.senders;
}

static void unlink_waiting(waiting_t *g)
{
    list_t *list = list_of(g);

    *(g->older ? &g->older->younger : &list->oldest) = g->younger;
    *(g->younger ? &g->younger->older : &list->youngest) = g->older;
}

static void link_waiting(waiting_t *g)
{
    list_t *list = list_of(g);

    g->younger = NULL;
    g->older = list->youngest;
    *(list->youngest ? &list->youngest->younger : &list->oldest) = g;
    list->youngest = g;
}

static void count(const waiting_t *g, int by)
{
    mpm_hybrid_conn_e kind = g->lingers ? MPM_HYBRID_CONN_LINGER : peek_kind(&g->peek);

    shared_add(child.stats->connections[kind], (apr_uint32_t)by);
}

static void dismiss(waiting_t *g)
{
    close(g->fd);
    free(g);
    l.waiting_conns--;
}

/* Stop watching the connection. */
static void take_out(waiting_t *g)
{
    timeouts_remove(&g->wait);
    unlink_waiting(g);
    count(g, -1);
    epoll_ctl(l.epoll_fd, EPOLL_CTL_DEL, g->fd, NULL);
}

static void send_away(waiting_t *g)
{
    take_out(g);
    dismiss(g);
}

/* ---- to the children ---------------------------------------------------- */

static void watch_queue(bool on)
{
    struct epoll_event ev = { .events = EPOLLOUT, .data.ptr = &for_queue };

    if (on != l.queue_full) {
        epoll_ctl(l.epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l.pairs.ready[1], &ev);
        l.queue_full = on;
    }
}

static bool queue_is_full(int err)
{
    return err == EAGAIN || err == ENOBUFS || err == ETOOMANYREFS || err == ENOMEM;
}

/* Send as many ready connections as the queue takes. */
static void pass_on(void)
{
    if (l.first_ready == NULL) {
        return;
    }
    while (l.first_ready != NULL) {
        waiting_t *g = l.first_ready;
        handoff_t what = { .overdue = g->overdue,
                           .over_budget = g->over_budget,
                           .is_tls = g->peek.is_tls,
                           .at_once = g->at_once,
                           .first_us = g->peek.first_us,
                           .whole_us = g->peek.whole_us };

        if (handoff_send(l.pairs.ready[1], g->fd, &what) != 0 && queue_is_full(errno)) {
            watch_queue(true);
            child_tell_parent(CHILD_HELP);
            return;
        }
        l.first_ready = g->next;
        if (l.first_ready == NULL) {
            l.last_ready = NULL;
        }
        shared_add(child.stats->dispatched, 1);
        dismiss(g);
    }
    watch_queue(false);
    if (handoff_queued(l.pairs.ready[0]) > 1) {
        child_tell_parent(CHILD_HELP);
    }
}

static void make_ready(waiting_t *g, bool overdue)
{
    take_out(g);
    g->overdue = (unsigned char)overdue;
    g->next = NULL;
    *(l.last_ready ? &l.last_ready->next : &l.first_ready) = g;
    l.last_ready = g;
}

/* ---- looking ------------------------------------------------------------ */

static void wait_on(waiting_t *g)
{
    apr_time_t now = clock_now();

    timeouts_remove(&g->wait);
    if (g->lingers) {
        timeouts_add_at(&l.timeouts, &g->wait, g->until);
    }
    else if (g->peek.budget.until != 0) {
        timeouts_add_until(&l.timeouts, &g->wait, g->peek.server->timeout, g->peek.budget.until,
                           now);
    }
    else {
        timeouts_add(&l.timeouts, &g->wait, g->peek.server->timeout, now);
    }
}

static void drain(waiting_t *g)
{
    /* The client's end of file, or a client that sends without end. */
    if (linger_drain(g->fd) != LINGER_WAIT) {
        send_away(g);
    }
}

static void look(waiting_t *g, uint32_t events)
{
    size_t seen = g->peek.seen;
    peek_e verdict;

    if (g->lingers) {
        drain(g);
        return;
    }
    count(g, -1);
    verdict = peek_look(&g->peek, g->fd);
    count(g, 1);
    if (verdict == PEEK_GONE) {
        send_away(g);
    }
    else if (verdict == PEEK_READY || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
        make_ready(g, false); /* httpd handles the client's end of file */
    }
    else if (g->peek.seen != seen) {
        wait_on(g);
    }
}

/* ---- coming in ---------------------------------------------------------- */

static void say_dropped(void)
{
    static rarely_t dropped;
    unsigned n = rarely_say(&dropped);

    if (n > 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "the lobby is at its limit of %d connections: dropped %u that had not sent a "
                     "whole request, to make room for new ones. Raise MPMMaxConnections or the "
                     "limit on open files",
                     l.limit, n);
    }
}

/* At the limit, drop a lingering connection first: its client has the response. */
static void make_room(void)
{
    if (l.waiting_conns < l.limit) {
        return;
    }
    if (l.lingerers.oldest != NULL) {
        send_away(l.lingerers.oldest);
    }
    else if (l.senders.oldest != NULL) {
        send_away(l.senders.oldest);
        shared_add(child.stats->shed, 1);
        say_dropped();
    }
}

static waiting_t *new_waiting(int fd)
{
    waiting_t *g;

    make_room();
    g = calloc(1, sizeof(*g));
    if (g == NULL) {
        close(fd);
        return NULL;
    }
    l.waiting_conns++;
    g->fd = fd;
    return g;
}

static void sit_down(waiting_t *g)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = g };

    link_waiting(g);
    count(g, 1);
    if (epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, g->fd, &ev) != 0) {
        shortage_of(errno, "watch a connection");
        if (g->lingers) {
            send_away(g);
        }
        else {
            make_ready(g, false);
        }
        return;
    }
    wait_on(g);
    look(g, 0);
}

static void let_in(int fd, int is_tls, int at_once)
{
    waiting_t *g = new_waiting(fd);

    if (g == NULL) {
        return;
    }
    peek_begin(&g->peek, server_of_socket(fd), is_tls);
    at_once |= !server_async_head(g->peek.server);
    g->at_once = at_once != 0;
    if (!at_once) {
        sit_down(g);
        return;
    }
    link_waiting(g);
    count(g, 1);
    make_ready(g, false);
}

static void let_linger(int fd, int is_short)
{
    waiting_t *g = new_waiting(fd);

    if (g != NULL) {
        g->lingers = 1;
        g->until = clock_now() + (is_short || l.ending ? LINGER_SHORT_TIME : LINGER_NORMAL_TIME);
        sit_down(g);
    }
}

/* While draining, a lingering close takes LINGER_SHORT_TIME at most. */
static void hurry_lingerers(void)
{
    apr_time_t most = clock_now() + LINGER_SHORT_TIME;
    waiting_t *g;

    for (g = l.lingerers.oldest; g != NULL; g = g->younger) {
        if (g->until > most) {
            g->until = most;
            wait_on(g);
        }
    }
}

/* Receive the next one, or -1. At end of file, when the last child has ended, sets @a over. */
static int take(int fd, handoff_t *what, int *over)
{
    int client = *over ? -1 : handoff_receive(fd, what);

    if (client == -2) {
        *over = 1;
        epoll_ctl(l.epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    }
    if (client == -1 && !*over && shortage_is(errno)) {
        shortage_of(errno, "take connections that wait");
        apr_sleep(TAKE_PAUSE);
    }
    return client < 0 ? -1 : client;
}

static void take_waiting(void)
{
    handoff_t what;
    int i, fd;

    for (i = 0; i < TAKE_AT_ONCE && (fd = take(l.pairs.waiting[0], &what, &l.no_more_waiting)) >= 0;
         i++) {
        let_in(fd, what.is_tls, what.at_once);
    }
}

static void take_lingering(void)
{
    handoff_t what;
    int i, fd;

    for (i = 0;
         i < TAKE_AT_ONCE && (fd = take(l.pairs.lingering[0], &what, &l.no_more_lingering)) >= 0;
         i++) {
        let_linger(fd, what.is_short);
    }
}

/* CONTROL_LAST: no process will accept any more and new clients are refused: empty the backlog. */
static void empty_listeners(void)
{
    unsigned i, n;
    listener_t *listeners = listeners_list(child.pool, &n);

    apr_sleep(apr_time_from_msec(100));
    for (i = 0; i < n; i++) {
        int fd;

        while ((fd = accept4(listeners[i].fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
            let_in(fd, listeners[i].is_tls, !listeners[i].looks);
        }
    }
}

/* ---- the end ------------------------------------------------------------ */

static bool lives(const shared_process_t *p)
{
    int pid = shared_get(p->pid);

    return p != child.stats && pid > 0
        && shared_get(p->generation) == hybrid_retained->mpm->my_generation
        && (kill(pid, 0) == 0 || errno != ESRCH);
}

/* Number of live children of this generation, and how many of them still accept. */
static int siblings(int *accepting)
{
    const shared_t *shared = hybrid_retained->shared;
    int i, n = 0;

    *accepting = 0;
    for (i = 0; i < shared->slots; i++) {
        if (lives(&shared->process[i])) {
            n++;
            *accepting += !shared_get(shared->process[i].quiescing);
        }
    }
    return n;
}

/* Pass it to the next generation; true if it was passed. */
static bool goes_over(const waiting_t *g)
{
    handover_t what = { .is_tls = g->peek.is_tls,
                        .at_once = g->at_once,
                        .first_us = g->peek.first_us,
                        .budget_until = g->peek.budget.until,
                        .budget_max_until = g->peek.budget.max_until,
                        .budget_rate = g->peek.budget.min_rate };

    return !g->overdue && handover_send(g->fd, &what, NULL) == 0;
}

/*
 * HANDOVER_GIVE: the daemons of this generation have ended, so the next one gets the connections
 * that wait for a request.
 */
static void hand_over(void)
{
    waiting_t *g, *next;

    for (g = l.senders.oldest; g != NULL; g = next) {
        next = g->younger;
        if (goes_over(g)) {
            send_away(g);
        }
    }
    while (l.first_ready != NULL && goes_over(l.first_ready)) {
        g = l.first_ready;
        l.first_ready = g->next;
        l.last_ready = l.first_ready == NULL ? NULL : l.last_ready;
        dismiss(g);
    }
}

/* Whether the lobby is to exit; drains it. */
static bool is_over(void)
{
    int accepting, living;

    if (!l.ending) {
        return false;
    }
    living = siblings(&accepting);
    take_waiting();
    take_lingering();
    if (handover_state() == HANDOVER_GIVE) {
        hand_over();
    }
    pass_on();
    if (accepting == 0 && l.senders.oldest == NULL && l.first_ready == NULL && !l.said_end) {
        l.said_end = 1;
        shutdown(l.pairs.ready[1], SHUT_WR);
    }
    if (l.said_end && l.lingerers.oldest != NULL) {
        return false;
    }
    return living == 0 || l.no_more_lingering;
}

static void begin_end(void)
{
    if (!l.ending) {
        l.ending = 1;
        hurry_lingerers();
        shared_set(child.stats->quiescing, 1);
        ap_close_listeners();
    }
}

/*
 * End of file on the control socket is not enough: a daemon that a module has forked may have
 * inherited the other end.
 */
static void look_for_parent(void)
{
    if (!l.ending && child_is_orphan()) {
        handover_keep();
        begin_end();
    }
}

static void end(unsigned what)
{
    if (what == CONTROL_NOW) {
        exit(0);
    }
    if (what == CONTROL_LAST) {
        empty_listeners();
    }
    begin_end();
}

static const control_acts_t acts = { .hold = handover_hold, .go_on = handover_go_on, .end = end };

static void read_control(void)
{
    if (!control_read(l.control_fd, &acts)) {
        epoll_ctl(l.epoll_fd, EPOLL_CTL_DEL, l.control_fd, NULL);
        handover_keep();
        begin_end();
    }
}

/* ---- setting up --------------------------------------------------------- */

static void watch(int fd, void *who)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = who };

    if (epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        exit(APEXIT_CHILDSICK);
    }
}

/* Distinguishes the lobby in ps and top. */
static void take_name(void)
{
    char name[16]; /* the kernel's limit */

    apr_snprintf(name, sizeof(name), "%.9s lobby", program_invocation_short_name);
    prctl(PR_SET_NAME, name);
}

static void set_up(int record)
{
    take_name();

    child.slot = child.number = lane_overflow_slot(child.lane);
    child.stats = &hybrid_retained->shared->process[record];
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(AP_SIG_GRACEFUL, SIG_IGN);
    signal(AP_SIG_GRACEFUL_STOP, SIG_IGN);
    apr_pool_create(&child.pool, hybrid_pconf);
    if (ap_run_drop_privileges(child.pool, ap_server_conf)) {
        exit(hybrid_exit_code());
    }
    files_raise();
    l.limit = lane_connections_per_process(child.lane) - RESERVED_FDS;
    peek_set_up();
    timeouts_init(&l.timeouts);
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l.epoll_fd < 0) {
        exit(APEXIT_CHILDSICK);
    }
    watch(l.control_fd, &for_control);
    watch(l.pairs.waiting[0], &for_waiting);
    watch(l.pairs.lingering[0], &for_lingering);
}

/* ---- running ------------------------------------------------------------ */

/* Timeout of epoll_wait() in ms. */
static int patience(void)
{
    int64_t left = timeouts_wait(&l.timeouts, clock_now());
    int ms = left > 1000000 ? 1000 : (int)((left + 999) / 1000);

    if (ms > END_LOOK_MS && l.ending) {
        return END_LOOK_MS;
    }
    return ms > ASK_INTERVAL_MS && handoff_queued(l.pairs.ready[0]) > 0 ? ASK_INTERVAL_MS : ms;
}

static void serve_deadlines(void)
{
    apr_time_t now = clock_now();
    timeouts_entry_t *e;

    while ((e = timeouts_pop_expired(&l.timeouts, now)) != NULL) {
        waiting_t *g = (waiting_t *)e;

        if (g->lingers) {
            send_away(g);
        }
        else {
            /* mod_reqtimeout's budget, or Timeout */
            g->over_budget = g->peek.budget.until != 0;
            make_ready(g, true);
        }
    }
}

static bool is_waiting(const void *who)
{
    return who != &for_control && who != &for_queue && who != &for_waiting && who != &for_lingering;
}

static void serve_event(const void *who)
{
    if (who == &for_waiting) {
        take_waiting();
    }
    else if (who == &for_lingering) {
        take_lingering();
    }
    else if (who == &for_control) {
        read_control();
    }
}

int lobby_main(int record, int control_fd, handoff_pairs_t *pairs)
{
    l.control_fd = control_fd;
    handoff_take(&l.pairs, pairs);
    close(l.pairs.waiting[1]);
    close(l.pairs.lingering[1]);
    l.pairs.waiting[1] = l.pairs.lingering[1] = -1;
    set_up(record);
    while (!is_over()) {
        struct epoll_event events[BATCH];
        int i, n = epoll_wait(l.epoll_fd, events, BATCH, patience());

        shared_set(child.stats->ticked, clock_now()); /* sign of life for stuck.c */
        /* Waiting ones first: a new connection may drop one of them (make_room()). */
        for (i = 0; i < n; i++) {
            if (is_waiting(events[i].data.ptr)) {
                look(events[i].data.ptr, events[i].events);
            }
        }
        for (i = 0; i < n; i++) {
            serve_event(events[i].data.ptr);
        }
        look_for_parent();
        serve_deadlines();
        pass_on();
        if (n == 0 && handoff_queued(l.pairs.ready[0]) > 0) {
            child_tell_parent(CHILD_HELP);
        }
    }
    return 0;
}
