/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/hybrid.h
 * @brief Data of mpm_hybrid beyond the scoreboard, if it is the running MPM.
 *
 * Neither module needs the other to load: if mpm_hybrid is not loaded, or has another version of
 * mpm/mpm_hybrid.h, every function here returns "unknown". Any thread may call them once children
 * run.
 */
#ifndef MPMSTATS_STATS_HYBRID_H
#define MPMSTATS_STATS_HYBRID_H

#include <stdbool.h>

#include "httpd.h"
#include "mpm/mpm_hybrid.h"

/** Hook optional_fn_retrieve: finds the functions. */
void hybrid_find(void);

/** Whether mpm_hybrid is loaded; from post_config on. */
bool hybrid_present(void);

/** In a child, before it serves: checks whether the functions below are usable. */
void hybrid_child_init(void);

/**
 * The record in which mpm_hybrid keeps the worker and the times of the request that runs on @a c;
 * NULL: none. Valid from pre_connection to the end of pre_close_connection, on the thread that owns
 * the connection.
 */
const mpm_hybrid_times_t *hybrid_times(conn_rec *c);

/** Why @a c ended; MPM_HYBRID_END_UNKNOWN: unknown. */
mpm_hybrid_end_e hybrid_end(conn_rec *c);

/**
 * mpm_hybrid's data of the process in scoreboard slot @a slot; the numbers after the last slot are
 * the processes without one. APR_ENOENT past the last.
 */
apr_status_t hybrid_process_in(int slot, mpm_hybrid_process_t *process);

/**
 * mpm_hybrid's event counters since the server was started; APR_ENOENT: unknown.
 */
apr_status_t hybrid_events_in(mpm_hybrid_events_t *events);

/** The limits of the default lane; false: unknown. */
bool hybrid_limits_in(mpm_hybrid_limits_t *limits);

#endif
