/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child: setting up, the ticker, the end.
 *
 * The ticker sleeps until the next deadline while nothing runs; a worker that
 * begins a run wakes it (child_ticker_needed). While something runs it looks
 * every TICK whether a poller blocks.
 */
#include "mpm/threads/child.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "apr_signal.h"
#include "http_core.h"
#include "mpm_common.h"
#include "scoreboard.h"
#include "mpm/threads/accept.h"
#include "mpm/conn/conn.h"
#include "mpm/process/crash.h"
#include "mpm/process/files.h"
#include "mpm/process/handover.h"
#include "mpm/threads/hung.h"
#include "mpm/module.h"
#include "mpm/conn/linger.h"
#include "mpm/process/memory.h"
#include "mpm/threads/park.h"
#include "mpm/conn/pools.h"
#include "mpm/parent/procs.h"
#include "mpm/process/shortage.h"
#include "mpm/threads/timers.h"
#include "mpm/threads/worker.h"

/* With ASLEEP_LEAST_US of judge.c: a poller that blocks is found within 1 ms. */
#define TICK_NS 900000

/* Right after one has been found to block: in a burst of slow requests the next will too. */
#define QUICK_TICK_NS 100000

/*
 * While it ticks the ticker hears the parent, or that it is to look around, at every so many ticks:
 * to ask costs as much as to look.
 */
#define TICKS_UNHEARD 8

/* The others are sent to look for what waits to be accepted at most this often. */
#define PASS_ON_LEAST apr_time_from_msec(5)

/* Spare workers and the parent are looked after this often. */
#define MAINTAIN_INTERVAL apr_time_from_msec(100)

/* With nothing to do the ticker still looks once a second whether its parent lives. */
#define LONGEST_SLEEP apr_time_from_sec(1)

/* After an immediate stop has cut all connections, requests have this long to end. */
#define NOW_PATIENCE apr_time_from_sec(1)

/* Pools kept ready for connections, and made at once. */
#define EMPTY_POOLS 32

child_t child;

_Atomic int child_ticker_asleep;
_Atomic apr_time_t child_ticker_until;

/* Set in set_up, constant afterwards. */
static int tick_fd = -1;
static int control_fd = -1;
static int help_fd = -1;
static pid_t parent_pid;
static uid_t started_as;
static apr_thread_t *ticker_thread;

static volatile sig_atomic_t told_to_die;
static _Atomic apr_time_t help_asked;
static _Atomic apr_time_t passed_on; /* when the parent was last told that others shall look */
/* it is to be told again; the ticker does it when it is time */
static _Atomic int to_pass_on;

