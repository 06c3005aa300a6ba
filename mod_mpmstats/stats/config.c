/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directives of directories and virtual hosts are in httpd's per-directory and per-server
 * configurations; those of the server as a whole in config_global.
 */
#include "stats/config.h"

#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "apr_lib.h"
#include "apr_strings.h"

/* `auto_mpm` for the MPM's own name, which overrides the setting of an outer section. */
static const char own_name[] = "";

const config_dir_t *config_of_request(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &mpmstats_module);
}

void *config_dir_create(apr_pool_t *pool, char *dir)
{
    (void)dir;
    return apr_pcalloc(pool, sizeof(config_dir_t));
}

void *config_dir_merge(apr_pool_t *pool, void *base, void *add)
{
    const config_dir_t *outer = base;
    const config_dir_t *inner = add;
    config_dir_t *merged = apr_pcalloc(pool, sizeof(*merged));

    merged->auto_mpm = inner->auto_mpm != NULL ? inner->auto_mpm : outer->auto_mpm;
    return merged;
}

static const char *set_auto_mpm(cmd_parms *cmd, void *dir, const char *name)
{
    static const char *const names[] = { "event", "worker", "prefork" };
    config_dir_t *config = dir;

    if (strcasecmp(name, "real") == 0) {
        config->auto_mpm = own_name;
        return NULL;
    }
    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i]) == 0) {
            config->auto_mpm = names[i];
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool, "%s must be real, event, worker or prefork, not '%s'",
                        cmd->cmd->name, name);
}

/* ---- virtual hosts --------------------------------------------------------- */

config_server_t *config_server_own(apr_pool_t *pool, server_rec *s)
{
    config_server_t *own = apr_pmemdup(pool, config_of_server(s), sizeof(*own));

    ap_set_module_config(s->module_config, &mpmstats_module, own);
    return own;
}

void *config_server_create(apr_pool_t *pool, server_rec *s)
{
    config_server_t *config = apr_pcalloc(pool, sizeof(*config));

    (void)s;
    config->slow = -1;
    return config;
}

void *config_server_merge(apr_pool_t *pool, void *base, void *add)
{
    const config_server_t *outer = base;
    const config_server_t *inner = add;
    config_server_t *merged = apr_pcalloc(pool, sizeof(*merged));

    merged->slow = inner->slow >= 0 ? inner->slow : outer->slow;
    merged->queries = inner->queries != CONFIG_QUERIES_UNSET ? inner->queries : outer->queries;
    return merged;
}

/* ---- the server as a whole --------------------------------------------------- */

config_global_t config_global;

void config_reset(void)
{
    memset(&config_global, 0, sizeof(config_global));
    config_global.segment_mode = 0640;
    config_global.segment_group = (gid_t)-1;
    config_global.vhosts = CONFIG_VHOSTS_DEFAULT;
}

static bool is_off(const char *word)
{
    return strcasecmp(word, "off") == 0;
}

/* "Off", or a time with a unit (default: seconds). */
static const char *parse_time(cmd_parms *cmd, const char *text, apr_interval_time_t *time)
{
    if (is_off(text)) {
        *time = 0;
        return NULL;
    }
    if (!apr_isdigit(text[0]) || ap_timeout_parameter_parse(text, time, "s") != APR_SUCCESS
        || *time <= 0) {
        return apr_psprintf(
            cmd->pool,
            "%s must be Off or a time of more than 0 such as 500ms, 10 (seconds) or 5min, "
            "not '%s'",
            cmd->cmd->name, text);
    }
    return NULL;
}

/* A number in base `base` and nothing else; -1 otherwise, or above `most`. */
static long parse_number(const char *text, int base, long most)
{
    char *end;
    long number;

    if (!apr_isdigit(text[0])) {
        return -1;
    }
    number = strtol(text, &end, base);
    return *end == '\0' && number <= most ? number : -1;
}

static const char *set_segment(cmd_parms *cmd, void *dir, const char *path)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (wrong != NULL) {
        return wrong;
    }
    if (is_off(path)) {
        config_global.segment = "";
        return NULL;
    }
    config_global.segment = ap_runtime_dir_relative(cmd->pool, path);
    if (path[0] == '\0' || config_global.segment == NULL) {
        return apr_psprintf(cmd->pool, "%s must be Off or the path of a file, not '%s'",
                            cmd->cmd->name, path);
    }
    return NULL;
}

static const char *set_segment_mode(cmd_parms *cmd, void *dir, const char *mode)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    long bits = parse_number(mode, 8, 0777);

    (void)dir;
    if (wrong != NULL) {
        return wrong;
    }
    if (bits < 0 || (bits & 0111) != 0 || (bits & 0400) == 0 || (bits & 0022) != 0) {
        return apr_psprintf(
            cmd->pool,
            "%s must be octal permissions of a file that its owner may read and that nobody may execute, "
            "such as 0640 or 0644, and without write permission for group and others, who could end "
            "the server by cutting the file short; not '%s'",
            cmd->cmd->name, mode);
    }
    config_global.segment_mode = (mode_t)bits;
    return NULL;
}

