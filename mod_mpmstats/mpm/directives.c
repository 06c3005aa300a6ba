/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directives: setters, defaults that depend on no other directive, and at the end the table.
 * Values that are not numbers are refused here; lane_check() corrects numbers out of range later,
 * as httpd does.
 */
#include "mpm/directives.h"

#include <limits.h>
#include <stdbool.h>

#include "ap_listen.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "http_core.h"
#include "mpm_common.h"
#include "mpm/module.h"
#include "mpm/lane.h"
#include "mpm/newest.h"
#include "mpm/conn/reqtimeout.h"
#include "mpm/conn/server.h"

#define DEFAULT_HEAD_MEMORY (APR_INT64_C(64) << 20)

lane_t lane_default;

void directives_reset(lane_t *lane)
{
    memset(lane, 0, sizeof(*lane));
    lane->name = "default";
    lane_use_model(lane, "event");
    lane->restart_wait_ms = LANE_RESTART_WAIT_MS;
    lane->server_limit = LANE_UNSET;
    lane->thread_limit = LANE_UNSET;
    lane->threads_per_child = LANE_UNSET;
    lane->max_request_workers = LANE_UNSET;
    lane->start_servers = LANE_UNSET;
    lane->min_spare_threads = LANE_UNSET;
    lane->max_spare_threads = LANE_UNSET;
    lane->min_spare_servers = LANE_UNSET;
    lane->max_spare_servers = LANE_UNSET;
    lane->worker_factor = -1.0;
    lane->head_memory = DEFAULT_HEAD_MEMORY;
    lane->hung_seconds = LANE_UNSET;
}

/* Parse the whole argument as an int; NULL or an error message. */
static const char *parse_int(cmd_parms *cmd, const char *arg, int *value)
{
    char *end;
    apr_int64_t n;

    errno = 0;
    n = apr_strtoi64(arg, &end, 10);
    if (end == arg || *end != '\0' || errno != 0 || n > INT_MAX || n <= LANE_UNSET) {
        return apr_psprintf(cmd->pool, "%s must be a whole number, not '%s'", cmd->cmd->name, arg);
    }
    *value = (int)n;
    return NULL;
}

static int *lane_field(cmd_parms *cmd)
{
    return (int *)((char *)&lane_default + (apr_size_t)cmd->info);
}

/* Sets the int of lane_default at offset `cmd->info`. */
static const char *set_count(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    int value;

    (void)dummy;
    if (err == NULL) {
        err = parse_int(cmd, arg, &value);
    }
    if (err != NULL) {
        return err;
    }
    *lane_field(cmd) = value;
    return NULL;
}

void directives_leave_trace(const cmd_parms *cmd, void *tree, const char *args)
{
    ap_directive_t *trace = apr_pcalloc(cmd->pool, sizeof(*trace));

    trace->directive = apr_pstrdup(cmd->pool, cmd->cmd->name);
    trace->args = apr_pstrdup(cmd->pool, args);
    trace->filename = apr_pstrdup(cmd->pool, cmd->config_file->name);
    trace->line_num = (int)cmd->config_file->line_number;
    *(ap_directive_t **)tree = trace;
}

static bool is_traced(const ap_directive_t *at)
{
    return ap_cstr_casecmp(at->directive, "MPMModel") == 0
        || ap_cstr_casecmp(at->directive, "MPMLoadModule") == 0;
}

bool directives_check_traces(const ap_directive_t *tree, const ap_directive_t *section)
{
    for (; tree != NULL; tree = tree->next) {
        if (section != NULL && is_traced(tree)) {
            ap_log_error(APLOG_MARK, APLOG_CRIT | APLOG_STARTUP, 0, NULL,
                         "%s, line %d: %s cannot occur within %s> section", tree->filename,
                         tree->line_num, tree->directive, section->directive);
            return false;
        }
        if (!directives_check_traces(tree->first_child, tree)) {
            return false;
        }
    }
    return true;
}

/* Runs while the configuration is read, before a module queries AP_MPMQ_IS_THREADED. */
static const char *set_model(cmd_parms *cmd, void *tree, const char *arg)
{
    static const char *const models[] = { "event", "worker", "prefork" };
    unsigned i;

    directives_leave_trace(cmd, tree, arg);
    for (i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        if (ap_cstr_casecmp(arg, models[i]) == 0) {
            lane_model_asked = models[i];
            lane_use_model(&lane_default, models[i]);
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool, "MPMModel must be event, worker or prefork, not '%s'", arg);
}

static const char *set_max_clients(cmd_parms *cmd, void *dummy, const char *arg)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, NULL,
                 "MaxClients is deprecated, use MaxRequestWorkers instead.");
    return set_count(cmd, dummy, arg);
}

