/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child: setup, the ticker, shutdown.
 *
 * While no worker runs, the ticker sleeps until the next deadline; a worker that
 * begins a run wakes it (child_ticker_needed). During runs it checks every TICK_NS
 * whether a poller blocks.
 */
#include "mpm/threads/ticker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "apr_signal.h"
#include "http_core.h"
#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/conn/direct.h"
#include "mpm/conn/inbound.h"
#include "mpm/conn/linger.h"
#include "mpm/conn/pools.h"
#include "mpm/module.h"
#include "mpm/process/child.h"
#include "mpm/process/control.h"
#include "mpm/process/files.h"
#include "mpm/process/handover.h"
#include "mpm/process/http2.h"
#include "mpm/process/life.h"
#include "mpm/process/memory.h"
#include "mpm/process/shortage.h"
#include "mpm/threads/accept.h"
#include "mpm/threads/adopt.h"
#include "mpm/threads/hung.h"
#include "mpm/threads/park.h"
#include "mpm/threads/room.h"
#include "mpm/threads/steps.h"
#include "mpm/threads/timers.h"
#include "mpm/threads/worker.h"

/* With ASLEEP_LEAST_US of blocking.c: a blocking poller is detected within 1 ms. */
#define TICK_NS 900000

/* After a detection: in a burst of slow requests the next poller blocks as well. */
#define QUICK_TICK_NS 100000

/*
 * Ticks between two polls of the control and wake descriptors during runs: a poll costs as much as
 * a check of the pollers.
 */
#define TICKS_UNHEARD 8

/* Interval of workers_maintain() and the other periodic checks. */
#define MAINTAIN_INTERVAL apr_time_from_msec(100)

/* Upper bound of a sleep, so that an idle child notices the end of its parent. */
#define LONGEST_SLEEP apr_time_from_sec(1)

/* Time for requests to end after an immediate stop has cut all connections. */
#define NOW_PATIENCE apr_time_from_sec(1)

/* Stock of empty connection pools, created in one batch. */
#define EMPTY_POOLS 32

/* Set in set_up, constant afterwards, but for control_fd. */
static int control_fd = -1;
static apr_thread_t *ticker_thread;

static int is_last; /* no other process accepts afterwards */
static volatile sig_atomic_t told_to_die;

/* ---- setting up --------------------------------------------------------- */

/*
 * Accept SIGTERM from the parent only, as event and worker do: a module may kill the wrong process
 * (mod_authnz_external sends SIGTERM to an uninitialized pid, for instance 0, the whole process
 * group).
 */
static void on_term(int sig, siginfo_t *from, void *context)
{
    (void)sig;
    (void)context;
    if (!hybrid_one_process && from->si_code <= 0 && from->si_pid != getppid()) {
        return;
    }
    told_to_die = 1;
    child_wake();
}

/* The ticker handles signals for the process; workers block them. */
static void set_signals(void)
{
    struct sigaction sa;
    sigset_t ours;

    apr_setup_signal_thread();
    memset(&sa, 0, sizeof(sa));
    sa.sa_sigaction = on_term;
    sa.sa_flags = SA_SIGINFO;
    sigaction(SIGTERM, &sa, NULL);
    if (hybrid_one_process) {
        /* but not SIGWINCH, which a terminal also sends when its size changes */
        sigaction(SIGINT, &sa, NULL);
    }
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    if (hybrid_one_process) {
        sigaddset(&ours, SIGINT);
    }
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}

/* 0, or the exit code. */
static int set_up_events(void)
{
    files_raise();
    child.max_connections = lane_connections_per_process(child.lane);
    shared_set(child.stats->most_connections, (apr_uint32_t)child.max_connections);
    room_child_init();
    child.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (child.epoll_fd < 0) {
        if (shortage_is(errno)) {
            shortage_of(errno, "start");
        }
        else {
            ap_log_error(APLOG_MARK, APLOG_EMERG, errno, ap_server_conf,
                         "child %d cannot create its epoll instance", (int)getpid());
        }
        return APEXIT_CHILDSICK;
    }
    park_init(child.max_connections);
    steps_child_init(accept_room);
    timers_child_init(child.pool);
    pools_child_init(child.pool, EMPTY_POOLS);
    inbound_child_init();
    direct_init();
    handover_child_init();
    return 0;
}

