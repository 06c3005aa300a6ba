/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/startup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "apr_strings.h"
#include "ap_listen.h"
#include "http_core.h"
#include "http_main.h"
#include "mpm_common.h"
#include "util_mutex.h"
#include "mpm/process/files.h"
#include "mpm/process/http2.h"
#include "mpm/process/listeners.h"
#include "mpm/directives.h"
#include "mpm/module.h"
#include "mpm/lane.h"
#include "mpm/pooled.h"
#include "mpm/conn/server.h"

#define RETAINED_KEY "mpm_hybrid_module"

hybrid_retained_t *hybrid_retained;
apr_pool_t *hybrid_pconf;
int hybrid_one_process;

int hybrid_exit_code(void)
{
    return hybrid_retained->proven == hybrid_retained->mpm->my_generation + 1 ? APEXIT_CHILDSICK
                                                                              : APEXIT_CHILDFATAL;
}

static void get_retained(void)
{
    hybrid_retained = ap_retained_data_get(RETAINED_KEY);
    if (hybrid_retained == NULL) {
        hybrid_retained = ap_retained_data_create(RETAINED_KEY, sizeof(*hybrid_retained));
        hybrid_retained->mpm = ap_unixd_mpm_get_retained_data();
        hybrid_retained->sockets_outlive = getenv("LISTEN_FDS") != NULL;
    }
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STARTING;
    if (hybrid_retained->mpm->baton != hybrid_retained) {
        hybrid_retained->mpm->was_graceful = 0;
        hybrid_retained->mpm->baton = hybrid_retained;
    }
    hybrid_retained->mpm->module_loads++;
}

static int detach(apr_pool_t *pconf, int in_foreground_group)
{
    apr_status_t rv;

    /* The process loses its terminal: from here on a crash is logged. */
    ap_fatal_signal_setup(ap_server_conf, pconf);
    rv = apr_proc_detach(in_foreground_group ? APR_PROC_DETACH_FOREGROUND
                                             : APR_PROC_DETACH_DAEMONIZE);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, NULL, "apr_proc_detach failed");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* The static name that equals @a name: retained data must not point into the module. */
static const char *model_named(const char *name)
{
    static const char *const models[] = { "event", "worker", "prefork" };
    unsigned i;

    for (i = 0; i < 3; i++) {
        if (strcmp(models[i], name) == 0) {
            return models[i];
        }
    }
    return models[0];
}

static bool is_prefork(const char *model)
{
    return strcmp(model, "prefork") == 0;
}

/*
 * event and worker have the same scoreboard shape, so any restart can change one to the other.
 * prefork's differs, which is impossible while old children use it: a graceful restart then keeps
 * the old model, set here before modules query it.
 */
static void choose_model(lane_t *lane)
{
    const char *before = hybrid_retained->model;

    lane_use_model(lane, lane_model_asked);
    if (before[0] != '\0' && is_prefork(before) != is_prefork(lane_model_asked)) {
        if (hybrid_retained->mpm->was_graceful) {
            ap_log_error(
                APLOG_MARK, APLOG_ERR, 0, NULL,
                "MPMModel cannot be changed from %s to %s by a graceful restart, it stays %s; "
                "restart the server",
                before, lane_model_asked, before);
            lane_use_model(lane, model_named(before));
        }
        else {
            hybrid_retained->reshape = 1;
            hybrid_retained->first_server_limit = hybrid_retained->first_thread_limit = 0;
        }
    }
    apr_cpystrn(hybrid_retained->model, lane->model, sizeof(hybrid_retained->model));
}

