/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hung workers, and with them the HTTP/2 streams, which streams.c keeps. The ticker cannot read a request that a worker owns: the log message is taken from
 * the scoreboard. The workers count their requests, and mark runs that are connections, here.
 */
#include "mpm/threads/hung.h"

#include <unistd.h>

#include "httpd.h"
#include "scoreboard.h"
#include "mpm/conn/streams.h"
#include "mpm/process/child.h"
#include "mpm/process/crash.h"
#include "mpm/module.h"
#include "mpm/threads/worker.h"

typedef struct {
    apr_uint64_t run;     /* the run seen last, 0: none */
    apr_uint32_t request; /* value of `begun` then */
    apr_time_t since;     /* when these were first seen */
    int told;
    /* written by the thread that runs the connection; relaxed, they publish nothing else */
    _Atomic apr_uint32_t begun;      /* requests so far, wraps */
    _Atomic apr_uint64_t connection; /* the run that lasts as long as a connection, 0: none yet */
} watch_t;

static watch_t *watches; /* one per worker; ticker's but for the last two fields */

void hung_child_init(void)
{
    watches = apr_pcalloc(child.pool, sizeof(*watches) * (apr_size_t)child.lane->threads_per_child);
}

void hung_request_begins(int index)
{
    atomic_fetch_add_explicit(&watches[index].begun, 1, memory_order_relaxed);
}

void hung_is_connection(int index)
{
    atomic_store_explicit(&watches[index].connection, workers_run_of(index), memory_order_relaxed);
}

static void tell(int index, apr_time_t now)
{
    worker_score ws;
    char handler[64] = "";
    const char *phase;

    ap_copy_scoreboard_worker(&ws, child.slot, index);
    shared_handler(child.slot, index, handler, sizeof(handler));
    phase = crash_state_name(ws.status);
    ap_log_error(
        APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
        "child %d, worker %d has been busy for %d seconds: %s, vhost \"%s\", request \"%s\", "
        "handler \"%s\", client %s",
        (int)getpid(), index, (int)apr_time_sec(now - watches[index].since),
        phase ? phase : "between requests", ws.vhost, ws.request, handler, ws.client64);
}

void hung_look(apr_time_t now)
{
    apr_interval_time_t limit = apr_time_from_sec(child.lane->hung_seconds);
    streams_t streams = streams_look(now, limit);
    apr_uint32_t hung = streams.hung;
    int i;

    shared_set(child.stats->streams, streams.running);
    if (limit <= 0) {
        return;
    }
    for (i = 0; i < child.lane->threads_per_child; i++) {
        watch_t *w = &watches[i];
        apr_uint64_t run = workers_run_of(i);
        apr_uint32_t request = atomic_load_explicit(&w->begun, memory_order_relaxed);

        if (run != w->run || request != w->request) {
            w->run = run;
            w->request = request;
            w->since = now;
            w->told = 0;
        }
        if (run == 0 || now - w->since < limit
            || run == atomic_load_explicit(&w->connection, memory_order_relaxed)) {
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
