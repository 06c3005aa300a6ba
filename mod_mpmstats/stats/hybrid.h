/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/hybrid.h
 * @brief What mpm_hybrid tells beyond the scoreboard, if it is the running MPM.
 *
 * Neither module needs the other to load: where mpm_hybrid is not there, or speaks another version
 * of mpm/mpm_hybrid.h, every function here says that nothing is known. Any thread may call them
 * once children run.
 */
#ifndef MPMSTATS_STATS_HYBRID_H
#define MPMSTATS_STATS_HYBRID_H

#include <stdbool.h>

#include "httpd.h"
#include "mpm/mpm_hybrid.h"

/** Hook optional_fn_retrieve: finds the functions. */
void hybrid_find(void);

/** Whether mpm_hybrid is loaded; from post_config on. */
int hybrid_present(void);

/** In a child, before it serves: whether the functions below may be used. */
void hybrid_child_init(void);

/**
 * Where mpm_hybrid notes the times of the request that runs on @a c, and the worker; NULL when
 * nobody does. From pre_connection on, until pre_close_connection is over; on the thread that owns
 * the connection.
 */
const mpm_hybrid_times_t *hybrid_times(conn_rec *c);

/** Why @a c ended; MPM_HYBRID_END_UNKNOWN when nobody knows. */
mpm_hybrid_end_e hybrid_end(conn_rec *c);

/**
 * The process in scoreboard slot @a slot, and those without one after it, as mpm_hybrid tells it;
 * APR_ENOENT past the last.
 */
apr_status_t hybrid_process_in(int slot, mpm_hybrid_process_t *process);

/**
 * What has happened since the server was started, as mpm_hybrid tells it; APR_ENOENT if it tells
 * nothing.
 */
apr_status_t hybrid_events_in(mpm_hybrid_events_t *events);

/** The limits of the default lane; false if they are not known. */
bool hybrid_limits_in(mpm_hybrid_limits_t *limits);

#endif
