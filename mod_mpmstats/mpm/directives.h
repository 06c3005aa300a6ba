/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/directives.h
 * @brief The table of the MPM's directives, and what holds before one is read.
 *
 * A setter takes the argument as written, checks what can be checked without the
 * other directives (lane_check() does the rest), and returns NULL or a message
 * for the administrator.
 */
#ifndef MPMSTATS_MPM_DIRECTIVES_H
#define MPMSTATS_MPM_DIRECTIVES_H

#include <stdbool.h>

#include "httpd.h"
#include "http_config.h"
#include "mpm/lane.h"

/** The lane of the configuration. Written by the configuration phase only. */
extern lane_t lane_default;

/** For the module record. */
extern const command_rec directives_table[];

/** Reset @a lane to the defaults before a configuration is read. */
void directives_reset(lane_t *lane);

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
bool directives_check_traces(const ap_directive_t *tree, const ap_directive_t *section);

#endif