/* 0, or the exit code. */
static int set_up(int slot)
{
    int code = life_begin(slot);

    if (code != 0) {
        return code;
    }
    ticker_thread = ap_thread_current();
    if (ap_run_drop_privileges(child.pool, ap_server_conf)) {
        return hybrid_exit_code();
    }
    set_signals();
    ap_run_child_init(child.pool, ap_server_conf);
    code = set_up_events();
    hung_child_init();
    return code != 0 ? code : workers_start() == APR_SUCCESS ? 0 : APEXIT_CHILDSICK;
}

/* ---- the ticker --------------------------------------------------------- */

static void move(unsigned record)
{
    life_give_up_slot(record);
    park_move_to_slot(child.slot);
    if (write(control_fd, "", 1) < 0) {
        /* The parent has exited: no answer needed. */
    }
}

/* A restart begins. Ask HTTP/2 and other non-HTTP/1 clients to finish. */
static void hold(void)
{
    if (handover_state() != HANDOVER_OFF || atomic_load(&child.stopping) != CHILD_RUNNING) {
        return;
    }
    adopt_watch(false);
    handover_hold();
    accept_hold();
    park_ready_waiting();
    park_ready_multiplexed();
    atomic_store(&child.stats->holding, 1); /* after the state: shared_note_since() */
}

/* End the hold without a new generation. */
static void go_on(void)
{
    if (handover_state() != HANDOVER_HOLD) {
        return;
    }
    handover_go_on();
    shared_set(child.stats->holding, 0);
    park_release_held();
    accept_go_on();
    adopt_watch(true);
}

static void end(unsigned what)
{
    is_last = what == CONTROL_LAST;
    child_stop(what == CONTROL_NOW ? CHILD_NOW : CHILD_GRACEFUL);
}

static const control_acts_t acts = {
    .hold = hold, .go_on = go_on, .look = accept_look, .move = move, .end = end
};

/* Drain, and free the port. A child that is already stopping does not log the parent's end. */
static void leave_orphaned(void)
{
    handover_keep();
    if (atomic_load(&child.stopping) == CHILD_RUNNING) {
        child_say_orphaned();
    }
    child_stop(CHILD_GRACEFUL);
}

static void read_control(void)
{
    if (!control_read(control_fd, &acts)) {
        close(control_fd);
        control_fd = -1;
        go_on();
        leave_orphaned();
    }
}

static void look_for_parent(void)
{
    if (child_is_orphan()) {
        leave_orphaned();
    }
}

/* Handle the connections that are due. Returns the time of the next one. */
static apr_time_t serve_deadlines(void)
{
    apr_time_t next = 0;
    conn_t *k;

    while ((k = park_next_due(clock_now(), &next)) != NULL) {
        if (k->expired || k->unwatched || steps_look(k, ticker_thread)) {
            park_ready(k);
        }
        else {
            park_again(k, inbound_look_interval());
        }
    }
    return next;
}

static void sleep_ns(apr_int64_t ns)
{
    struct pollfd fds[2] = { { .fd = child.wake_fd, .events = POLLIN },
                             { .fd = control_fd, .events = POLLIN } };
    struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    uint64_t n;

    if (ppoll(fds, 2, &ts, NULL) <= 0) {
        return;
    }
    if (fds[0].revents && read(child.wake_fd, &n, sizeof(n)) < 0) {
        /* EAGAIN: another read has emptied it. */
    }
    if (fds[1].revents) {
        read_control();
    }
}

static void tick_ns(apr_int64_t ns)
{
    static unsigned ticks;
    struct timespec ts = { .tv_nsec = ns };

    if (++ticks % TICKS_UNHEARD == 0) {
        sleep_ns(ns);
    }
    else {
        nanosleep(&ts, NULL); /* a signal ends it */
    }
}

static apr_time_t sooner(apr_time_t a, apr_time_t b)
{
    return b != 0 && b < a ? b : a;
}

/* End an overdue hold; watch the queue of passed-on connections again after a shortage. */
static void look_for_passed_on(void)
{
    if (handover_is_overdue()) {
        go_on();
    }
    else if (handover_state() == HANDOVER_OFF && atomic_load(&child.stopping) == CHILD_RUNNING) {
        adopt_watch(true);
    }
}

