/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values that are not numbers are refused here; lane_check() corrects numbers out of range later,
 * as httpd does.
 */
#include "mpm/directives.h"

#include <limits.h>

#include "apr_lib.h"
#include "apr_strings.h"
#include "http_core.h"
#include "mpm/module.h"
#include "mpm/lane.h"
#include "mpm/conn/server.h"

lane_t lane_default;

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

const char *directives_set_count(cmd_parms *cmd, void *dummy, const char *arg)
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

static int is_traced(const ap_directive_t *at)
{
    return ap_cstr_casecmp(at->directive, "MPMModel") == 0
        || ap_cstr_casecmp(at->directive, "MPMLoadModule") == 0;
}

int directives_check_traces(const ap_directive_t *tree, const ap_directive_t *section)
{
    for (; tree != NULL; tree = tree->next) {
        if (section != NULL && is_traced(tree)) {
            ap_log_error(APLOG_MARK, APLOG_CRIT | APLOG_STARTUP, 0, NULL,
                         "%s, line %d: %s cannot occur within %s> section", tree->filename,
                         tree->line_num, tree->directive, section->directive);
            return 0;
        }
        if (!directives_check_traces(tree->first_child, tree)) {
            return 0;
        }
    }
    return 1;
}

const char *directives_set_model(cmd_parms *cmd, void *tree, const char *arg)
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

const char *directives_set_max_clients(cmd_parms *cmd, void *dummy, const char *arg)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, NULL,
                 "MaxClients is deprecated, use MaxRequestWorkers instead.");
    return directives_set_count(cmd, dummy, arg);
}

const char *directives_set_count_or_auto(cmd_parms *cmd, void *dummy, const char *arg)
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

const char *directives_set_max_memory(cmd_parms *cmd, void *dummy, const char *arg)
{
    (void)dummy;
    return parse_size(cmd, arg, &lane_default.max_memory);
}

const char *directives_set_head_memory(cmd_parms *cmd, void *dummy, const char *arg)
{
    (void)dummy;
    return parse_size(cmd, arg, &lane_default.head_memory);
}

const char *directives_set_hung_time(cmd_parms *cmd, void *dummy, const char *arg)
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

const char *directives_set_restart_hold(cmd_parms *cmd, void *dummy, const char *arg,
                                        const char *ms)
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

const char *directives_set_worker_factor(cmd_parms *cmd, void *dummy, const char *arg)
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

const char *directives_set_async_head(cmd_parms *cmd, void *dummy, int on)
{
    const char *err = ap_check_cmd_context(cmd, NOT_IN_DIR_LOC_FILE | NOT_IN_LIMIT);

    (void)dummy;
    if (err == NULL) {
        server_conf(cmd->server)->async_head = on;
    }
    return err;
}

const char *directives_set_body_buffer(cmd_parms *cmd, void *dummy, const char *arg)
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
