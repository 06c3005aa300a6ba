/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent sleeps in ppoll(2) and wakes for a signal, for a byte that a child sends, and at least
 * once a second for maintenance.
 */
#include "mpm/parent/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "ap_listen.h"
#include "http_main.h"
#include "mpm_common.h"
#include "unixd.h"
#include "gen/version.h"
#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/process/control.h"
#include "mpm/process/crash.h"
#include "mpm/process/files.h"
#include "mpm/process/handover.h"
#include "mpm/process/listeners.h"
#include "mpm/module.h"
#include "mpm/parent/maintain.h"
#include "mpm/parent/procs.h"
#include "mpm/parent/reap.h"
#include "mpm/parent/slots.h"
#include "mpm/parent/start.h"
#include "mpm/parent/tell.h"
#include "mpm/parent/settle.h"
#include "mpm/process/shared.h"

/* Interval of the monitor hook, on which samplers of the server rely. */
#define MONITOR_INTERVAL apr_time_from_sec(1)

/* Least interval between two CONTROL_LOOK. */
#define LOOK_LEAST apr_time_from_msec(20)

/*
 * Descriptors of the parent for listeners and logs, beside one for each threaded child, whose
 * number a restart may double.
 */
#define OWN_FILES 64

/* Retry interval of messages that could not be sent. */
#define TELL_INTERVAL apr_time_from_msec(50)

/* Set in parent_run, for this run. */
static const lane_t *lane;
static const start_mains_t *mains;
static int help_fds[2] = { -1, -1 };
static int fatal_child;
static apr_time_t look_at; /* when to send CONTROL_LOOK, 0: no child has asked for it */

static ap_unixd_mpm_retained_data *mpm(void)
{
    return hybrid_retained->mpm;
}

/* ---- signals ------------------------------------------------------------ */

static void on_child(int sig)
{
    (void)sig; /* it only makes ppoll() return */
}

/* SIGCHLD has a handler during a run only: the module may be unloaded afterwards. */
static void watch_children(bool on)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on ? on_child : SIG_DFL;
    sa.sa_flags = SA_RESTART | SA_NOCLDSTOP;
    sigaction(SIGCHLD, &sa, NULL);
}

static bool told_to_end(void)
{
    return mpm()->restart_pending || mpm()->shutdown_pending;
}

/* Read what children sent. CHILD_HELP needs no action: maintain_run() sees it in the counters. */
static void read_wishes(void)
{
    static apr_time_t passed_on;
    apr_time_t now = clock_now();
    char buf[256];
    ssize_t n;
    bool look = false;

    while ((n = read(help_fds[0], buf, sizeof(buf))) > 0) {
        look |= memchr(buf, CHILD_LOOK, (size_t)n) != NULL;
    }
    if (look && look_at == 0 && lane->is_threaded) {
        look_at = passed_on + LOOK_LEAST; /* a child must not fill its siblings' sockets */
    }
    if (look_at != 0 && now >= look_at) {
        look_at = 0;
        passed_on = now;
        tell_to_look();
    }
}

/*
 * Sleep, unless a signal has already requested something. Signals are unblocked only inside
 * ppoll(), so none is missed between the check and the sleep.
 */
static void sleep_a_while(apr_interval_time_t us)
{
    struct pollfd fd = { .fd = help_fds[0], .events = POLLIN };
    struct timespec ts = { 0, 0 };
    apr_interval_time_t left = look_at != 0 ? look_at - clock_now() : us;
    sigset_t ours, old;

    us = left < us ? left : us;
    if (us > 0) {
        ts.tv_sec = us / 1000000;
        ts.tv_nsec = us % 1000000 * 1000;
    }
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGCHLD);
    sigaddset(&ours, AP_SIG_GRACEFUL);
    sigaddset(&ours, AP_SIG_GRACEFUL_STOP);
    sigprocmask(SIG_BLOCK, &ours, &old);
    if (!told_to_end() && !reap_zombies()) {
        ppoll(&fd, 1, &ts, &old);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    if (fd.revents || look_at != 0) {
        read_wishes();
    }
}

