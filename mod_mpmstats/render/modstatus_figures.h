/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/modstatus_figures.h
 * @brief The figures of mod_status's machine-readable report, for their reader and their renderer.
 */
#ifndef MPMSTATS_RENDER_MODSTATUS_FIGURES_H
#define MPMSTATS_RENDER_MODSTATUS_FIGURES_H

#include "apr.h"

/** CPU time in seconds. */
typedef struct {
    double user;
    double system;
    double children_user;
    double children_system;
} modstatus_cpu_t;

/** Connections as an asynchronous MPM counts them in the scoreboard. */
typedef struct {
    int processes;
    int stopping; /**< of those, quiescing */
    apr_int64_t total;
    apr_int64_t wait_io;
    apr_int64_t writing;
    apr_int64_t keepalive;
    apr_int64_t closing;
} modstatus_connections_t;

typedef struct {
    /** the name the client used for the server; may hold any byte but NUL and LF */
    const char *host;
    const char *mpm;
    const char *now; /**< in mod_status's format, local time */
    const char *restarted;
    /** in words, with a leading blank: " 1 day 3 seconds"; empty for 0 seconds */
    const char *uptime;
    apr_int64_t uptime_s; /**< since the counters began */
    apr_uint64_t accesses;
    apr_uint64_t kbytes;
    apr_int64_t duration_ms;
    modstatus_cpu_t cpu;
    int busy;
    int graceful;
    int idle;
    int async; /**< whether `connections` is valid */
    modstatus_connections_t connections;
    const char *scoreboard; /**< one letter for each worker slot */
} modstatus_t;

#endif
