/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/threads/heads.h"

#include <stdatomic.h>
#include <unistd.h>

#include "mpm/threads/child.h"
#include "mpm/conn/conn.h"
#include "mpm/module.h"
#include "mpm/threads/park.h"

/* Said once a second at most, however many go. */
static void say_dropped(void)
{
    static _Atomic apr_time_t said;
    static _Atomic unsigned dropped;
    apr_time_t now = child_now();
    apr_time_t last = atomic_load(&said);
    unsigned n = atomic_fetch_add(&dropped, 1) + 1;

    if (now - last < apr_time_from_sec(1) || !atomic_compare_exchange_strong(&said, &last, now)) {
        return;
    }
    atomic_fetch_sub(&dropped, n);
    ap_log_error(
        APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
        "child %d holds more than MPMHeadMemory (%" APR_INT64_T_FMT
        " bytes) of requests that are not whole: "
        "dropped %u connections that held most. Raise MPMHeadMemory, or lower LimitRequestFieldSize, "
        "LimitRequestFields or MPMBodyBuffer",
        (int)getpid(), child.lane->head_memory, n);
}

void heads_keep_budget(worker_t *w)
{
    apr_int64_t most = child.lane->head_memory;
    conn_t *k;

    while (most > 0 && park_head_bytes() > most && (k = park_largest_head()) != NULL) {
        conn_shed(w, k);
        say_dropped();
    }
}