/* ---- reaping ------------------------------------------------------------ */

/*
 * Whether the exit status APEXIT_CHILDFATAL concerns this child alone: one of its generation, or
 * itself (it had a worker), has served. Called before ap_process_child_status(), which would log
 * that the server ends.
 */
static bool is_fatal_for_one(pid_t pid, apr_exit_why_e why, int status, int slot)
{
    int generation;

    if (!APR_PROC_CHECK_EXIT(why) || status != APEXIT_CHILDFATAL || !procs_is_ours(pid)) {
        return false;
    }
    generation = procs_generation(pid);
    if (generation == mpm()->my_generation && hybrid_retained->proven != generation + 1
        && (slot < 0 || shared_get(hybrid_retained->shared->process[slot].workers) == 0)) {
        return false;
    }
    ap_log_error(
        APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
        "child %d has exited with status %d, which reports that the server cannot run; its generation has served, "
        "so the child is replaced",
        (int)pid, status);
    return true;
}

/* A child has ended. True if the server must stop because of it. */
static bool child_ended(apr_proc_t *proc, apr_exit_why_e why, int status)
{
    int generation = 0;
    apr_interval_time_t lived = 0;
    int slot = procs_find(proc->pid);
    int verdict = is_fatal_for_one(proc->pid, why, status, slot)
        ? APEXIT_CHILDSICK
        : ap_process_child_status(proc, why, status);
    bool ours;

    if (slot >= 0 && APR_PROC_CHECK_SIGNALED(why) && status != SIGTERM) {
        crash_report(proc->pid, slot, status);
    }
    else if (APR_PROC_CHECK_SIGNALED(why) && status != SIGTERM && procs_is_lobby(proc->pid)) {
        ap_log_error(
            APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
            "the lobby, process %d, died of signal %d: the connections that waited in it are lost",
            (int)proc->pid, status);
    }
    ours = reap_ended(proc->pid, &generation, &lived);
    if (ours && APR_PROC_CHECK_SIGNALED(why) && status != SIGTERM) {
        shared_add(hybrid_retained->shared->server->crashes, 1);
    }

    if (!ours) {
        if (apr_proc_other_child_alert(proc, APR_OC_REASON_DEATH, status) != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                         "process %d has ended, it was no child of the MPM", (int)proc->pid);
        }
        return false;
    }
    if (verdict == APEXIT_CHILDFATAL && generation == mpm()->my_generation) {
        fatal_child = 1;
        return true;
    }
    if (generation == mpm()->my_generation
        && ((APR_PROC_CHECK_SIGNALED(why) && status != SIGTERM) || verdict == APEXIT_CHILDSICK)) {
        maintain_child_failed(lived);
    }
    return false;
}

static void reap(apr_pool_t *p)
{
    apr_proc_t proc;
    apr_exit_why_e why;
    int status;

    while (apr_proc_wait_all_procs(&proc, &status, &why, APR_NOWAIT, p) == APR_CHILD_DONE) {
        if (child_ended(&proc, why, status)) {
            mpm()->shutdown_pending = 1;
            mpm()->is_ungraceful = 1;
            return;
        }
    }
}

/* ---- the run ------------------------------------------------------------ */

/*
 * After a hard restart with a model of another shape: with ap_scoreboard_image NULL httpd creates a
 * new scoreboard. The old one stays mapped, unused, until the server ends. Returns the old
 * counters.
 */
static shared_t *forget_shape(void)
{
    shared_t *old = hybrid_retained->shared;

    ap_scoreboard_image = NULL;
    hybrid_retained->shared = NULL;
    free(hybrid_retained->procs);
    hybrid_retained->procs = NULL;
    hybrid_retained->reshape = 0;
    return old;
}

