/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/life.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mpm_common.h"
#include "scoreboard.h"

#include "mpm/module.h"
#include "mpm/process/child.h"
#include "mpm/process/crash.h"
#include "mpm/process/shortage.h"

int life_begin(int slot)
{
    apr_thread_t *self;
    apr_status_t rv = APR_SUCCESS;

    hybrid_retained->mpm->mpm_state = AP_MPMQ_STARTING;
    child.slot = slot;
    child.stats = &hybrid_retained->shared->process[slot];
    child.score = &ap_scoreboard_image->parent[slot];
    ap_fatal_signal_child_setup(ap_server_conf);
    crash_child_setup();
    apr_pool_create(&child.pool, hybrid_pconf);
    apr_pool_tag(child.pool, "pchild");
    if (!hybrid_one_process) {
        rv = ap_thread_main_create(&self, child.pool);
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, ap_server_conf,
                     "child %d cannot initialize its main thread", (int)getpid());
        return hybrid_exit_code();
    }
    ap_reopen_scoreboard(child.pool, NULL, 0);
    child.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (child.wake_fd >= 0) {
        return 0;
    }
    shortage_of(errno, "start");
    return APEXIT_CHILDSICK;
}

int life_end(int code)
{
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
    if (child.pool != NULL) {
        apr_pool_destroy(child.pool);
    }
    return code;
}

void life_give_up_slot(unsigned record)
{
    static process_score nowhere; /* the scoreboard no longer shows this process */

    if (record < (unsigned)hybrid_retained->shared->slots) {
        shared_move(&child.stats, &hybrid_retained->shared->process[record],
                    child.lane->is_threaded);
    }
    child.score = &nowhere;
    child.slot = lane_overflow_slot(child.lane);
}
