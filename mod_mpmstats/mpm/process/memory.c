/* SPDX-License-Identifier: Apache-2.0 */
/* Private memory is what the kernel would free if this process ended. */
#include "mpm/process/memory.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/module.h"

#define LOOK_INTERVAL apr_time_from_sec(2)

/* The number of connections has changed when it is at most half its maximum, or by half and
 * CHANGE_LEAST above what it was; it is steady when it grew by less than an eighth in STEADY_TIME.
 */
#define STEADY_TIME apr_time_from_sec(5)
#define CHANGE_LEAST 50

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

/* Whether @a connections has changed since the last time this was so, and is steady again. */
static bool has_settled(apr_time_t now, int connections)
{
    static int most, before; /* since then; then */
    static int level;        /* at the beginning of the steady time */
    static apr_time_t begun; /* of the steady time */

    if (connections > most) {
        most = connections;
    }
    if ((connections < before + before / 2 + CHANGE_LEAST
         && (connections > most / 2 || most < CHANGE_LEAST))
        || connections > level + level / 8) {
        level = connections;
        begun = now;
    }
    if (now - begun < STEADY_TIME) {
        return false;
    }
    most = before = level = connections;
    begun = now;
    return true;
}

void memory_return(apr_time_t now, int connections)
{
    if (!has_settled(now, connections)) {
        return;
    }
#ifdef __GLIBC__
    malloc_trim(0);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "freed memory was returned to the system, in %" APR_TIME_T_FMT " us",
                 clock_now() - now);
#endif
}