/* Do the work that is due; returns the time of the next call. */
static apr_time_t tick(void)
{
    static apr_time_t maintained;
    apr_time_t now = clock_now();
    apr_time_t next = now + LONGEST_SLEEP;

    next = sooner(next, serve_deadlines());
    shared_set(child.stats->ticked, now);
    next = sooner(next, accept_resume(now));
    next = sooner(next, park_settle(now));
    if (timers_due(now)) {
        park_wake_pollers();
        next = sooner(next, now + apr_time_from_msec(10));
    }
    else {
        next = sooner(next, timers_next());
    }
    if (now - maintained >= MAINTAIN_INTERVAL) {
        maintained = now;
        workers_maintain(now);
        accept_look();
        look_for_passed_on();
        hung_look(now);
        memory_look(now);
        memory_return(now, park_count());
        look_for_parent();
    }
    return next;
}

/* Sleep until @a next, or for one tick during runs. */
static void rest(apr_time_t next)
{
    static unsigned long runs_seen;
    unsigned long runs = workers_runs();
    workers_e found = workers_watch();
    apr_int64_t ns;

    if (found != WORKERS_QUIET || runs != runs_seen) {
        runs_seen = runs;
        tick_ns(found == WORKERS_BLOCK ? QUICK_TICK_NS : TICK_NS);
        return;
    }
    atomic_store(&child_ticker_until, next);
    atomic_store(&child_ticker_asleep, 1);
    if (workers_runs() == runs) {
        ns = (next - clock_now()) * 1000;
        if (ns > 0) {
            sleep_ns(ns);
        }
    }
    atomic_store(&child_ticker_asleep, 0);
}

static void begin_stopping(int how)
{
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
    child.score->quiescing = 1;
    shared_set(child.stats->quiescing, 1);
    child_ask_for_help(); /* for a replacement, if the parent has not asked us to stop */
    if (how == CHILD_GRACEFUL && is_last) {
        accept_drain();
    }
    else if (how == CHILD_GRACEFUL) {
        accept_finish();
    }
    else {
        accept_stop();
    }
    if (!handover_keeps()) {
        /* else the last children serve the queue of passed-on connections */
        adopt_watch(false);
    }
    if (handover_state() == HANDOVER_GIVE) {
        park_release_held();
        park_ready_waiting();
    }
    park_hurry_linger(LINGER_SHORT_TIME);
    ap_run_child_stopping(child.pool, how == CHILD_GRACEFUL);
    park_ready_multiplexed();
}

/* The main loop, until the child has stopped. */
static void run(void)
{
    int stopping = CHILD_RUNNING;

    for (;;) {
        apr_time_t next;
        int wanted;

        if (told_to_die) {
            told_to_die = 0;
            child_stop(CHILD_NOW);
        }
        wanted = atomic_load(&child.stopping);
        if (wanted != stopping) {
            if (stopping == CHILD_RUNNING) {
                begin_stopping(wanted);
            }
            stopping = wanted;
        }
        if (stopping == CHILD_NOW) {
            http2_end_now(child.pool);
            return;
        }
        if (stopping == CHILD_GRACEFUL && !accept_draining() && park_count() == 0
            && timers_running() == 0) {
            return;
        }
        next = tick();
        if (stopping == CHILD_GRACEFUL) {
            next = sooner(next, http2_end_drain(child.pool, clock_now()));
        }
        if (stopping == CHILD_GRACEFUL && accept_draining()) {
            next = sooner(next, clock_now() + apr_time_from_msec(5));
        }
        rest(next);
    }
}

int ticker_main(int slot, int control, handoff_pairs_t *none)
{
    int code;

    (void)none;
    control_fd = control;
    code = set_up(slot);
    if (code != 0) {
        return life_end(code);
    }
    workers_maintain(clock_now());
    accept_start();
    adopt_watch(true);
    child_ask_for_help(); /* the parent waits for the first of a generation */
    hybrid_retained->mpm->mpm_state = AP_MPMQ_RUNNING;
    run();
    workers_leave();
    if (atomic_load(&child.stopping) == CHILD_NOW) {
        park_cut_all();
        if (workers_join(NOW_PATIENCE) != 0) {
            /* Requests still run: exit without cleaning up the pools they use. */
            _exit(0);
        }
    }
    else {
        workers_join(0);
    }
    return life_end(0);
}
