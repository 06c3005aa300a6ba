/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/child.h"

#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "mpm/module.h"

/* Least interval of CHILD_HELP: the parent reads the counters itself. */
#define ASK_LEAST apr_time_from_msec(5)

child_t child;

_Atomic int child_ticker_asleep;
_Atomic apr_time_t child_ticker_until;

void child_wake(void)
{
    uint64_t one = 1;

    if (write(child.wake_fd, &one, sizeof(one)) < 0) {
        /* EAGAIN: a wake-up is pending already. */
    }
}

void child_stop(int how)
{
    int now = atomic_load(&child.stopping);

    while (now < how && !atomic_compare_exchange_weak(&child.stopping, &now, how)) {
        continue;
    }
    child_wake();
}

bool child_is_orphan(void)
{
    return !hybrid_one_process && getppid() != child.parent;
}

void child_say_orphaned(void)
{
    if (atomic_exchange(&hybrid_retained->shared->server->orphaned, 1) == 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "the parent process %d is gone; its children complete their connections and "
                     "exit. Start the server again",
                     (int)child.parent);
    }
}

void child_tell_parent(char what)
{
    if (child.help_fd >= 0 && write(child.help_fd, &what, 1) < 0) {
        /* EAGAIN: the pipe is full of unread messages. EPIPE: the parent has ended. */
    }
}

void child_ask_for_help(void)
{
    static _Atomic apr_time_t asked;
    apr_time_t now = clock_now();

    if (now - atomic_load(&asked) >= ASK_LEAST) {
        atomic_store(&asked, now);
        child_tell_parent(CHILD_HELP);
    }
}