static int set_up_once(server_rec *s)
{
    shared_t *old = hybrid_retained->reshape ? forget_shape() : NULL;

    if (!mpm()->was_graceful) {
        if (ap_run_pre_mpm(s->process->pool, SB_SHARED) != OK) {
            mpm()->mpm_state = AP_MPMQ_STOPPING;
            return !OK;
        }
        ap_scoreboard_image->global->running_generation = mpm()->my_generation;
    }
    if (hybrid_retained->shared == NULL) {
        hybrid_retained->shared = shared_create(lane->slots, lane->thread_limit);
        if (hybrid_retained->shared == NULL) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s,
                         "cannot map memory for the counters of %d processes, lower ServerLimit",
                         lane->slots);
            return !OK;
        }
    }
    if (old != NULL) {
        shared_inherit(hybrid_retained->shared, old);
        shared_destroy(old);
    }
    if (handover_open(!mpm()->was_graceful) != 0) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, errno, s,
            "cannot create the socket pair that passes connections at a restart: they stay with the old children");
    }
    if (hybrid_retained->procs == NULL) {
        hybrid_retained->procs = procs_create(lane->slots);
    }
    return OK;
}

static apr_status_t close_help_pipe(void *unused)
{
    (void)unused;
    close(help_fds[0]);
    close(help_fds[1]);
    help_fds[0] = help_fds[1] = -1;
    return APR_SUCCESS;
}

static int open_help_pipe(apr_pool_t *pconf)
{
    if (pipe2(help_fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, ap_server_conf,
                     "cannot create the pipe from the children");
        return !OK;
    }
    /* O_CLOEXEC closes it in programs, so no child cleanup is needed. */
    apr_pool_cleanup_register(pconf, NULL, close_help_pipe, apr_pool_cleanup_null);
    return OK;
}

static void announce(apr_pool_t *plog, server_rec *s)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "%s%s configured -- resuming normal operations",
                 lane_choose(lane, "AH00489: ", "AH00292: ", "AH00163: "),
                 ap_get_server_description());
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, "%sServer built: %s",
                 lane_choose(lane, "AH00490: ", "AH00293: ", "AH00164: "), ap_get_server_built());
    ap_log_command_line(plog, s);
    ap_log_mpm_common(s);
    if (!lane->is_threaded) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                     "mpm_hybrid " MPM_VERSION ", model %s: up to %d processes", lane->model,
                     lane->max_processes);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                 "mpm_hybrid " MPM_VERSION
                 ", model %s: up to %d processes of %d workers, %d polling in each",
                 lane->model, lane->max_processes, lane->threads_per_child, lane->concurrency);
}

static void serve(apr_pool_t *p, server_rec *s)
{
    apr_time_t monitored = clock_now();

    files_raise_for(OWN_FILES + (lane->is_threaded ? 2 * (unsigned)lane->max_processes : 0));
    lane_check_connections(lane, s);
    maintain_start(lane, mains, help_fds[1]);
    while (!told_to_end()) {
        apr_time_t now = clock_now();
        apr_interval_time_t rest = maintain_run(now);

        if (slots_tell_again() && rest > TELL_INTERVAL) {
            rest = TELL_INTERVAL;
        }
        if (now - monitored >= MONITOR_INTERVAL) {
            monitored = now;
            ap_run_monitor(p, s);
        }
        sleep_a_while(rest);
        reap(p);
    }
}

/* ---- its end ------------------------------------------------------------ */

static void log_and_remove_pid(apr_pool_t *p, server_rec *s, const char *number, const char *text)
{
    if (!fatal_child) {
        ap_remove_pid(p, ap_pid_fname);
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "%s%s", number, text);
    }
}

static int stop_now(apr_pool_t *p, server_rec *s)
{
    tell_all(CONTROL_NOW);
    reap_reclaim();
    log_and_remove_pid(p, s, lane_choose(lane, "AH00491: ", "AH00295: ", "AH00169: "),
                       "caught SIGTERM, shutting down");
    return DONE;
}