apr_time_t child_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (apr_time_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void child_wake_ticker(void)
{
    uint64_t one = 1;

    if (write(tick_fd, &one, sizeof(one)) < 0) {
        /* EAGAIN: it is awake as can be. */
    }
}

void child_stop(int how)
{
    int now = atomic_load(&child.stopping);

    while (now < how && !atomic_compare_exchange_weak(&child.stopping, &now, how)) {
        continue;
    }
    child_wake_ticker();
}

void child_ask_for_help(void)
{
    apr_time_t now = child_now();

    /* The parent needs to hear it once; it looks at the scoreboard itself. */
    if (now - atomic_load(&help_asked) < apr_time_from_msec(5)) {
        return;
    }
    atomic_store(&help_asked, now);
    if (help_fd >= 0 && write(help_fd, "!", 1) < 0) {
        /* EAGAIN: it has more of these than it can read. EPIPE: it is gone. */
    }
}

static void pass_listeners_on(apr_time_t now)
{
    static const char look = PROCS_TELL_LOOK;

    atomic_store(&to_pass_on, 0);
    atomic_store(&passed_on, now);
    if (help_fd >= 0 && write(help_fd, &look, 1) < 0) {
        /* As above; the others look by themselves once a second. */
    }
}

void child_pass_listeners_on(void)
{
    apr_time_t now = child_now();
    apr_time_t due = atomic_load(&passed_on) + PASS_ON_LEAST;

    if (now >= due) {
        pass_listeners_on(now);
        return;
    }
    atomic_store(&to_pass_on, 1);
    child_ticker_due(due);
}

/* Returns when to come again, 0 for never. */
static apr_time_t pass_on_if_due(apr_time_t now)
{
    apr_time_t due = atomic_load(&passed_on) + PASS_ON_LEAST;

    if (!atomic_load(&to_pass_on)) {
        return 0;
    }
    if (now < due) {
        return due;
    }
    pass_listeners_on(now);
    return 0;
}

/* ---- setting up --------------------------------------------------------- */

static void die(int code) __attribute__((noreturn));
static void die(int code)
{
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
    if (child.pool != NULL) {
        apr_pool_destroy(child.pool);
    }
    if (hybrid_one_process) {
        procs_note_one_process_end();
        /* With -X as root the privileges to do so are gone by now. */
        if (geteuid() == started_as) {
            ap_remove_pid(hybrid_pconf, ap_pid_fname);
        }
    }
    exit(code);
}

/*
 * From the parent alone, as under event and worker: a module that ends the wrong process shall not
 * end the requests of this one (mod_authnz_external sends SIGTERM to what it finds on a stack: 0,
 * the whole process group, among others).
 */
static void on_term(int sig, siginfo_t *from, void *context)
{
    (void)sig;
    (void)context;
    if (!hybrid_one_process && from->si_code <= 0 && from->si_pid != getppid()) {
        return;
    }
    told_to_die = 1;
    if (tick_fd >= 0) {
        child_wake_ticker();
    }
}

/* Worker threads must not be interrupted by signals meant for the process. */
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
        /* SIGWINCH comes from a terminal that changes its size, too */
        sigaction(SIGINT, &sa, NULL);
    }
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    if (hybrid_one_process) {
        sigaddset(&ours, SIGINT);
    }
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}

void child_block_signals(sigset_t *old)
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
    sigdelset(&all, SIGPIPE); /* ignored; a program that a worker starts may want it */
    pthread_sigmask(SIG_BLOCK, &all, old);
}

static void set_up_events(void)
{
    files_raise();
    child.max_connections = lane_connections_per_process(child.lane);
    child.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    tick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (child.epoll_fd < 0 || tick_fd < 0) {
        if (shortage_is(errno)) {
            shortage_of(errno, "start");
        }
        else {
            ap_log_error(APLOG_MARK, APLOG_EMERG, errno, ap_server_conf,
                         "child %d cannot create its epoll instance", (int)getpid());
        }
        die(APEXIT_CHILDSICK);
    }
    park_init(child.max_connections);
    timers_child_init(child.pool);
    pools_child_init(child.pool, EMPTY_POOLS);
    conn_child_init();
    handover_child_init();
}

static void set_up(const lane_t *lane, int slot, int control, int help)
{
    apr_status_t rv;

    hybrid_retained->mpm->mpm_state = AP_MPMQ_STARTING;
    child.lane = lane;
    child.slot = slot;
    child.stats = &hybrid_retained->shared->process[slot];
    child.score = &ap_scoreboard_image->parent[slot];
    control_fd = control;
    help_fd = help;
    parent_pid = procs_parent();
    started_as = geteuid();

    ap_fatal_signal_child_setup(ap_server_conf);
    crash_child_setup();
    apr_pool_create(&child.pool, hybrid_pconf);
    apr_pool_tag(child.pool, "pchild");
    if (!hybrid_one_process) {
        rv = ap_thread_main_create(&ticker_thread, child.pool);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, rv, ap_server_conf,
                         "child %d cannot initialize its main thread", (int)getpid());
            die(hybrid_exit_code());
        }
    }
    ap_reopen_scoreboard(child.pool, NULL, 0);
    if (ap_run_drop_privileges(child.pool, ap_server_conf)) {
        die(hybrid_exit_code());
    }
    set_signals();
    ap_run_child_init(child.pool, ap_server_conf);
    set_up_events();
}

/* ---- the ticker --------------------------------------------------------- */

