/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times and identities of the server as a whole. httpd reloads the module at every
 * restart, so state that survives one is in the process's retained data.
 */
#include "stats/facts.h"

#include "apr_dso.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "scoreboard.h"
#include "stats/config.h"

APLOG_USE_MODULE(mpmstats);

static const char retained_key[] = "mod_mpmstats";

/* Written in post_config only: in the parent, before it forks. */
static facts_t facts;

const facts_t *facts_get(void)
{
    return &facts;
}

/* The start of the parent, kept over restarts. */
static apr_time_t retained_start(void)
{
    apr_time_t *started = ap_retained_data_get(retained_key);

    if (started == NULL) {
        started = ap_retained_data_create(retained_key, sizeof(*started));
        *started = apr_time_now();
    }
    return *started;
}

/*
 * A module does not declare whether it works with threads. Known cases: PHP is built with or
 * without thread safety, and some modules change the identity of the whole process for a request.
 */
const char *facts_prefork_only(void)
{
    static const struct {
        const char *file;
        /* a symbol that a build for threads has; NULL: there is no such build */
        const char *threaded;
    } modules[] = {
        { "mod_php.c", "ts_resource_ex" },
        { "mod_php7.c", "ts_resource_ex" },
        { "mod_php5.c", "ts_resource_ex" },
        { "mpm_itk.c", NULL },
        { "mod_ruid2.c", NULL },
    };

    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        const module *found = ap_find_linked_module(modules[i].file);
        apr_dso_handle_sym_t symbol;

        if (found != NULL
            && (modules[i].threaded == NULL || found->dynamic_load_handle == NULL
                || apr_dso_sym(&symbol, found->dynamic_load_handle, modules[i].threaded)
                    != APR_SUCCESS)) {
            return modules[i].file;
        }
    }
    return "";
}

/*
 * Marks ap_extended_status while the configuration is read: another value afterwards was set by
 * ExtendedStatus or mod_status.
 */
#define NOTHING_SAID 2

static void settle_details(void)
{
    if (ap_extended_status == NOTHING_SAID) {
        ap_extended_status = 0;
        facts.details = FACTS_DETAILS_US;
    }
    else {
        facts.details = ap_extended_status ? FACTS_DETAILS_HTTPD : FACTS_DETAILS_NOBODY;
    }
}

int facts_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    config_reset();
    facts.started = retained_start();
    if (ap_extended_status == 0) {
        ap_extended_status = NOTHING_SAID;
    }
    return OK;
}

int facts_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    facts.restarted = apr_time_now();
    /* The MPM has detached by now, so this pid is final. */
    facts.parent = getpid();
    settle_details();
    if (facts.details == FACTS_DETAILS_NOBODY
        && ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_CONFIG) {
        ap_log_error(
            APLOG_MARK, APLOG_INFO, 0, s,
            "ExtendedStatus is Off: mpm-status counts requests and their times, but does not "
            "show which request of which client each worker serves");
    }
    return OK;
}
