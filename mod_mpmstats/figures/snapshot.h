/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/snapshot.h
 * @brief What the server looked like at one moment: the only thing a renderer reads.
 *
 * Plain data, no httpd types: who fills it from a segment (read.c) and who renders it (render/)
 * know nothing of each other. The fields that
 * are figures come from figures.def, one field a line.
 *
 * Unknown is not zero: a number the running MPM does not know is
 * SNAPSHOT_UNKNOWN, a real number is negative, a string is NULL.
 *
 * Strings may hold any bytes a client sent (they end at the NUL, nothing else is
 * promised): escape them on the way out. Everything lives in the pool the
 * snapshot was taken from and is not changed after it was taken, so any thread
 * may read it.
 */
#ifndef MPMSTATS_FIGURES_SNAPSHOT_H
#define MPMSTATS_FIGURES_SNAPSHOT_H

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
#define SNAPSHOT_STORE_PEAK apr_int64_t
#define SNAPSHOT_STORE_COUNTER apr_int64_t
#define SNAPSHOT_STORE_TIME apr_int64_t
#define SNAPSHOT_STORE_REAL double
#define SNAPSHOT_FIELD(name, kept, kind, unit, shorter, limit, label, help) \
    SNAPSHOT_STORE_##kind name;

typedef struct {
#define SERVER_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_server_t;

typedef struct {
#define LIMITS_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_limits_t;

typedef struct {
#define TOTALS_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_totals_t;

/** Connections by what they wait for. */
typedef struct {
#define CONNECTIONS_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_connections_t;

typedef struct {
#define PROCESS_WORKERS_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_process_workers_t;

/** One child process. */
typedef struct {
#define PROCESS_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
    snapshot_connections_t connections_by_state;
    snapshot_process_workers_t workers;
    const char *scoreboard; /**< one letter a worker, '.' for none; NULL without a slot */
    int first_worker;       /**< index of its first entry in snapshot_t.workers */
    int worker_count;       /**< entries it has there */
} snapshot_process_t;

/** One worker whose scoreboard entry is in use. */
typedef struct {
#define WORKER_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_worker_t;

/** What a histogram comes to; the times are within 1.6 % of the true ones. */
typedef struct {
#define LATENCY_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_latency_t;

/** Times of which there is a histogram, those of virtual hosts first. */
typedef enum {
#define SPREAD(name, kept, section, label, help) SNAPSHOT_SPREAD_##name,
#include "figures/figures.def"
    SNAPSHOT_SPREADS
} snapshot_spread_e;

/** How many of them each virtual host has. */
#define SNAPSHOT_PHASES (SNAPSHOT_SPREAD_total + 1)

/** How many took no longer than snapshot_bounds_us[i], for each i. */
#define SNAPSHOT_BOUNDS 16
extern const apr_int64_t snapshot_bounds_us[SNAPSHOT_BOUNDS];
typedef struct {
    apr_int64_t at_most[SNAPSHOT_BOUNDS];
} snapshot_steps_t;

/** A content handler; several records of one name are one. */
typedef struct {
#define HANDLER_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_handler_t;

/** A listening socket. */
typedef struct {
#define LISTENER_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_listener_t;

typedef struct {
#define EVENT_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_event_t;

/**
 * A bucket that is not empty: `count` values above the last bucket's `highest_us`, up to this
 * one's.
 */
typedef struct {
    apr_int64_t highest_us;
    apr_int64_t count;
} snapshot_bucket_t;

/** Times over all virtual hosts. */
typedef struct {
    snapshot_latency_t latency;
    snapshot_steps_t steps;
    snapshot_bucket_t *buckets; /**< by time */
    int bucket_count;
} snapshot_spread_t;

/** A virtual host as recorded; several of one name are one. */
typedef struct {
#define VHOST_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
    snapshot_latency_t latency[SNAPSHOT_PHASES]; /**< unknown if not asked for */
    snapshot_steps_t total;                      /**< of the whole times of its requests */
    snapshot_spread_t *times;                    /**< buckets of its phases, if asked for; NULL */
} snapshot_vhost_t;

typedef struct {
    snapshot_server_t server;
    snapshot_limits_t limits;
    snapshot_totals_t totals;
    snapshot_connections_t connections;
    snapshot_process_t *processes; /**< by slot */
    int process_count;
    snapshot_process_t *finishing; /**< those of old generations without a slot; NULL: not known */
    int finishing_count;
    snapshot_worker_t *workers; /**< by slot, then by thread */
    int worker_count;

    /*
     * What is recorded in the shared segment; where nothing is recorded, NULL and 0, and unknown.
     */
    snapshot_spread_t spreads[SNAPSHOT_SPREADS];
    snapshot_vhost_t *vhosts; /**< in the order of the configuration */
    int vhost_count;
    snapshot_handler_t *handlers; /**< in the order they were first met */
    int handler_count;
    snapshot_listener_t *listeners;
    int listener_count;
    snapshot_event_t *events; /**< latest first */
    int event_count;
} snapshot_t;

#endif