/* The same for a count, or `auto`. */
static const char *set_count_or_auto(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    int value = 0;

    (void)dummy;
    if (err != NULL) {
        return err;
    }
    if (ap_cstr_casecmp(arg, "auto") != 0) {
        err = parse_int(cmd, arg, &value);
        if (err != NULL || value < 1) {
            return apr_psprintf(cmd->pool, "%s must be 'auto' or a number of at least 1, not '%s'",
                                cmd->cmd->name, arg);
        }
    }
    *lane_field(cmd) = value;
    return NULL;
}

static apr_int64_t unit(const char *suffix)
{
    static const char letters[] = "KMG";
    const char *found;

    if (*suffix == '\0') {
        return 1;
    }
    found = strchr(letters, apr_toupper(*suffix));
    if (found == NULL || suffix[1] != '\0') {
        return 0;
    }
    return APR_INT64_C(1) << (10 * (found - letters + 1));
}

static const char *parse_size(cmd_parms *cmd, const char *arg, apr_int64_t *value)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_int64_t n, factor;
    char *end;

    if (err != NULL) {
        return err;
    }
    errno = 0;
    n = apr_strtoi64(arg, &end, 10);
    factor = unit(end);
    if (end == arg || errno != 0 || factor == 0 || n < 0 || n > APR_INT64_MAX / factor) {
        return apr_psprintf(cmd->pool,
                            "%s must be a size in bytes such as 300M "
                            "(K, M and G are understood), or 0 for no limit, not '%s'",
                            cmd->cmd->name, arg);
    }
    *value = n * factor;
    return NULL;
}

static const char *set_max_memory(cmd_parms *cmd, void *dummy, const char *arg)
{
    (void)dummy;
    return parse_size(cmd, arg, &lane_default.max_memory);
}

static const char *set_head_memory(cmd_parms *cmd, void *dummy, const char *arg)
{
    (void)dummy;
    return parse_size(cmd, arg, &lane_default.head_memory);
}

static const char *set_hung_time(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    int value = 0;

    (void)dummy;
    if (err == NULL) {
        err = parse_int(cmd, arg, &value);
    }
    if (err == NULL && value < 0) {
        err = "MPMHungRequestTime must be a number of seconds, or 0 for off";
    }
    lane_default.hung_seconds = value;
    return err;
}

static const char *set_restart_hold(cmd_parms *cmd, void *dummy, const char *arg, const char *ms)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    int value = LANE_RESTART_WAIT_MS;

    (void)dummy;
    if (err == NULL && ms != NULL) {
        err = parse_int(cmd, ms, &value);
    }
    if (err != NULL) {
        return err;
    }
    if (value < 0 || value > 60000) {
        return "MPMRestartHold waits 0 to 60000 milliseconds for what runs";
    }
    if (ap_cstr_casecmp(arg, "auto") == 0) {
        lane_default.restart_hold = LANE_HOLD_AUTO;
    }
    else if (ap_cstr_casecmp(arg, "on") == 0) {
        lane_default.restart_hold = LANE_HOLD_ON;
    }
    else if (ap_cstr_casecmp(arg, "off") == 0) {
        lane_default.restart_hold = LANE_HOLD_OFF;
    }
    else {
        return apr_psprintf(cmd->pool, "MPMRestartHold must be auto, on or off, not '%s'", arg);
    }
    lane_default.restart_wait_ms = value;
    return NULL;
}

static const char *set_worker_factor(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *end;
    double value;

    (void)dummy;
    if (err != NULL) {
        return err;
    }
    value = strtod(arg, &end);
    if (end == arg || *end != '\0') {
        return apr_psprintf(cmd->pool, "AsyncRequestWorkerFactor must be a number, not '%s'", arg);
    }
    if (!(value > 0)) {
        return "AsyncRequestWorkerFactor argument must be a positive number";
    }
    lane_default.worker_factor = value;
    return NULL;
}

static const char *set_async_head(cmd_parms *cmd, void *dummy, int on)
{
    const char *err = ap_check_cmd_context(cmd, NOT_IN_DIR_LOC_FILE | NOT_IN_LIMIT);

    (void)dummy;
    if (err == NULL) {
        server_conf(cmd->server)->async_head = on;
    }
    return err;
}

