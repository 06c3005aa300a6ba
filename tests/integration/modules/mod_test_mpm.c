/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: what the MPM tells modules.
 *
 * Handler `test-mpm` writes, as JSON, the MPM's name and the answer to every
 * AP_MPMQ_* as seen by a child; the same set is logged at notice level in
 * pre_config and post_config of the parent ("test-mpm: queries in …: {…}").
 * Child-life hooks are logged as "test-mpm: child_status …", "test-mpm: end_generation …",
 * "test-mpm: child_stopping …".
 */
#include <unistd.h>

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "http_protocol.h"
#include "ap_mpm.h"
#include "mpm_common.h"
#include "apr_strings.h"

APLOG_USE_MODULE(test_mpm);

#define QUERY(name) \
    { \
#name, AP_MPMQ_##name \
    }

static const struct {
    const char *name;
    int code;
} queries[] = {
    QUERY(MAX_DAEMON_USED),
    QUERY(IS_THREADED),
    QUERY(IS_FORKED),
    QUERY(HARD_LIMIT_DAEMONS),
    QUERY(HARD_LIMIT_THREADS),
    QUERY(MAX_THREADS),
    QUERY(MIN_SPARE_DAEMONS),
    QUERY(MIN_SPARE_THREADS),
    QUERY(MAX_SPARE_DAEMONS),
    QUERY(MAX_SPARE_THREADS),
    QUERY(MAX_REQUESTS_DAEMON),
    QUERY(MAX_DAEMONS),
    QUERY(MPM_STATE),
    QUERY(IS_ASYNC),
    QUERY(GENERATION),
    QUERY(HAS_SERF),
#ifdef AP_MPMQ_CAN_SUSPEND
    QUERY(CAN_SUSPEND),
#endif
#ifdef AP_MPMQ_CAN_POLL
    QUERY(CAN_POLL),
#endif
#ifdef AP_MPMQ_CAN_WAITIO
    QUERY(CAN_WAITIO),
#endif
    { "UNKNOWN", 12345 },
};

/* {"NAME": value or null where the MPM says it does not know, …} */
static const char *answers(apr_pool_t *p)
{
    const char *out = "{";
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        int value = -99;
        apr_status_t rv = ap_mpm_query(queries[i].code, &value);
        const char *text = rv == APR_SUCCESS ? apr_itoa(p, value) : "null";
        out = apr_pstrcat(p, out, i ? "," : "", "\"", queries[i].name, "\":", text, NULL);
    }
    return apr_pstrcat(p, out, "}", NULL);
}

static int mpm_handler(request_rec *r)
{
    if (strcmp(r->handler, "test-mpm")) {
        return DECLINED;
    }
    ap_set_content_type(r, "application/json");
    ap_rprintf(r, "{\"name\":\"%s\",\"queries\":%s}\n", ap_show_mpm(), answers(r->pool));
    return OK;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf;
    (void)plog;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, NULL, "test-mpm: queries in pre_config: %s",
                 answers(ptemp));
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "test-mpm: queries in post_config: %s",
                 answers(ptemp));
    return OK;
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot,
                         mpm_child_status state)
{
    static const char *const names[] = { "started", "exited", "lost_slot" };
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "test-mpm: child_status pid=%ld gen=%d slot=%d %s",
                 (long)pid, gen, slot, names[state]);
}

static void end_generation(server_rec *s, ap_generation_t gen)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "test-mpm: end_generation gen=%d", gen);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "test-mpm: child_stopping pid=%ld graceful=%d", (long)getpid(), graceful);
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(mpm_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_end_generation(end_generation, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA test_mpm_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE
};
