/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent reports what a crashed child left in shared memory: its part of the scoreboard and the
 * number of the worker that got the signal.
 */
#include "mpm/process/crash.h"

#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "httpd.h"
#include "scoreboard.h"
#include "mpm/process/child.h"
#include "mpm/module.h"
#include "mpm/process/shared.h"

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
#define FATAL_SIGNALS (sizeof(fatal_signals) / sizeof(fatal_signals[0]))

/* Handlers installed before; written by crash_child_setup() only. */
static struct sigaction before[FATAL_SIGNALS];

/*
 * Number of this worker plus one, 0 in other threads. A signal handler reads it, so it must not be
 * allocated lazily.
 */
static _Thread_local int worker_number __attribute__((tls_model("initial-exec")));

void crash_this_is_worker(int index)
{
    worker_number = index + 1;
}

static void on_fatal(int sig)
{
    unsigned i;

    if (child.stats != NULL) {
        shared_set(child.stats->crashed_worker, worker_number);
    }
    for (i = 0; i < FATAL_SIGNALS; i++) {
        if (fatal_signals[i] == sig) {
            sigaction(sig, &before[i], NULL);
        }
    }
    raise(sig); /* delivered to the previous handler after this one returns */
}

void crash_child_setup(void)
{
    struct sigaction sa;
    unsigned i;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_fatal;
    for (i = 0; i < FATAL_SIGNALS; i++) {
        sigaction(fatal_signals[i], &sa, &before[i]);
    }
}

const char *crash_state_name(unsigned char status)
{
    switch (status) {
    case SERVER_BUSY_READ:
        return "reading";
    case SERVER_BUSY_WRITE:
        return "sending or in its handler";
    case SERVER_BUSY_KEEPALIVE:
        return "in keep-alive";
    case SERVER_BUSY_LOG:
        return "logging";
    case SERVER_BUSY_DNS:
        return "looking up a name";
    case SERVER_CLOSING:
        return "closing";
    default:
        return NULL;
    }
}

static bool is_worth_a_line(int slot, int thread, bool hit)
{
    worker_score ws;

    ap_copy_scoreboard_worker(&ws, slot, thread);
    return hit || crash_state_name(ws.status) != NULL;
}

static void report_worker(pid_t pid, int slot, int thread, bool hit)
{
    worker_score ws;
    char handler[64] = "";
    const char *state;
    apr_time_t now = apr_time_now();
    apr_time_t begun;

    ap_copy_scoreboard_worker(&ws, slot, thread);
    state = crash_state_name(ws.status);
    if (state == NULL && !hit) {
        return;
    }
    /* A crashing child may have written any bytes there. */
    ws.vhost[sizeof(ws.vhost) - 1] = ws.request[sizeof(ws.request) - 1] = '\0';
    ws.client64[sizeof(ws.client64) - 1] = '\0';
    shared_handler(slot, thread, handler, sizeof(handler));
    begun = ws.start_time > ws.stop_time ? ws.start_time : ws.last_used;
    ap_log_error(
        APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
        "child pid %d, worker %d%s: %s, vhost \"%s\", request \"%s\", handler \"%s\", client %s, "
        "for %" APR_TIME_T_FMT " ms",
        (int)pid, thread, hit ? " (received the signal)" : "", state ? state : "idle", ws.vhost,
        ws.request, handler, ws.client64, begun > 0 && begun < now ? (now - begun) / 1000 : 0);
}

void crash_report(pid_t pid, int slot, int sig)
{
    int hit = shared_get(hybrid_retained->shared->process[slot].crashed_worker) - 1;
    int i, lines = 0;

    for (i = 0; i < hybrid_retained->shared->threads; i++) {
        lines += is_worth_a_line(slot, i, i == hit);
    }
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf, "child pid %d died of signal %d; %s",
                 (int)pid, sig,
                 lines > 0 ? "what its workers were doing:" : "none of its workers was busy");
    for (i = 0; i < hybrid_retained->shared->threads; i++) {
        report_worker(pid, slot, i, i == hit);
    }
}
