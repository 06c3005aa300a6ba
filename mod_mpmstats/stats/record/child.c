/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child claims a record before it serves and marks it as left at its exit. The parent clears the
 * record after it has reaped the child, and subtracts the child's requests in flight from the
 * gauges. A child whose record is not marked crashed or was killed. It records a fatal signal that
 * it can catch itself, so that the signal is known even if the whole server dies; the parent gets
 * the others with SIGCHLD, because the MPM hooks run after the child is reaped, without its exit
 * status.
 */
#include "stats/record/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apr_strings.h"
#include "segment/file.h"
#include "segment/ring.h"
#include "http_main.h"
#include "stats/hybrid.h"
#include "stats/mpm_answer.h"
#include "stats/record/record.h"
#include "stats/record/score.h"
#include "stats/record/board.h"
#include "stats/record/extended.h"
#include "stats/record/segment.h"
#include "stats/record/streams.h"

/* ---- in the child --------------------------------------------------------------- */

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
#define FATAL_SIGNALS (sizeof(fatal_signals) / sizeof(fatal_signals[0]))

/* The previous handlers; written in watch_signals() only. */
static struct sigaction before[FATAL_SIGNALS];

static void on_fatal(int sig)
{
    if (record.self.record != NULL) {
        segment_set(&record.self.record->signal, (uint64_t)sig);
    }
    record_streams_crash(sig);
    for (size_t i = 0; i < FATAL_SIGNALS; i++) {
        if (fatal_signals[i] == sig) {
            sigaction(sig, &before[i], NULL);
        }
    }
    raise(sig); /* delivered to the previous handler when this one returns */
}

static void watch_signals(void)
{
    struct sigaction action = { .sa_handler = on_fatal };

    for (size_t i = 0; i < FATAL_SIGNALS; i++) {
        sigaction(fatal_signals[i], &action, &before[i]);
    }
}

/* Cleanup of the child's pool: an orderly exit. */
static apr_status_t leave(void *data)
{
    segment_process_rec_t *process = data;

    if (segment_get(&process->pid) == (uint64_t)getpid()) {
        segment_set(&process->left, (uint64_t)apr_time_now());
    }
    return APR_SUCCESS;
}

void record_child_introduce(segment_process_rec_t *process, int generation)
{
    segment_set(&process->generation, (uint64_t)generation);
    segment_set(&process->config_generation, record.config_generation);
    segment_untold(SEGMENT_S_PROCESS, process);
    segment_set(&process->streams_running, record_streams_threads() > 0 ? 0 : SEGMENT_UNKNOWN);
    segment_set(&process->started, (uint64_t)apr_time_now());
}

void record_child_init(apr_pool_t *pchild, server_rec *s)
{
    (void)s;
    hybrid_child_init();
    if (record.segment == NULL) {
        return;
    }
    record.in_child = true;
    record_extended_child_init();
    record_score_child_init();
    record_child_unwatch();
    if (getpid() != record.parent) {
        /* With -X the process is also the parent and keeps the writer's lock. */
        segment_release(record.segment);
    }
    record.default_row = segment_handler_row(record.segment, "default-handler");
    record.threads_of_slot = mpm_answer(AP_MPMQ_HARD_LIMIT_THREADS, 0);
    record.async = mpm_answer(AP_MPMQ_IS_ASYNC, 0) > 0;
    record.threaded = mpm_answer(AP_MPMQ_IS_THREADED, AP_MPMQ_NOT_SUPPORTED)
        != AP_MPMQ_NOT_SUPPORTED;
    record.self = segment_process_claim(record.segment, getpid());
    if (record.self.record != NULL) {
        record_child_introduce(record.self.record, (int)mpm_answer(AP_MPMQ_GENERATION, 0));
        apr_pool_cleanup_register(pchild, record.self.record, leave, apr_pool_cleanup_null);
        watch_signals();
    }
    if (!record.limits_told) {
        /* The first child may serve before the parent has recorded them; with -X it is alone. */
        record_segment_limits();
        record_board_describe(record.segment);
    }
}

/* ---- in the parent --------------------------------------------------------------- */

/* The previous handler of SIGCHLD; written in watch_children() only, while on_child() is not set. */
static struct sigaction child_before;
static bool watching;

static void write_down(const siginfo_t *info)
{
    segment_t *segment = record.segment;

    for (unsigned i = 0; i < segment->shape.processes; i++) {
        if (segment_get(&segment->process[i].pid) == (uint64_t)info->si_pid) {
            segment_set(&segment->process[i].signal, (uint64_t)info->si_status);
        }
    }
}

static bool was_killed(const siginfo_t *info)
{
    return info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;
}

/*
 * Several children that end at once may cause one SIGCHLD: checks all that are not reaped yet.
 */
