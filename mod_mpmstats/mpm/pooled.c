/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/pooled.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "mpm/module.h"

/* ThreadsPerChild of the stock MPMs by default, and so the number mod_http2 starts there. */
#define THREADS_AT_START 25

/* H2MaxWorkers is 3/2 of the number of workers, as mod_http2's own default. */
#define MOST_OF(threads) ((threads) + (threads) / 2)

/* The last directive @a name in the configuration, or NULL. */
static const ap_directive_t *find(const ap_directive_t *tree, const char *name)
{
    const ap_directive_t *found = NULL;

    for (; tree != NULL; tree = tree->next) {
        const ap_directive_t *inside = find(tree->first_child, name);

        if (ap_cstr_casecmp(tree->directive, name) == 0) {
            found = tree;
        }
        else if (inside != NULL) {
            found = inside;
        }
    }
    return found;
}

static const command_rec *command_of(const module *m, const char *name)
{
    const command_rec *c;

    for (c = m->cmds; c != NULL && c->name != NULL; c++) {
        if (ap_cstr_casecmp(c->name, name) == 0 && c->args_how == TAKE1) {
            return c;
        }
    }
    return NULL;
}

/* Run a directive as if it were in the main server's configuration. */
static void set_directive(const module *m, const char *name, int value, apr_pool_t *p,
                          apr_pool_t *ptemp, server_rec *s)
{
    ap_directive_t here = { .directive = apr_pstrdup(p, name),
                            .args = apr_itoa(p, value),
                            .filename = "mpm_hybrid" };
    cmd_parms parms;
    const char *err;

    memset(&parms, 0, sizeof(parms));
    parms.cmd = command_of(m, name);
    if (parms.cmd == NULL) {
        return; /* a mod_http2 without this directive */
    }
    parms.info = parms.cmd->cmd_data;
    parms.override = RSRC_CONF;
    parms.directive = &here;
    parms.pool = p;
    parms.temp_pool = ptemp;
    parms.server = s;
    err = parms.cmd->AP_TAKE1(&parms, NULL, here.args);
    if (err != NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s %d: %s", name, value, err);
    }
}

void pooled_set_http2(const lane_t *lane, apr_pool_t *p, apr_pool_t *ptemp, server_rec *s)
{
    const module *m = ap_find_linked_module("mod_http2.c");
    const ap_directive_t *most;
    int threads = lane->threads_per_child;

    if (m == NULL || threads <= THREADS_AT_START || find(ap_conftree, "H2MinWorkers") != NULL) {
        return;
    }
    most = find(ap_conftree, "H2MaxWorkers");
    if (most == NULL) {
        set_directive(m, "H2MinWorkers", THREADS_AT_START, p, ptemp, s);
        set_directive(m, "H2MaxWorkers", MOST_OF(threads), p, ptemp, s);
    }
    else if (atoi(most->args) > THREADS_AT_START) {
        set_directive(m, "H2MinWorkers", THREADS_AT_START, p, ptemp, s);
    }
    else if (atoi(most->args) > 0) {
        set_directive(m, "H2MinWorkers", atoi(most->args), p, ptemp, s);
    }
}

/* ---- the system ----------------------------------------------------------- */

/* The number in a file; LONG_MAX if it has none. */
static long number_in(const char *path)
{
    FILE *f = fopen(path, "re");
    long n = LONG_MAX;

    if (f != NULL) {
        if (fscanf(f, "%ld", &n) != 1) {
            n = LONG_MAX; /* "max" */
        }
        fclose(f);
    }
    return n;
}

/* pids.max of this process's cgroup (version 2), which systemd's TasksMax= sets. */
static long cgroup_limit(void)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[512], path[600];
    long n = LONG_MAX;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "0::", 3) == 0) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(path, sizeof(path), "/sys/fs/cgroup%s/pids.max", line + 3);
            n = number_in(path);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return n;
}

void pooled_check_system(const lane_t *lane, server_rec *s)
{
    const struct {
        const char *name;
        long most;
    } limits[] = { { "kernel.threads-max", number_in("/proc/sys/kernel/threads-max") },
                   { "kernel.pid_max", number_in("/proc/sys/kernel/pid_max") },
                   { "the cgroup's pids.max (systemd: TasksMax=)", cgroup_limit() } };
    unsigned i, least = 0;

    for (i = 1; i < sizeof(limits) / sizeof(limits[0]); i++) {
        least = limits[i].most < limits[least].most ? i : least;
    }
    if (lane->max_request_workers > limits[least].most) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "MaxRequestWorkers of %d cannot be reached: the system allows %ld threads (%s). Lower the one or "
            "raise the other",
            lane->max_request_workers, limits[least].most, limits[least].name);
    }
}