static const char *set_segment_group(cmd_parms *cmd, void *dir, const char *group)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const struct group *entry = group[0] == '#' ? NULL : getgrnam(group);
    long number = group[0] == '#' ? parse_number(group + 1, 10, UINT32_MAX - 1L) : -1;

    (void)dir;
    if (wrong != NULL) {
        return wrong;
    }
    if (entry == NULL && number < 0) {
        return apr_psprintf(
            cmd->pool,
            "%s must be the name of a group of this system or # and its number; there is "
            "no group '%s'",
            cmd->cmd->name, group);
    }
    config_global.segment_group = entry != NULL ? entry->gr_gid : (gid_t)number;
    config_global.segment_group_given = 1;
    return NULL;
}

static const char *set_query_strings(cmd_parms *cmd, void *dir, int on)
{
    const char *wrong = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    (void)dir;
    if (wrong == NULL) {
        config_of_server(cmd->server)->queries = on ? CONFIG_QUERIES_KEPT : CONFIG_QUERIES_CUT;
        config_global.queries_cut |= !on;
    }
    return wrong;
}

static const char *add_host(cmd_parms *cmd, void *dir, const char *name)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (wrong != NULL) {
        return wrong;
    }
    if (name[0] == '\0' || strpbrk(name, ":/ ") != NULL) {
        return apr_psprintf(
            cmd->pool, "%s must be names of hosts (* and ? match), without port and path, not '%s'",
            cmd->cmd->name, name);
    }
    if (config_global.hosts == NULL) {
        config_global.hosts = apr_array_make(cmd->pool, 2, sizeof(const char *));
    }
    APR_ARRAY_PUSH(config_global.hosts, const char *) = name;
    return NULL;
}

static const char *set_vhosts(cmd_parms *cmd, void *dir, const char *text)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    long number = parse_number(text, 10, CONFIG_VHOSTS_MAX);

    (void)dir;
    if (wrong != NULL) {
        return wrong;
    }
    if (number < 1) {
        return apr_psprintf(
            cmd->pool,
            "%s must be a number from 1 to %d: so many virtual hosts are counted each by "
            "itself, the rest together as 'other'; not '%s'",
            cmd->cmd->name, CONFIG_VHOSTS_MAX, text);
    }
    config_global.vhosts = (unsigned)number;
    return NULL;
}

static const char *set_report_interval(cmd_parms *cmd, void *dir, const char *time)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    return wrong != NULL ? wrong : parse_time(cmd, time, &config_global.report_interval);
}

static const char *set_slow_threshold(cmd_parms *cmd, void *dir, const char *time)
{
    const char *wrong = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    (void)dir;
    return wrong != NULL ? wrong : parse_time(cmd, time, &config_of_server(cmd->server)->slow);
}

static const char *set_busy_threshold(cmd_parms *cmd, void *dir, const char *text)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_size_t len = strlen(text);
    long number = is_off(text)
        ? 0
        : parse_number(len > 1 && text[len - 1] == '%' ? apr_pstrmemdup(cmd->pool, text, len - 1)
                                                       : text,
                       10, 100);

    (void)dir;
    if (wrong != NULL) {
        return wrong;
    }
    if (number < 0 || (number == 0 && !is_off(text))) {
        return apr_psprintf(
            cmd->pool,
            "%s must be Off or a share of MaxRequestWorkers from 1 to 100 per cent, not '%s'",
            cmd->cmd->name, text);
    }
    config_global.busy_threshold = (unsigned)number;
    return NULL;
}

/* ---- the table ---------------------------------------------------------------- */

const command_rec config_directives[] = {
    AP_INIT_TAKE1("MPMStatsAutoMPM", set_auto_mpm, NULL, RSRC_CONF | ACCESS_CONF,
                  "Name of the MPM that mpm-status?auto reports: real, event, worker or prefork"),
    AP_INIT_TAKE1(
        "MPMStatsSegment", set_segment, NULL, RSRC_CONF,
        "File in the runtime directory that holds the figures of the running server, or Off"),
    AP_INIT_TAKE1("MPMStatsSegmentMode", set_segment_mode, NULL, RSRC_CONF,
                  "Permissions of that file, octal"),
    AP_INIT_TAKE1("MPMStatsSegmentGroup", set_segment_group, NULL, RSRC_CONF,
                  "Group of that file: a name, or # and a number"),
    AP_INIT_FLAG("MPMStatsQueryStrings", set_query_strings, NULL, RSRC_CONF,
                 "Off: the query string of a request is neither recorded nor shown"),
    AP_INIT_ITERATE("MPMStatsAllowHost", add_host, NULL, RSRC_CONF,
                    "Host names of the page, in addition to those of the configuration"),
    AP_INIT_TAKE1(
        "MPMStatsVHosts", set_vhosts, NULL, RSRC_CONF,
        "Number of virtual hosts with figures of their own; the rest are counted together"),
    AP_INIT_TAKE1("MPMStatsReportInterval", set_report_interval, NULL, RSRC_CONF,
                  "Time between two summaries in the error log, or Off"),
    AP_INIT_TAKE1("MPMStatsSlowThreshold", set_slow_threshold, NULL, RSRC_CONF,
                  "Requests that take as long or longer are written to the error log, or Off"),
    AP_INIT_TAKE1(
        "MPMStatsBusyThreshold", set_busy_threshold, NULL, RSRC_CONF,
        "Share of MaxRequestWorkers, in per cent, of busy workers that causes a warning, or Off"),
    { NULL }
};
