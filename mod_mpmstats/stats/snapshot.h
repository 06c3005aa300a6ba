/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/snapshot.h
 * @brief What the server looked like at one moment: the only thing a renderer reads.
 *
 * Plain data, no httpd types: whoever fills it (collect.c from a running httpd)
 * and whoever renders it (render_*.c) know nothing of each other. The fields that
 * are figures come from metrics.def, one field a line.
 *
 * Unknown is not zero: a number the running MPM does not know is
 * SNAPSHOT_UNKNOWN, a real number is negative, a string is NULL.
 *
 * Strings may hold any bytes a client sent (they end at the NUL, nothing else is
 * promised): escape them on the way out. Everything lives in the pool the
 * snapshot was taken from and is not changed after it was taken, so any thread
 * may read it.
 */
#ifndef MPMSTATS_SNAPSHOT_H
#define MPMSTATS_SNAPSHOT_H

#include "apr.h"

/** The value of a number that is not known. */
#define SNAPSHOT_UNKNOWN APR_INT64_MIN

/* How a figure of each kind is kept. */
#define SNAPSHOT_STORE_TEXT const char *
#define SNAPSHOT_STORE_LETTER const char *
#define SNAPSHOT_STORE_ID apr_int64_t
#define SNAPSHOT_STORE_FLAG apr_int64_t
#define SNAPSHOT_STORE_GAUGE apr_int64_t
#define SNAPSHOT_STORE_CEILING apr_int64_t
#define SNAPSHOT_STORE_COUNTER apr_int64_t
#define SNAPSHOT_STORE_TIME apr_int64_t
#define SNAPSHOT_STORE_REAL double
#define SNAPSHOT_FIELD(field, kind, unit, label, help) SNAPSHOT_STORE_##kind field;

typedef struct {
#define SERVER_METRIC SNAPSHOT_FIELD
#include "stats/metrics.def"
} snapshot_server_t;

typedef struct {
#define LIMITS_METRIC SNAPSHOT_FIELD
#include "stats/metrics.def"
} snapshot_limits_t;

typedef struct {
#define TOTALS_METRIC SNAPSHOT_FIELD
#include "stats/metrics.def"
} snapshot_totals_t;

/** Connections by what they wait for. */
typedef struct {
#define CONNECTIONS_METRIC SNAPSHOT_FIELD
#include "stats/metrics.def"
} snapshot_connections_t;

typedef struct {
#define PROCESS_WORKERS_METRIC SNAPSHOT_FIELD
#include "stats/metrics.def"
} snapshot_process_workers_t;

/** One child process. */
typedef struct {
#define PROCESS_METRIC SNAPSHOT_FIELD
#include "stats/metrics.def"
    snapshot_connections_t connections_by_state;
    snapshot_process_workers_t workers;
    const char *scoreboard;         /**< one letter a worker, '.' for none; NULL without a slot */
    int first_worker;               /**< index of its first entry in snapshot_t.workers */
    int worker_count;               /**< entries it has there */
} snapshot_process_t;

/** One worker whose scoreboard entry is in use. */
typedef struct {
#define WORKER_METRIC SNAPSHOT_FIELD
#include "stats/metrics.def"
} snapshot_worker_t;

typedef struct {
    snapshot_server_t server;
    snapshot_limits_t limits;
    snapshot_totals_t totals;
    snapshot_connections_t connections;
    snapshot_process_t *processes;  /**< by slot */
    int process_count;
    snapshot_process_t *finishing;  /**< those of old generations without a slot; NULL: not known */
    int finishing_count;
    snapshot_worker_t *workers;     /**< by slot, then by thread */
    int worker_count;
} snapshot_t;

#endif
