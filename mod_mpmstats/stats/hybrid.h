/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/hybrid.h
 * @brief What mpm_hybrid tells beyond the scoreboard, if it is the running MPM.
 *
 * Neither module needs the other to load: every function here answers 0 when
 * mpm_hybrid is not there, or speaks another version of mpm/mpm_hybrid.h, and
 * leaves the record as it was. Any thread may call them once children run.
 */
#ifndef MPMSTATS_STATS_HYBRID_H
#define MPMSTATS_STATS_HYBRID_H

#include "httpd.h"
#include "mpm/mpm_hybrid.h"
#include "figures/snapshot.h"

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
 * For how long (µs) its main thread has not moved, or since when it has not begun to serve;
 * SNAPSHOT_UNKNOWN in the prefork model.
 */
apr_int64_t hybrid_quiet(const mpm_hybrid_process_t *process);

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

/** Fills the limits of the default lane and @a model (static storage); 1 if known. */
int hybrid_limits(snapshot_limits_t *limits, const char **model);

/**
 * Fills what is known of the process in scoreboard slot @a process->slot, provided
 * that it is still process->pid; 1 if known.
 */
int hybrid_process(snapshot_process_t *process);

/** What hybrid_finishing() found. */
typedef enum {
    HYBRID_FOUND,
    /** connections of the prefork model wait there: it runs nothing, and does not end */
    HYBRID_WAITING_ROOM,
    HYBRID_FREE, /**< nobody is there now */
    HYBRID_END   /**< there is nothing from here on */
} hybrid_found_e;

/**
 * Fills the process without a slot number @a index (from 0), mostly one that finishes and has given
 * it up;
 * @a limits are those of the same snapshot.
 */
hybrid_found_e hybrid_finishing(int index, const snapshot_limits_t *limits,
                                snapshot_process_t *process);

/**
 * Once hybrid_limits() has found it: handler of what the worker in this entry of the scoreboard
 * runs now or ran last, cut to @a size; 1 if known.
 */
int hybrid_handler(int slot, int thread, char *name, apr_size_t size);

#endif
