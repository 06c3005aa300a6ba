/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/parent/reap.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/module.h"
#include "mpm/parent/slots.h"
#include "mpm/parent/tell.h"
#include "mpm/process/shared.h"

/*
 * Time before SIGTERM for a prefork child that does not notice that its connection was cut (a
 * script that computes).
 */
#define PREFORK_GRACE APR_TIME_C(200000)

void reap_note_ended(int entry)
{
    proc_t p = procs_table()->proc[entry];
    int i;

    if (p.control_fd >= 0) {
        close(p.control_fd);
    }
    memset(&procs_table()->proc[entry], 0, sizeof(proc_t));
    procs_table()->proc[entry].control_fd = -1;
    for (i = 0; p.slot >= 0 && i < hybrid_retained->shared->threads; i++) {
        ap_update_child_status_from_indexes(p.slot, i, SERVER_DEAD, NULL);
    }
    if (!p.is_lobby) {
        ap_run_child_status(ap_server_conf, p.pid, p.generation, p.slot, MPM_CHILD_EXITED);
    }
    if (p.slot >= 0) {
        slots_clear(p.slot);
        ap_scoreboard_image->parent[p.slot].pid = 0;
    }
    shared_end(hybrid_retained->shared, p.record);
    if (p.destination != 0) { /* it may have gone there, and its answer has not been read */
        shared_end(hybrid_retained->shared, p.destination + 1);
    }
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "child %d of generation %d has left slot %d", (int)p.pid, p.generation, p.slot);
}

bool reap_ended(pid_t pid, int *generation, apr_interval_time_t *lived)
{
    int entry = procs_entry(pid);

    if (entry < 0) {
        return false;
    }
    *generation = procs_table()->proc[entry].generation;
    *lived = clock_now() - procs_table()->proc[entry].started;
    reap_note_ended(entry);
    return true;
}

bool reap_zombies(void)
{
    siginfo_t info;

    info.si_pid = 0;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

static void reap_all(void)
{
    procs_t *t = procs_table();
    int i, status;

    for (i = 0; i < t->entries; i++) {
        apr_proc_t proc;
        apr_exit_why_e why;

        if (t->proc[i].pid == 0) {
            continue;
        }
        proc.pid = t->proc[i].pid;
        switch (apr_proc_wait(&proc, &status, &why, APR_NOWAIT)) {
        case APR_CHILD_NOTDONE:
            break;
        case APR_CHILD_DONE:
            ap_process_child_status(&proc, why, status);
            /* fall through */
        default:
            reap_note_ended(i);
        }
    }
    apr_proc_other_child_refresh_all(APR_OC_REASON_RESTART);
}

static int is_of_prefork(const proc_t *p)
{
    return p->pid != 0 && (p->has_mail || p->is_lobby);
}

/* The times are those of ap_reclaim_child_processes(). */
void reap_reclaim(void)
{
    static const struct {
        apr_interval_time_t at;
        int sig;
        const char *text;
    } steps[] = { { APR_TIME_C(3000000), SIGTERM, "still did not exit, sending a SIGTERM" },
                  { APR_TIME_C(5000000), SIGTERM, "still did not exit, sending a SIGTERM" },
                  { APR_TIME_C(9000000), SIGKILL, "still did not exit, sending a SIGKILL" },
                  { APR_TIME_C(10000000), 0,
                    "could not be made to exit, attempting to continue anyway" } };
    apr_time_t start = clock_now();
    unsigned step = 0;
    bool is_first = procs_count(is_of_prefork) > 0;

    for (;;) {
        reap_all();
        if (procs_total() == 0) {
            return;
        }
        /* As with mpm_prefork, whose children end at the first SIGTERM. */
        if (is_first && clock_now() - start >= PREFORK_GRACE) {
            is_first = false;
            tell_signal(SIGTERM);
        }
        if (clock_now() - start >= steps[step].at) {
            int i;

            for (i = 0; i < procs_table()->entries; i++) {
                if (procs_table()->proc[i].pid != 0) {
                    ap_log_error(APLOG_MARK, step < 2 ? APLOG_WARNING : APLOG_ERR, 0,
                                 ap_server_conf, "child process %d %s",
                                 (int)procs_table()->proc[i].pid, steps[step].text);
                }
            }
            if (steps[step].sig == 0) {
                return;
            }
            tell_signal(steps[step].sig);
            step++;
        }
        (void)tell_again();
        apr_sleep(apr_time_from_msec(5));
    }
}
