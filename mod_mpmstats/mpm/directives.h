/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/directives.h
 * @brief Setters of the directives in mod_mpm_hybrid.c's table.
 *
 * Each takes the argument as written, checks what can be checked without the
 * other directives (lane_check() does the rest), and returns NULL or a message
 * for the administrator.
 */
#ifndef MPMSTATS_MPM_DIRECTIVES_H
#define MPMSTATS_MPM_DIRECTIVES_H

#include "httpd.h"
#include "http_config.h"
#include "mpm/lane.h"

/** The lane of the configuration. Written by the configuration phase only. */
extern lane_t lane_default;

/** Sets the int of lane_default at offset `cmd->info`. */
const char *directives_set_count(cmd_parms *cmd, void *dummy, const char *arg);

/**
 * Adds an EXEC_ON_READ directive to the configuration tree: httpd leaves it out, and the directive
 * cannot see its enclosing section. @a tree is the directive's configuration argument. httpd does
 * not run the added entry.
 */
void directives_leave_trace(const cmd_parms *cmd, void *tree, const char *args);

/**
 * Whether all directives that directives_leave_trace() added to @a tree are outside sections; if
 * not, logs the first one and returns 0. @a section: the one @a tree is in, or NULL. Hook
 * pre_config.
 */
int directives_check_traces(const ap_directive_t *tree, const ap_directive_t *section);

/** MPMModel. Runs while the configuration is read, before a module queries AP_MPMQ_IS_THREADED. */
const char *directives_set_model(cmd_parms *cmd, void *tree, const char *arg);

/** MaxClients: the old name of MaxRequestWorkers. */
const char *directives_set_max_clients(cmd_parms *cmd, void *dummy, const char *arg);

/** MPMHeadMemory: bytes, with K, M or G. */
const char *directives_set_head_memory(cmd_parms *cmd, void *dummy, const char *arg);

/** MaxMemoryPerChild: bytes, with K, M or G. */
const char *directives_set_max_memory(cmd_parms *cmd, void *dummy, const char *arg);

/** MPMRestartHold, MPMHungRequestTime. */
const char *directives_set_restart_hold(cmd_parms *cmd, void *dummy, const char *arg,
                                        const char *ms);
const char *directives_set_hung_time(cmd_parms *cmd, void *dummy, const char *arg);

/** AsyncRequestWorkerFactor. */
const char *directives_set_worker_factor(cmd_parms *cmd, void *dummy, const char *arg);

/** MPMConcurrency, MPMMaxConnections: a count, or `auto`. */
const char *directives_set_count_or_auto(cmd_parms *cmd, void *dummy, const char *arg);

/** MPMAsyncHead, MPMBodyBuffer, per server; see server.h. */
const char *directives_set_async_head(cmd_parms *cmd, void *dummy, int on);
const char *directives_set_body_buffer(cmd_parms *cmd, void *dummy, const char *arg);

#endif
