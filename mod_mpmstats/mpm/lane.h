/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/lane.h
 * @brief A lane: a group of listeners with its own processes and limits.
 *
 * Today there is one, lane_default (directives.h). Functions take the lane they work for; a child
 * has its own (child.h).
 *
 * A lane is written while the configuration is read, completed by lane_check() and constant
 * afterwards: parent and children read it without a lock.
 */
#ifndef MPMSTATS_MPM_LANE_H
#define MPMSTATS_MPM_LANE_H

#include <limits.h>
#include <stdbool.h>

#include "httpd.h"
#include "mpm/mpm_hybrid.h"

/** MPMRestartHold. */
enum { LANE_HOLD_AUTO, LANE_HOLD_ON, LANE_HOLD_OFF };

/** Default of MPMRestartHold's second argument: ms a restart waits for running requests. */
#define LANE_RESTART_WAIT_MS 2000

/** Value of a limit that the configuration does not set. */
#define LANE_UNSET INT_MIN

typedef struct lane_t {
    const char *name;
    const char *model; /**< "event", "worker" or "prefork" */
    int is_threaded;   /**< not prefork */
    int is_async;      /**< event: connections wait in the MPM between requests */

    int server_limit;        /**< upper bound of max_processes until the server is stopped */
    int thread_limit;        /**< upper bound of threads_per_child until the server is stopped */
    int threads_per_child;   /**< upper bound of a process's workers */
    int max_request_workers; /**< workers of all processes */
    int start_servers;
    int min_spare_threads;
    int max_spare_threads;
    int min_spare_servers; /**< prefork model */
    int max_spare_servers; /**< prefork model */
    int cores;             /**< cores the server may run on */
    /** workers per process that poll or run short requests; 0 = from the cores */
    int concurrency;
    /** per process, from MPMMaxConnections; 0 = from RLIMIT_NOFILE */
    int max_connections;
    double worker_factor; /**< AsyncRequestWorkerFactor; < 0 = not set */

    apr_int64_t head_memory; /**< MPMHeadMemory in bytes; 0 = no limit */
    int restart_hold;        /**< MPMRestartHold: LANE_HOLD_* */
    int restart_wait_ms;     /**< MPMRestartHold: how long a restart waits for running requests */
    int hung_seconds;        /**< MPMHungRequestTime; 0 = off */
    apr_int64_t max_memory;  /**< MaxMemoryPerChild in bytes; 0 = off */

    int max_processes; /**< max_request_workers / threads_per_child */
    /** process slots in the scoreboard, the overflow slot included (lane_overflow_slot) */
    int slots;
    int min_processes; /**< lower bound of the number of processes */
} lane_t;

/** MPMModel's argument in the configuration being read; static storage. */
extern const char *lane_model_asked;

/** Use @a model, "event", "worker" or "prefork". After directives_reset(). */
void lane_use_model(lane_t *lane, const char *model);

/** The text for the lane's model: messages of a stock MPM keep that MPM's AH number. */
const char *lane_choose(const lane_t *lane, const char *event, const char *worker,
                        const char *prefork);

/**
 * Complete and check the limits; logs each correction, at startup on the console.
 * @param first_server_limit, first_thread_limit  the values at the server's start; 0 at the first
 *        call, which sets them
 * @param s        main server, for the log
 * @param startup  whether stderr is still the console
 */
void lane_check(lane_t *lane, int *first_server_limit, int *first_thread_limit, server_rec *s,
                bool startup);

/** Logs a warning when the hard limit of open files is too low for MPMMaxConnections. */
void lane_check_connections(const lane_t *lane, server_rec *s);

/** Connections one process may hold at once, from the lane and RLIMIT_NOFILE. */
int lane_connections_per_process(const lane_t *lane);

/** Descriptors that the connections of a process may have, under the soft limit of this one. */
int lane_files_for_connections(const lane_t *lane);

/**
 * The last slot of the scoreboard, which no child is started in. Draining children that have given
 * up their slot share its workers' entries.
 */
int lane_overflow_slot(const lane_t *lane);

/** Copy the limits that mpm_hybrid_limits_get() returns. */
void lane_export(const lane_t *lane, mpm_hybrid_limits_t *out);

#endif
