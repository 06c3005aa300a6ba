/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hung workers. The ticker cannot look into a request that a worker owns, so what is
 * told of it comes from the scoreboard, where the worker has put it.
 */
#include "mpm/hung.h"

#include <unistd.h>

#include "httpd.h"
#include "scoreboard.h"
#include "mpm/child.h"
#include "mpm/crash.h"
#include "mpm/hybrid.h"
#include "mpm/worker.h"

typedef struct {
    apr_uint64_t run;           /* the run seen last, 0: none */
    apr_time_t since;           /* when it was seen first */
    int told;
} watch_t;

static watch_t *watches;        /* one for each worker; ticker's */

void hung_child_init(void)
{
    watches = apr_pcalloc(child.pool, sizeof(*watches) * (apr_size_t)child.lane->threads_per_child);
}

static void tell(int index, apr_time_t now)
{
    worker_score ws;
    char handler[64] = "";
    const char *phase;

    ap_copy_scoreboard_worker(&ws, child.slot, index);
    mpm_hybrid_worker_handler(child.slot, index, handler, sizeof(handler));
    phase = crash_state_name(ws.status);
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "child %d, worker %d has been busy for %d seconds: %s, vhost \"%s\", request \"%s\", "
                 "handler \"%s\", client %s", (int)getpid(), index,
                 (int)apr_time_sec(now - watches[index].since), phase ? phase : "between requests",
                 ws.vhost, ws.request, handler, ws.client64);
}

void hung_look(apr_time_t now)
{
    apr_interval_time_t limit = apr_time_from_sec(child.lane->hung_seconds);
    apr_uint32_t hung = 0;
    int i;

    if (limit <= 0) {
        return;
    }
    for (i = 0; i < child.lane->threads_per_child; i++) {
        watch_t *w = &watches[i];
        apr_uint64_t run = workers_run_of(i);

        if (run != w->run) {
            w->run = run;
            w->since = now;
            w->told = 0;
        }
        if (run == 0 || now - w->since < limit) {
            continue;
        }
        hung++;
        if (!w->told) {
            w->told = 1;
            tell(i, now);
        }
    }
    shared_set(child.stats->hung, hung);
}
