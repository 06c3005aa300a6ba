/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/pooled.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "mpm/module.h"
#include "mpm/process/http2.h"

/* H2MinWorkers: threads of a process in which no stream has run. */
#define THREADS_AT_START 4

/* H2MaxWorkers is at least this, as mod_http2's own default: streams may wait for one another. */
#define LEAST_STREAMS 4

/*
 * H2MaxWorkerIdleSeconds: 20 days. mod_http2 can use the slot of a thread that has timed out only
 * when another one becomes idle, so a burst after a pause would be left to H2MinWorkers threads;
 * and a thread that is woken as its time ends exits all the same.
 */
#define IDLE_TIME "1728000"

#define VIRTUAL_HOST "<VirtualHost"

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/*
 * The last directive @a name of the main server, or NULL. mod_http2 reads these limits from the
 * main server only.
 */
static const ap_directive_t *find(const ap_directive_t *tree, const char *name)
{
    const ap_directive_t *found = NULL;

    for (; tree != NULL; tree = tree->next) {
        const ap_directive_t *inside = NULL;

        if (ap_cstr_casecmp(tree->directive, VIRTUAL_HOST) != 0) {
            inside = find(tree->first_child, name);
        }
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
static void set_directive(const module *m, const char *name, const char *value, apr_pool_t *p,
                          apr_pool_t *ptemp, server_rec *s)
{
    ap_directive_t here = { .directive = apr_pstrdup(p, name),
                            .args = apr_pstrdup(p, value),
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
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s %s: %s", name, value, err);
    }
}

/*
 * Streams of one process at once: one and a half times its workers, as under the stock MPMs, but no
 * more than its share of MaxRequestWorkers with StartServers processes.
 */
static int most_streams(const lane_t *lane)
{
    int threads = lane->threads_per_child;
    int most = smaller(threads + threads / 2, lane->max_request_workers / lane->start_servers);

    return most < LEAST_STREAMS ? LEAST_STREAMS : most;
}

void pooled_set_http2(const lane_t *lane, apr_pool_t *p, apr_pool_t *ptemp, server_rec *s)
{
    const module *m = ap_find_linked_module("mod_http2.c");
    const ap_directive_t *most_set = find(ap_conftree, "H2MaxWorkers");
    int most = most_set != NULL ? atoi(most_set->args) : most_streams(lane);
    int least = smaller(most, smaller(THREADS_AT_START, lane->threads_per_child));

    http2_take_stopping();
    if (m == NULL || find(ap_conftree, "H2MinWorkers") != NULL) {
        return; /* mod_http2's own default of H2MaxWorkers depends on H2MinWorkers */
    }
    set_directive(m, "H2MinWorkers", apr_itoa(p, least), p, ptemp, s);
    if (most_set == NULL) {
        set_directive(m, "H2MaxWorkers", apr_itoa(p, most), p, ptemp, s);
    }
    if (find(ap_conftree, "H2MaxWorkerIdleSeconds") == NULL) {
        set_directive(m, "H2MaxWorkerIdleSeconds", IDLE_TIME, p, ptemp, s);
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
    int streams = lane->is_threaded ? http2_threads(s) : 0;
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
    else if (lane->max_request_workers + (long)lane->max_processes * streams > limits[least].most) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "MaxRequestWorkers of %d and H2MaxWorkers of %d in each of %d processes cannot be reached together: "
            "the system allows %ld threads (%s). Lower one of them or raise that limit",
            lane->max_request_workers, streams, lane->max_processes, limits[least].most,
            limits[least].name);
    }
}