/* Go on counting in another record, taking along what was counted so far. */
static void move_stats(shared_process_t *to)
{
    shared_process_t *from = child.stats;
    apr_uint32_t seen[MPM_HYBRID_CONN_KINDS];
    int i;

    shared_set(to->generation, shared_get(from->generation));
    shared_set(to->quiescing, 1);
    shared_set(to->started, shared_get(from->started));
    shared_set(to->ticked, shared_get(from->ticked));
    shared_set(to->head_bytes, shared_get(from->head_bytes));
    shared_set(to->workers, shared_get(from->workers));
    shared_set(to->workers_peak, shared_get(from->workers_peak));
    shared_set(to->accepted, shared_get(from->accepted));
    shared_set(to->dispatched, shared_get(from->dispatched));
    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        seen[i] = shared_get(from->connections[i]);
        shared_set(to->connections[i], seen[i]);
    }
    child.stats = to;
    shared_set(to->workers_busy, (apr_uint32_t)workers_busy());
    shared_set(to->pid, (int)getpid());
    /* Somebody may have counted in the old one between our look and the change. */
    apr_sleep(1000);
    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        shared_add(to->connections[i], shared_get(from->connections[i]) - seen[i]);
    }
}

/*
 * The parent needs our slot for a new child: leave it, for the attic, and say so.
 * @a extra is the record to count in.
 */
static void give_up_slot(unsigned extra)
{
    static process_score nowhere; /* httpd's scoreboard shows us no longer */

    if (extra < (unsigned)hybrid_retained->shared->slots
        && child.stats != &hybrid_retained->shared->process[extra]) {
        move_stats(&hybrid_retained->shared->process[extra]);
    }
    child.score = &nowhere;
    child.slot = lane_attic(child.lane);
    park_move_to_slot(child.slot);
    if (write(control_fd, "", 1) < 0) {
        /* The parent is gone; so is its wish. */
    }
}

/* A restart begins. What speaks no HTTP/1 is told to go while the old configuration lives. */
static void hold(void)
{
    if (handover_state() != HANDOVER_OFF || atomic_load(&child.stopping) != CHILD_RUNNING) {
        return;
    }
    handover_watch(0);
    handover_hold();
    accept_hold();
    park_ready_waiting();
    park_ready_multiplexed();
    atomic_store(&child.stats->holding, 1); /* after the state: shared_note_since() */
}

/* There is no new generation yet. */
static void go_on(void)
{
    if (handover_state() != HANDOVER_HOLD) {
        return;
    }
    handover_go_on();
    shared_set(child.stats->holding, 0);
    park_release_held();
    accept_go_on();
    handover_watch(1);
}

void child_orphaned(pid_t parent)
{
    if (atomic_exchange(&hybrid_retained->shared->server->orphaned, 1) == 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "the parent process %d is gone; its children finish what they have and end, "
                     "and the server has to be started again",
                     (int)parent);
    }
}

/* A child that has been told to end does not miss its parent. */
static void note_orphan(void)
{
    handover_keep();
    if (atomic_load(&child.stopping) == 0) {
        child_orphaned(parent_pid);
    }
}

static void read_control(void)
{
    procs_message_t message;
    ssize_t n = read(control_fd, &message, sizeof(message));

    if (n == sizeof(message)) {
        if (message.what == PROCS_TELL_MOVE) {
            give_up_slot(message.extra);
            return;
        }
        if (message.what == PROCS_TELL_LOOK) {
            accept_look();
            return;
        }
        if (message.what == PROCS_TELL_HOLD) {
            hold();
            return;
        }
        if (message.what == PROCS_TELL_GO_ON) {
            go_on();
            return;
        }
        if (message.what == PROCS_TELL_FINISH) {
            handover_give();
        }
        else {
            go_on();
        }
        child.last = message.what == PROCS_TELL_LAST;
        if (child.last) {
            handover_keep();
        }
        child_stop(message.what == PROCS_TELL_NOW ? CHILD_NOW : CHILD_GRACEFUL);
    }
    else if (n == 0) {
        /* The parent is gone: finish, and free the port. */
        note_orphan();
        close(control_fd);
        control_fd = -1;
        go_on();
        child_stop(CHILD_GRACEFUL);
    }
}