int startup_pre_config(lane_t *lane, apr_pool_t *pconf)
{
    int no_detach = 0, foreground = 1;
    int rc = OK;

    hybrid_one_process = ap_exists_config_define("DEBUG");
    if (!hybrid_one_process) {
        hybrid_one_process = ap_exists_config_define("ONE_PROCESS");
        no_detach = ap_exists_config_define("NO_DETACH");
        foreground = ap_exists_config_define("FOREGROUND");
    }
    get_retained();
    if (!directives_check_traces(ap_conftree, NULL)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    files_watch_forks();
    /* httpd reads the configuration twice at the start: detach at the second reading. */
    if (hybrid_retained->mpm->module_loads == 2 && !hybrid_one_process && !foreground) {
        rc = detach(pconf, no_detach);
        if (rc != OK) {
            return rc;
        }
    }
    ap_listen_pre_config();
    /* Not used, but configurations for worker or prefork may have a Mutex directive for it. */
    ap_mutex_register(pconf, AP_ACCEPT_MUTEX_TYPE, NULL, APR_LOCK_DEFAULT, 0);
    directives_reset(lane);
    choose_model(lane);
    ap_extended_status = 0;
    return OK;
}

static bool starting_up(void)
{
    return hybrid_retained->mpm->module_loads == 1;
}

int startup_check_config(lane_t *lane, server_rec *s)
{
    lane_check(lane, &hybrid_retained->first_server_limit, &hybrid_retained->first_thread_limit, s,
               starting_up());
    if (hybrid_one_process) {
        lane->max_processes = 1;
        lane->start_servers = 1;
    }
    return OK;
}

/* At the start httpd reads the configuration twice; messages belong to the second reading. */
static bool is_first_reading(void)
{
    return ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG;
}

/* Remove mod_http2's protocols from a server's Protocols. Nonzero if there was one. */
static int leave_out_http2(apr_pool_t *p, core_server_config *core)
{
    apr_array_header_t *kept;
    int i, found = 0;

    if (core->protocols == NULL || core->protocols->nelts == 0) {
        return 0;
    }
    kept = apr_array_make(p, core->protocols->nelts, sizeof(const char *));
    for (i = 0; i < core->protocols->nelts; i++) {
        const char *name = APR_ARRAY_IDX(core->protocols, i, const char *);

        if (strcmp(name, "h2") == 0 || strcmp(name, "h2c") == 0) {
            found = 1;
        }
        else {
            APR_ARRAY_PUSH(kept, const char *) = name;
        }
    }
    core->protocols = kept;
    return found;
}

/*
 * mod_http2 runs requests in its own threads. It recognizes stock prefork by the module's name
 * only; here its threads would run modules that are not thread-safe. It starts them, needed or not
 * (under stock prefork, too).
 */
static void refuse_http2(apr_pool_t *p, server_rec *main_server)
{
    server_rec *s;
    int found = 0;

    http2_leave_out_threads();
    for (s = main_server; s != NULL; s = s->next) {
        found |= leave_out_http2(p, ap_get_core_module_config(s->module_config));
    }
    if (found && !is_first_reading()) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, main_server,
            "HTTP/2 is disabled with MPMModel prefork, because mod_http2 runs requests in threads of "
            "its own: h2 and h2c in Protocols have no effect");
    }
}

int startup_post_config(const lane_t *lane, apr_pool_t *p, apr_pool_t *ptemp, server_rec *s)
{
    if (!lane->is_threaded) {
        refuse_http2(p, s);
    }
    else {
        pooled_set_http2(lane, p, ptemp, s);
    }
    if (!is_first_reading()) {
        pooled_check_system(lane, s);
    }
    return OK;
}

int startup_open_logs(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    bool startup = starting_up();
    int flags = startup ? APLOG_STARTUP : 0;
    int buckets = 0;
    apr_status_t rv;

    (void)plog;
    (void)ptemp;
    hybrid_pconf = p;
    server_compare(s);
    if (ap_setup_listeners(ap_server_conf) < 1) {
        ap_log_error(APLOG_MARK, APLOG_ALERT | flags, 0, startup ? NULL : s,
                     "no listening sockets available, shutting down");
        return !OK;
    }
    if (hybrid_one_process) {
        buckets = 1;
    }
    else if (hybrid_retained->mpm->was_graceful) {
        buckets = hybrid_retained->mpm->num_buckets;
    }
    rv = ap_duplicate_listeners(p, ap_server_conf, &listeners_buckets, &buckets);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT | flags, rv, startup ? NULL : s,
                     "could not duplicate listeners");
        return !OK;
    }
    hybrid_retained->mpm->num_buckets = buckets;
    return OK;
}
