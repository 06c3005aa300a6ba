/* SPDX-License-Identifier: Apache-2.0 */
/* mod_so's LoadModule loads the file, so that restarts and messages are the usual ones. */
#include "mpm/newest.h"

#include <glob.h>
#include <string.h>

#include "apr_strings.h"
#include "http_core.h"
#include "mpm/directives.h"
#include "mpm/module.h"

/* strverscmp(), as 8.10 is newer than 8.9. */
static const char *highest(char *const *paths, apr_size_t count)
{
    const char *best = paths[0];

    for (apr_size_t i = 1; i < count; i++) {
        if (strverscmp(paths[i], best) > 0) {
            best = paths[i];
        }
    }
    return best;
}

static const char *load(const cmd_parms *cmd, const char *name, const char *path)
{
    ap_directive_t *tree = NULL; /* LoadModule adds nothing to it */
    module *so = ap_find_linked_module("mod_so.c");
    const command_rec *command = so != NULL ? ap_find_command("LoadModule", so->cmds) : NULL;
    cmd_parms as_written = *cmd;

    if (command == NULL || command->args_how != TAKE2) {
        return apr_psprintf(cmd->pool, "%s needs mod_so", cmd->cmd->name);
    }
    as_written.cmd = command;
    return command->AP_TAKE2(&as_written, &tree, name, path);
}

const char *newest_load(cmd_parms *cmd, void *tree, const char *name, const char *pattern)
{
    const char *full = ap_server_root_relative(cmd->temp_pool, pattern);
    const char *path = NULL;
    glob_t found;

    directives_leave_trace(cmd, tree, apr_pstrcat(cmd->temp_pool, name, " ", pattern, NULL));
    if (full == NULL) {
        return apr_psprintf(cmd->pool, "%s: '%s' is no path", cmd->cmd->name, pattern);
    }
    if (glob(full, 0, NULL, &found) == 0) {
        path = apr_pstrdup(cmd->pool, highest(found.gl_pathv, found.gl_pathc));
        globfree(&found);
    }
    if (path != NULL) {
        return load(cmd, name, path);
    }
    ap_log_error(
        APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, NULL,
        "%s, line %d: %s is not loaded, there is no file %s; install its package, or remove this directive",
        cmd->config_file->name, (int)cmd->config_file->line_number, name, full);
    return NULL;
}