static void look_for_parent(void)
{
    if (!hybrid_one_process && getppid() != parent_pid) {
        note_orphan();
        child_stop(CHILD_GRACEFUL);
    }
}

/* Connections whose time has come. Returns when the next one's does. */
static apr_time_t serve_deadlines(void)
{
    apr_time_t next = 0;
    conn_t *k;

    while ((k = park_next_due(child_now(), &next)) != NULL) {
        if (k->expired || k->unwatched || conn_look(k, ticker_thread)) {
            park_ready(k);
        }
        else {
            park_again(k, conn_look_interval());
        }
    }
    return next;
}

static void sleep_ns(apr_int64_t ns)
{
    struct pollfd fds[2] = { { .fd = tick_fd, .events = POLLIN },
                             { .fd = control_fd, .events = POLLIN } };
    struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
    uint64_t n;

    if (ppoll(fds, 2, &ts, NULL) <= 0) {
        return;
    }
    if (fds[0].revents && read(tick_fd, &n, sizeof(n)) < 0) {
        /* Nothing there after all. */
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

/* What somebody had no room for is looked at again; and a hold does not last for ever. */
static void look_for_passed_on(void)
{
    if (handover_is_overdue()) {
        go_on();
    }
    else if (handover_state() == HANDOVER_OFF && atomic_load(&child.stopping) == CHILD_RUNNING) {
        handover_watch(1);
    }
}

/* What is due now; returns when to come again if nothing happens. */
static apr_time_t tick(void)
{
    static apr_time_t maintained;
    apr_time_t now = child_now();
    apr_time_t next = now + LONGEST_SLEEP;

    next = sooner(next, serve_deadlines());
    shared_set(child.stats->ticked, now);
    next = sooner(next, accept_resume(now));
    next = sooner(next, pass_on_if_due(now));
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

/* Sleep until @a next, or only for a tick while something runs. */
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
        ns = (next - child_now()) * 1000;
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
    child_ask_for_help(); /* if it was our own idea, somebody has to take our place */
    if (how == CHILD_GRACEFUL && child.last) {
        accept_drain();
    }
    else if (how == CHILD_GRACEFUL) {
        accept_finish();
    }
    else {
        accept_stop();
    }
    if (!handover_keeps()) {
        /* what has been passed on is not left there by the last ones */
        handover_watch(0);
    }
    if (handover_state() == HANDOVER_GIVE) {
        park_release_held();
        park_ready_waiting();
    }
    park_hurry_linger(LINGER_SHORT_TIME);
    ap_run_child_stopping(child.pool, how == CHILD_GRACEFUL);
    park_ready_multiplexed();
}

/* Until nothing is left to be done. */
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
            return;
        }
        if (stopping == CHILD_GRACEFUL && !accept_draining() && park_count() == 0
            && timers_running() == 0) {
            return;
        }
        next = tick();
        if (stopping == CHILD_GRACEFUL && accept_draining()) {
            next = sooner(next, child_now() + apr_time_from_msec(5));
        }
        rest(next);
    }
}

void child_main(const lane_t *lane, int slot, int control, int help)
{
    apr_status_t rv;

    set_up(lane, slot, control, help);
    hung_child_init();
    rv = workers_start();
    if (rv != APR_SUCCESS) {
        die(APEXIT_CHILDSICK);
    }
    workers_maintain(child_now());
    accept_start();
    handover_watch(1);
    child_ask_for_help(); /* the parent waits for the first of a generation */
    hybrid_retained->mpm->mpm_state = AP_MPMQ_RUNNING;
    run();
    workers_leave();
    if (atomic_load(&child.stopping) == CHILD_NOW) {
        park_cut_all();
        if (workers_join(NOW_PATIENCE) != 0) {
            /* Their requests do not notice that the client is gone. Nothing may be
             * cleaned up under them, so the process just ends. */
            _exit(0);
        }
    }
    else {
        workers_join(0);
    }
    die(0);
}