static void look_for_more(void)
{
    segment_t *segment = record.segment;

    for (unsigned i = 0; i < segment->shape.processes; i++) {
        uint64_t pid = segment_get(&segment->process[i].pid);
        siginfo_t info = { .si_pid = 0 };

        if (pid > 0 && pid <= INT32_MAX
            && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0
            && was_killed(&info)) {
            write_down(&info);
        }
    }
}

/* Runs before the child is reaped, or at the latest when the reaping call returns. */
static void on_child(int sig, siginfo_t *info, void *context)
{
    int saved = errno;

    if (record.segment != NULL && getpid() == record.parent) {
        if (was_killed(info)) {
            write_down(info);
        }
        look_for_more();
    }
    errno = saved;
    if (child_before.sa_flags & SA_SIGINFO) {
        child_before.sa_sigaction(sig, info, context);
    }
    else if (child_before.sa_handler != SIG_DFL && child_before.sa_handler != SIG_IGN) {
        child_before.sa_handler(sig);
    }
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_child;
}

/*
 * Called with the first child: by then an MPM that handles SIGCHLD has installed its handler, which
 * this one calls.
 */
static void watch_children(void)
{
    struct sigaction action = { .sa_sigaction = on_child,
                                .sa_flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP };

    if (sigaction(SIGCHLD, NULL, &child_before) != 0 || is_ours(&child_before)
        || (!(child_before.sa_flags & SA_SIGINFO) && child_before.sa_handler == SIG_IGN)) {
        return;
    }
    sigemptyset(&action.sa_mask);
    watching = sigaction(SIGCHLD, &action, NULL) == 0;
}

void record_child_unwatch(void)
{
    struct sigaction now;

    if (watching && sigaction(SIGCHLD, NULL, &now) == 0 && is_ours(&now)) {
        sigaction(SIGCHLD, &child_before, NULL);
    }
    watching = false;
}

/* Whether a stopping server ends its children by this signal. */
static bool is_of_the_end(uint64_t sig)
{
    return sig == 0 || sig == SIGTERM || sig == SIGKILL || sig == SIGHUP;
}

static void note_crash(segment_t *segment, pid_t pid, uint64_t sig, const segment_gone_t *gone)
{
    segment_server_rec_t *server = segment->server;
    uint64_t now = (uint64_t)apr_time_now();
    char text[64];

    segment_add(&server->crashes, 1);
    segment_add(&server->closed_crash, gone->connections);
    segment_set(&server->last_crash, now);
    segment_set(&server->last_crash_pid, (uint64_t)pid);
    segment_set(&server->last_crash_signal, sig);
    apr_snprintf(text, sizeof(text),
                 "%" APR_UINT64_T_FMT " requests and %" APR_UINT64_T_FMT " connections lost",
                 (apr_uint64_t)gone->requests, (apr_uint64_t)gone->connections);
    segment_ring_put(segment, SEGMENT_EVENT_CRASH, now, (uint64_t)pid, sig,
                     gone->started != 0 && now > gone->started ? now - gone->started : 0, text);
}

static uint64_t signal_of(const segment_t *segment, pid_t pid)
{
    for (unsigned i = 0; i < segment->shape.processes; i++) {
        if (segment_get(&segment->process[i].pid) == (uint64_t)pid) {
            return segment_get(&segment->process[i].signal);
        }
    }
    return 0;
}

static void gone(pid_t pid)
{
    uint64_t sig = signal_of(record.segment, pid);
    bool in_time = is_of_the_end(sig) && mpm_answer_is_stopping();
    segment_gone_t what;

    if (!in_time) {
        record_streams_report(pid);
    }
    what = segment_process_gone(record.segment, pid);
    segment_add(&record.segment->server->children_ended, 1);
    if (what.known && !what.left && !in_time) {
        note_crash(record.segment, pid, sig, &what);
    }
    else {
        /* The kernel closes the connections of a process that ends at once. */
        segment_add(&record.segment->server->closed_stopping, what.connections);
    }
}

void record_child_status(server_rec *s, pid_t pid, ap_generation_t generation, int slot,
                         mpm_child_status state)
{
    (void)s;
    (void)generation;
    (void)slot;
    if (record.segment == NULL || record.in_child) {
        return;
    }
    if (state == MPM_CHILD_STARTED) {
        segment_add(&record.segment->server->children_started, 1);
        if (!watching) {
            watch_children();
        }
        if (!record.limits_told) {
            /* The first child of this configuration: limits and scoreboard exist by now. */
            record_segment_limits();
            record_board_describe(record.segment);
        }
    }
    else if (state == MPM_CHILD_EXITED) {
        gone(pid);
    }
}

void record_child_sweep(void)
{
    for (unsigned i = 0; i < record.segment->shape.processes; i++) {
        uint64_t pid = segment_get(&record.segment->process[i].pid);

        if (pid != 0 && (pid > INT32_MAX || (kill((pid_t)pid, 0) != 0 && errno == ESRCH))) {
            gone((pid_t)pid);
        }
    }
}
