/* SPDX-License-Identifier: Apache-2.0 */
/* ap_mpm_query(): every AP_MPMQ_* of ap_mpm.h. */
#include "mpm/query.h"

#include "mpm_common.h"
#include "mpm/conn/here.h"
#include "mpm/process/child.h"
#include "mpm/directives.h"
#include "mpm/process/handover.h"
#include "mpm/module.h"
#include "mpm/lane.h"
#include "mpm/prefork/told.h"
#include "mpm/parent/procs.h"

/* The lane to answer for; defaults until the directives have been read and checked. */
static const lane_t *lane_to_tell(const lane_t *configured)
{
    static lane_t defaults;
    int ignored[2] = { 0, 0 };

    if (child.lane != NULL) {
        return child.lane;
    }
    if (configured->slots != 0) {
        return configured;
    }
    if (defaults.slots == 0 || defaults.model != lane_model_asked) {
        directives_reset(&defaults);
        lane_use_model(&defaults, lane_model_asked);
        lane_check(&defaults, &ignored[0], &ignored[1], NULL, false);
    }
    return &defaults;
}

/*
 * In models that are not async, httpd ends its loop over a connection's requests when the process
 * is stopping, even after a response that promised keep-alive; the next request would be lost. So
 * it is served first, with "Connection: close".
 *
 * The answer for a connection that can be passed to the next generation stays RUNNING.
 *
 * mod_http2 accepts no new stream once it reads STOPPING, and a stream that arrives then makes it
 * end the connection with all others. So what the client sent earlier is read first, and what it
 * sends later does not reach mod_http2 (here_may_be_told_to_stop()).
 */
static int state_to_tell(const lane_t *lane)
{
    int state = hybrid_retained->mpm->mpm_state;

    if (told_is_cut()) {
        /* the connection was shut down: no promise to keep */
        return AP_MPMQ_STOPPING;
    }
    if (here_is_passed_on()) {
        return AP_MPMQ_RUNNING;
    }
    if (state != AP_MPMQ_STOPPING && !(handover_state() == HANDOVER_HOLD && here_is_conn())) {
        return here_is_to_end() ? AP_MPMQ_STOPPING : state;
    }
    if ((!lane->is_async && here_promised_keepalive()) || here_was_spoken_to()
        || !here_may_be_told_to_stop()) {
        return AP_MPMQ_RUNNING;
    }
    return AP_MPMQ_STOPPING;
}

int query_mpm(const lane_t *configured, int code, int *result, apr_status_t *rv)
{
    const lane_t *lane = lane_to_tell(configured);

    *rv = APR_SUCCESS;
    switch (code) {
    case AP_MPMQ_MAX_DAEMON_USED:
        *result = procs_max_used();
        break;
    case AP_MPMQ_IS_THREADED:
        *result = lane->is_threaded ? AP_MPMQ_DYNAMIC : AP_MPMQ_NOT_SUPPORTED;
        break;
    case AP_MPMQ_IS_FORKED:
        *result = AP_MPMQ_DYNAMIC;
        break;
    case AP_MPMQ_HARD_LIMIT_DAEMONS:
        *result = lane->slots;
        break;
    case AP_MPMQ_HARD_LIMIT_THREADS:
        *result = lane->thread_limit;
        break;
    case AP_MPMQ_MAX_THREADS:
        *result = lane->threads_per_child;
        break;
    case AP_MPMQ_MIN_SPARE_DAEMONS:
        *result = lane->is_threaded ? 0 : lane->min_spare_servers;
        break;
    case AP_MPMQ_MAX_SPARE_DAEMONS:
        *result = lane->is_threaded ? 0 : lane->max_spare_servers;
        break;
    case AP_MPMQ_MIN_SPARE_THREADS:
        *result = lane->is_threaded ? lane->min_spare_threads : 0;
        break;
    case AP_MPMQ_MAX_SPARE_THREADS:
        *result = lane->is_threaded ? lane->max_spare_threads : 0;
        break;
    case AP_MPMQ_MAX_REQUESTS_DAEMON:
        *result = ap_max_requests_per_child;
        break;
    case AP_MPMQ_MAX_DAEMONS:
        *result = lane->max_processes;
        break;
    case AP_MPMQ_MPM_STATE:
        *result = state_to_tell(lane);
        break;
    case AP_MPMQ_IS_ASYNC:
        *result = lane->is_async;
        break;
    case AP_MPMQ_GENERATION:
        *result = hybrid_retained->mpm->my_generation;
        break;
#if HYBRID_HAVE_WAITIO
    case AP_MPMQ_CAN_WAITIO:
        *result = lane->is_async;
        break;
#endif
    default:
        *rv = APR_ENOTIMPL;
    }
    return OK;
}

const char *query_name(void)
{
    return "hybrid";
}
