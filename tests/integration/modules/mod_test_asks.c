/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the MPM for its kind while it is being loaded, as parser3 does, and says what it heard. */
#include "httpd.h"
#include "ap_mpm.h"
#include "http_config.h"
#include "http_log.h"

static void register_hooks(apr_pool_t *pool)
{
    int threaded = -1;
    int async = -1;

    (void)pool;
    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    ap_mpm_query(AP_MPMQ_IS_ASYNC, &async);
    ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, NULL,
                 "while loading: threaded %d, async %d", threaded, async);
}

module AP_MODULE_DECLARE_DATA test_asks_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0
};
