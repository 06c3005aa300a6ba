/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_mpmstats: the state of the running server, under any MPM.
 *
 *     <Location "/mpm-status">
 *         SetHandler mpm-status
 *         Require local
 *     </Location>
 *
 * This file is the table of contents. A request goes from handler.c through figures/read.c
 * (which fills a snapshot_t) to a renderer; figures.def declares every figure. Counting and
 * sampling, into the segment: record/record.h.
 */
#include "httpd.h"
#include "ap_mpm.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_protocol.h"
#include "http_request.h"
#include "mpm_common.h"
#include "scoreboard.h"

#include "stats/config.h"
#include "stats/config_check.h"
#include "stats/facts.h"
#include "stats/handler.h"
#include "stats/hybrid.h"
#include "stats/place.h"
#include "stats/record/child.h"
#include "stats/record/conn.h"
#include "stats/record/report.h"
#include "stats/record/request.h"
#include "stats/record/sample.h"
#include "stats/record/score.h"
#include "stats/record/segment.h"

static void register_hooks(apr_pool_t *pool)
{
    static const char *const after_log_config[] = { "mod_log_config.c", NULL };
    static const char *const before_core[] = { "core.c", NULL };
    static const char *const after_ssl[] = { "mod_ssl.c", NULL };
    static const char *const before_h2[] = { "mod_http2.c", NULL };

    (void)pool;
    ap_hook_pre_config(record_conn_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_config(facts_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_config(record_report_pre_config, after_log_config, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(config_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(record_segment_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(record_report_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(config_check_start, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(facts_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(record_segment_post_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_pre_mpm(record_segment_pre_mpm, NULL, before_core, APR_HOOK_FIRST);
    ap_hook_child_status(record_child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(record_sample_monitor, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(record_child_init, NULL, NULL, APR_HOOK_FIRST);
    record_conn_register();
    /* Last: the connection has its configuration and mod_ssl's filters by then. */
    ap_hook_pre_connection(record_conn_pre_connection, NULL, NULL, APR_HOOK_LAST);
    /* First: mod_ssl's hook waits for the handshake. */
    ap_hook_process_connection(record_conn_turn, NULL, NULL, APR_HOOK_REALLY_FIRST);
    /* After the handshake, which tells the protocol, and before who serves the connection. */
    ap_hook_process_connection(record_conn_process, after_ssl, before_h2, APR_HOOK_MIDDLE);
    ap_hook_pre_close_connection(record_conn_pre_close, NULL, NULL, APR_HOOK_FIRST);
    /* First: the begin and end of a request must be recorded whatever other modules do with it. */
    ap_hook_post_read_request(record_request_post_read, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_quick_handler(record_request_quick, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(place_translate, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(place_fixups, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(record_request_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_log_transaction(record_request_log, NULL, NULL, APR_HOOK_REALLY_FIRST);
    /* Last: mod_logio has summed up the bytes by then. */
    ap_hook_log_transaction(record_score_logged, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_optional_fn_retrieve(hybrid_find, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler_run, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(mpmstats) = { STANDARD20_MODULE_STUFF, config_dir_create,   config_dir_merge,
                                config_server_create,    config_server_merge, config_directives,
                                register_hooks,          AP_MODULE_FLAG_NONE };