static int stop_gracefully(apr_pool_t *p, server_rec *s)
{
    apr_time_t until = 0;

    listeners_refuse_new();
    maintain_end();
    tell_all(CONTROL_LAST);
    ap_close_listeners();
    log_and_remove_pid(p, s, lane_choose(lane, "AH00492: ", "AH00296: ", "AH00170: "),
                       "caught " AP_SIG_GRACEFUL_STOP_STRING ", shutting down gracefully");
    if (ap_graceful_shutdown_timeout > 0) {
        until = clock_now() + apr_time_from_sec(ap_graceful_shutdown_timeout);
    }
    mpm()->shutdown_pending = 0;
    for (;;) {
        apr_time_t now = clock_now();
        apr_interval_time_t rest;

        reap(p);
        if (procs_total() == 0 || mpm()->shutdown_pending || (until != 0 && now >= until)) {
            break;
        }
        rest = slots_tell_again() ? TELL_INTERVAL : apr_time_from_sec(1);
        sleep_a_while(until != 0 && until - now < rest ? until - now : rest);
    }
    tell_all(CONTROL_NOW);
    reap_reclaim();
    return DONE;
}

/* Called while a restart waits for requests. Nonzero: a stop or hard restart is pending. */
static int keep_house(void)
{
    read_wishes();
    reap(hybrid_pconf);
    return mpm()->shutdown_pending || mpm()->is_ungraceful;
}

static void restart_now(server_rec *s)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "%sSIGHUP received.  Attempting to restart",
                 lane_choose(lane, "AH00494: ", "AH00298: ", "AH00173: "));
    tell_all(CONTROL_NOW);
    reap_reclaim();
    hybrid_retained->held = 0;
}

/* The old children serve until maintain_run() of the next run drains them. */
static void restart_gracefully(server_rec *s)
{
    ap_log_error(
        APLOG_MARK, APLOG_NOTICE, 0, s, "%s",
        lane_choose(lane, "AH00493: " AP_SIG_GRACEFUL_STRING " received.  Doing graceful restart",
                    "AH00297: " AP_SIG_GRACEFUL_STRING " received.  Doing graceful restart",
                    "AH00171: Graceful restart requested, doing restart"));
    if (settle_is_due(lane)) {
        hybrid_retained->held = 1;
        settle(lane, help_fds[0], keep_house);
    }
}

/*
 * A stop is looked for again when a restart has waited for requests or for the end of the old
 * children: httpd forgets pending signals when the run is over.
 */
static int end_run(apr_pool_t *p, server_rec *s)
{
    if (!mpm()->shutdown_pending) {
        mpm()->my_generation++;
        ap_scoreboard_image->global->running_generation = mpm()->my_generation;
        if (!mpm()->is_ungraceful) {
            restart_gracefully(s);
        }
    }
    if (mpm()->is_ungraceful && !mpm()->shutdown_pending) {
        restart_now(s);
    }
    if (mpm()->shutdown_pending) {
        return mpm()->is_ungraceful ? stop_now(p, s) : stop_gracefully(p, s);
    }
    return OK;
}

static int run_one_process(apr_pool_t *pconf)
{
    uid_t started_as = geteuid();
    handoff_pairs_t none;
    start_birth_t birth = { .lane = lane, .mains = mains, .pairs = &none };
    int code;

    handoff_none(&none);
    code = start_one_process(&birth);
    /* Started as root, the process has dropped the privilege to remove it. */
    if (geteuid() == started_as) {
        ap_remove_pid(pconf, ap_pid_fname);
    }
    exit(code);
}

int parent_run(const lane_t *for_lane, const start_mains_t *with_mains, apr_pool_t *pconf,
               apr_pool_t *plog, server_rec *s)
{
    int rc;

    lane = for_lane;
    mains = with_mains;
    ap_log_pid(pconf, ap_pid_fname);
    if (set_up_once(s) != OK || open_help_pipe(pconf) != OK) {
        return !OK;
    }
    ap_unixd_mpm_set_signals(pconf, hybrid_one_process);
    announce(plog, s);
    mpm()->mpm_state = AP_MPMQ_RUNNING;
    if (hybrid_one_process) {
        return run_one_process(pconf);
    }
    watch_children(true);
    fatal_child = 0;
    serve(pconf, s);
    mpm()->mpm_state = AP_MPMQ_STOPPING;
    rc = end_run(pconf, s);
    watch_children(false);
    return rc;
}