static const char *set_body_buffer(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = ap_check_cmd_context(cmd, NOT_IN_DIR_LOC_FILE | NOT_IN_LIMIT);
    int value;

    (void)dummy;
    if (err == NULL) {
        err = parse_int(cmd, arg, &value);
    }
    if (err != NULL) {
        return err;
    }
    if (value < 0 || value > SERVER_BODY_BUFFER_MAX) {
        return apr_psprintf(cmd->pool,
                            "MPMBodyBuffer must be between 0 (off) and %d bytes, not '%s'",
                            SERVER_BODY_BUFFER_MAX, arg);
    }
    server_conf(cmd->server)->body_buffer = value;
    return NULL;
}

/* ---- the table ---- */

#define LIMIT(name, field, help) \
    AP_INIT_TAKE1(name, set_count, (void *)APR_OFFSETOF(lane_t, field), RSRC_CONF, help)

const command_rec directives_table[] = {
    LISTEN_COMMANDS,
    AP_INIT_TAKE1("MPMModel", set_model, NULL, RSRC_CONF | EXEC_ON_READ,
                  "Process model: event, worker or prefork"),
    AP_INIT_TAKE2(
        "MPMLoadModule", newest_load, NULL, RSRC_CONF | EXEC_ON_READ,
        "A module name, and a pattern of files: the one with the highest version is loaded"),
    LIMIT("StartServers", start_servers, "Number of child processes launched at server startup"),
    LIMIT("ServerLimit", server_limit, "Upper bound of the number of processes, for this run"),
    LIMIT("ThreadLimit", thread_limit, "Upper bound of ThreadsPerChild, for this run"),
    LIMIT("ThreadsPerChild", threads_per_child, "Workers a process may have"),
    LIMIT("MinSpareThreads", min_spare_threads, "Idle workers to keep ready, in all processes"),
    LIMIT("MaxSpareThreads", max_spare_threads, "Idle workers to keep at most, in all processes"),
    LIMIT("MinSpareServers", min_spare_servers, "Idle processes to keep ready, prefork model"),
    LIMIT("MaxSpareServers", max_spare_servers, "Idle processes to keep at most, prefork model"),
    LIMIT("MaxRequestWorkers", max_request_workers, "Requests that are processed at once"),
    AP_INIT_TAKE1("MaxClients", set_max_clients, (void *)APR_OFFSETOF(lane_t, max_request_workers),
                  RSRC_CONF, "Deprecated name of MaxRequestWorkers"),
    AP_INIT_TAKE1("AsyncRequestWorkerFactor", set_worker_factor, NULL, RSRC_CONF,
                  "Bounds the connections a process accepts, per idle worker"),
    AP_INIT_TAKE1("MPMConcurrency", set_count_or_auto, (void *)APR_OFFSETOF(lane_t, concurrency),
                  RSRC_CONF,
                  "Workers per process that poll or run short requests at once, or auto"),
    AP_INIT_TAKE1("MPMMaxConnections", set_count_or_auto,
                  (void *)APR_OFFSETOF(lane_t, max_connections), RSRC_CONF,
                  "Connections a process holds at once, or auto"),
    AP_INIT_TAKE1("MPMHeadMemory", set_head_memory, NULL, RSRC_CONF,
                  "Memory a process may hold of incomplete requests, such as 64M; 0 = no limit"),
    AP_INIT_TAKE1("MPMHungRequestTime", set_hung_time, NULL, RSRC_CONF,
                  "Seconds after which a worker in one request is reported; 0 = off"),
    AP_INIT_TAKE12(
        "MPMRestartHold", set_restart_hold, NULL, RSRC_CONF,
        "Whether old children begin no request until a graceful restart is over, and for how many "
        "milliseconds it waits for running requests"),
    AP_INIT_TAKE1("MaxMemoryPerChild", set_max_memory, NULL, RSRC_CONF,
                  "Private memory at which a process is retired, such as 300M; 0 = off"),
    AP_INIT_FLAG("MPMAsyncHead", set_async_head, NULL, RSRC_CONF,
                 "Whether request heads are read without a worker"),
    AP_INIT_TAKE1("MPMBodyBuffer", set_body_buffer, NULL, RSRC_CONF,
                  "Size in bytes up to which a body is collected without a worker; 0 = off"),
    AP_INIT_RAW_ARGS("RequestReadTimeout", reqtimeout_directive, NULL, RSRC_CONF,
                     "mod_reqtimeout's; its budget for bodies holds for collected ones too"),
    AP_GRACEFUL_SHUTDOWN_TIMEOUT_COMMAND,
    { NULL }
};
