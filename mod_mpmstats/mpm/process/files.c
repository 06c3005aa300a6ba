/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/files.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "mpm/process/child.h"
#include "mpm/module.h"

/* Runs in a new process, which any thread may have forked: system calls only. */
static void give_back(void)
{
    const hybrid_retained_t *kept = hybrid_retained;
    struct rlimit lim;

    /* Keep a limit that other code has set since. */
    if (kept == NULL || kept->files_raised == 0 || getrlimit(RLIMIT_NOFILE, &lim) != 0
        || lim.rlim_cur != kept->files_raised) {
        return;
    }
    lim.rlim_cur = kept->files_before;
    setrlimit(RLIMIT_NOFILE, &lim);
}

/* As under mpm_worker, programs started by the worker model's workers have SIGUSR1 unblocked. */
static void unblock_usr1(void)
{
    sigset_t usr1;

    if (child.lane != NULL && child.lane->is_threaded && !child.lane->is_async) {
        sigemptyset(&usr1);
        sigaddset(&usr1, SIGUSR1);
        pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    }
}

static void in_new_process(void)
{
    give_back();
    unblock_usr1();
}

void files_watch_forks(void)
{
    static int watched;

    /* The C library removes the handler when the module is unloaded. */
    if (!watched && pthread_atfork(NULL, NULL, in_new_process) == 0) {
        watched = 1;
    }
}

void files_raise(void)
{
    struct rlimit lim;
    rlim_t before;

    if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= lim.rlim_max) {
        return;
    }
    before = lim.rlim_cur;
    lim.rlim_cur = lim.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &lim) == 0) {
        hybrid_retained->files_before = before;
        hybrid_retained->files_raised = lim.rlim_cur;
    }
}

void files_raise_for(unsigned needed)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= needed) {
        return;
    }
    files_raise();
    if (lim.rlim_max < needed) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
            "the hard limit of %lu open files is too low for the parent, which needs up to %u for its "
            "children: raise it (LimitNOFILE= of the service, ulimit -Hn), or lower ServerLimit",
            (unsigned long)lim.rlim_max, needed);
    }
}
