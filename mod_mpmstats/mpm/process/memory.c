/* SPDX-License-Identifier: Apache-2.0 */
/* Private memory is what the kernel would free if this process ended. */
#include "mpm/process/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/module.h"

#define LOOK_INTERVAL apr_time_from_sec(2)

/*
 * A load peak of at least RUSH_LEAST connections is over when there were at most half as many for
 * QUIET_TIME.
 */
#define QUIET_TIME apr_time_from_sec(5)
#define RUSH_LEAST 50

apr_int64_t memory_private(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    char line[128];
    long kb;
    apr_int64_t sum = 0;

    if (f == NULL) {
        return 0;
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "Private_Clean: %ld kB", &kb) == 1
            || sscanf(line, "Private_Dirty: %ld kB", &kb) == 1) {
            sum += kb * 1024;
        }
    }
    fclose(f);
    return sum;
}

void memory_look(apr_time_t now)
{
    static apr_time_t looked;
    apr_int64_t used;

    if (child.lane->max_memory <= 0 || now - looked < LOOK_INTERVAL) {
        return;
    }
    looked = now;
    used = memory_private();
    if (used > child.lane->max_memory) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                     "child %d uses %" APR_INT64_T_FMT " KB of private memory, more than "
                     "MaxMemoryPerChild: it completes its connections and is replaced",
                     (int)getpid(), used / 1024);
        child_stop(CHILD_GRACEFUL);
    }
}

void memory_return(apr_time_t now, int connections)
{
    static int most;        /* most connections since memory was last returned */
    static apr_time_t busy; /* last time there were more than half as many */

    if (connections > most) {
        most = connections;
    }
    if (most < RUSH_LEAST || connections > most / 2) {
        busy = now;
        return;
    }
    if (now - busy < QUIET_TIME) {
        return;
    }
    most = connections;
#ifdef __GLIBC__
    malloc_trim(0);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "freed memory was returned to the system, in %" APR_TIME_T_FMT " us",
                 clock_now() - now);
#endif
}
