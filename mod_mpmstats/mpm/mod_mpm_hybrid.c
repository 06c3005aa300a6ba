/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpm_hybrid: one MPM with the models event, worker and prefork. This file has its hooks and
 * module record; directives.c has its directives.
 */
#include "httpd.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"
#include "mpm_common.h"

#include "mpm/directives.h"
#include "mpm/hooks.h"
#include "mpm/module.h"
#include "mpm/conn/direct.h"
#include "mpm/conn/inbound.h"
#include "mpm/lane.h"
#include "mpm/conn/network.h"
#include "mpm/conn/outbound.h"
#include "mpm/parent/parent.h"
#include "mpm/query.h"
#include "mpm/rival.h"
#include "mpm/conn/server.h"
#include "mpm/process/shared.h"
#include "mpm/startup.h"
#include "mpm/threads/timers.h"
#include "mpm/threads/tunnel.h"
#include "mpm/threads/ticker.h"
#include "mpm/prefork/lobby.h"
#include "mpm/prefork/prefork.h"

/* ---- hooks that work for the lane of the configuration ---- */

static const start_mains_t mains = { .threaded = ticker_main,
                                     .prefork = prefork_main,
                                     .lobby = lobby_main };

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    return startup_pre_config(&lane_default, pconf);
}

static int check_config(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)p;
    (void)plog;
    (void)ptemp;
    return startup_check_config(&lane_default, s);
}

static int post_config(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)plog;
    return startup_post_config(&lane_default, p, ptemp, s);
}

static int run(apr_pool_t *pconf, apr_pool_t *plog, server_rec *s)
{
    return parent_run(&lane_default, &mains, pconf, plog, s);
}

static int query(int code, int *result, apr_status_t *rv)
{
    return query_mpm(&lane_default, code, result, rv);
}

static apr_status_t mpm_hybrid_limits_get(int lane, mpm_hybrid_limits_t *out)
{
    if (lane != 0) {
        return APR_ENOENT;
    }
    lane_export(&lane_default, out);
    return APR_SUCCESS;
}

static void register_hooks(apr_pool_t *p)
{
    /* Messages at startup must reach the console before core redirects the log. */
    static const char *const before_core[] = { "core.c", NULL };

    rival_watch(p);
    /* MPMModel is read before pre_config, so the last one is reset here. */
    lane_model_asked = "event";
    directives_reset(&lane_default);
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_open_logs(startup_open_logs, NULL, before_core, APR_HOOK_REALLY_FIRST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_mpm(run, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_mpm_query(query, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_mpm_get_name(query_name, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_mpm_register_timed_callback(timers_register, NULL, NULL, APR_HOOK_MIDDLE);

    ap_hook_pre_connection(hooks_pre_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_network_bucket(network_insert_bucket, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_read_request(hooks_pre_read_request, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_read_request(hooks_post_read_request, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(hooks_log_transaction, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_insert_filter(hooks_insert_filter, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_handler(hooks_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(hooks_last_handler, NULL, NULL, APR_HOOK_REALLY_LAST - 1);
    ap_hook_protocol_switch(hooks_protocol_switch, NULL, NULL, APR_HOOK_REALLY_FIRST);
    inbound_register();
    outbound_register();
    direct_register();
    tunnel_register();

    APR_REGISTER_OPTIONAL_FN(mpm_hybrid_limits_get);
    APR_REGISTER_OPTIONAL_FN(mpm_hybrid_process_get);
    APR_REGISTER_OPTIONAL_FN(mpm_hybrid_events_get);
    APR_REGISTER_OPTIONAL_FN(mpm_hybrid_conn_times);
    APR_REGISTER_OPTIONAL_FN(mpm_hybrid_conn_end);
}

module AP_MODULE_DECLARE_DATA mpm_hybrid_module = {
    MPM20_MODULE_STUFF,
    NULL, /* hook run before the configuration is read */
    NULL, /* per-directory configuration */
    NULL,
    server_conf_create,
    server_conf_merge,
    directives_table,
    register_hooks,
    0
};
