/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpd refuses two MPMs after it has read the configuration and before any module's hook
 * (AH00534), without naming them. The first code of this module that runs then is a pre-cleanup of
 * the configuration's pool, when all modules are still loaded. With one MPM it finds nothing.
 */
#include "mpm/rival.h"

#include <stdbool.h>
#include <string.h>

#include "httpd.h"
#include "http_config.h"
#include "mpm/module.h"

static bool is_loaded(const char *file)
{
    for (module **each = ap_loaded_modules; *each != NULL; each++) {
        if (strcmp((*each)->name, file) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_prefork(void)
{
    bool php = is_loaded("mod_php.c");
    bool itk = is_loaded("mpm_itk.c");

    ap_log_error(
        APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, NULL,
        "mpm_prefork is loaded beside mpm_hybrid%s%s. To stay on mpm_hybrid: a2dismod %s%smpm_prefork%s. "
        "To leave it: a2dismod %smpm_hybrid",
        php ? ", mod_php brings it" : "", itk ? ", mpm_itk brings it" : "",
        php ? "'php[0-9]*' " : "", itk ? "mpm_itk " : "", php ? " && a2enmod php_hybrid" : "",
        php ? "-f " : "");
}

static apr_status_t tell(void *unused)
{
    static const struct {
        const char *file, *name;
    } threaded[] = { { "event.c", "mpm_event" }, { "worker.c", "mpm_worker" } };

    (void)unused;
    for (apr_size_t i = 0; i < sizeof(threaded) / sizeof(threaded[0]); i++) {
        if (is_loaded(threaded[i].file)) {
            ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, NULL,
                         "%s is loaded beside mpm_hybrid. To stay on mpm_hybrid: a2dismod %s. "
                         "To leave it: a2dismod mpm_hybrid",
                         threaded[i].name, threaded[i].name);
        }
    }
    if (is_loaded("prefork.c")) {
        tell_prefork();
    }
    return APR_SUCCESS;
}

void rival_watch(apr_pool_t *pconf)
{
    apr_pool_pre_cleanup_register(pconf, NULL, tell);
}
