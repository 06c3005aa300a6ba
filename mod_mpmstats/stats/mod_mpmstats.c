/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_mpmstats: the state of the running server, under any MPM.
 *
 *     <Location "/mpm-status">
 *         SetHandler mpm-status
 *         Require local
 *     </Location>
 *
 * This file is the table of contents. A request goes from handler.c through
 * collect.c (which fills a snapshot_t) to a renderer; metrics.def declares
 * every figure on the way.
 */
#include "httpd.h"
#include "http_config.h"

#include "stats/config.h"
#include "stats/facts.h"
#include "stats/handler.h"
#include "stats/hybrid.h"

static const command_rec directives[] = {
    AP_INIT_TAKE1("MPMStatsAutoMPM", config_set_auto_mpm, NULL, RSRC_CONF | ACCESS_CONF,
                  "Name of the MPM that mpm-status?auto reports: real, event, worker or prefork"),
    {NULL}
};

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_config(facts_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(facts_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_optional_fn_retrieve(hybrid_find, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler_run, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(mpmstats) = {
    STANDARD20_MODULE_STUFF,
    config_dir_create,
    config_dir_merge,
    NULL,               /* no configuration by server */
    NULL,
    directives,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
