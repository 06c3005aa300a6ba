/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/snapshot.h
 * @brief The state of the server at one moment: the only input of a renderer.
 *
 * Plain data, no httpd types: the reader (read.c) and the renderers (render/) are independent of
 * each other. The fields that are figures come from figures.def, one field a line.
 *
 * Unknown differs from zero: an unknown number is SNAPSHOT_UNKNOWN, an unknown real number
 * negative, an unknown string NULL.
 *
 * Strings are NUL-terminated and may hold any other bytes a client sent: escape them on
 * output. Everything lives in the pool the snapshot was allocated from and is constant once
 * filled, so any thread may read it.
 */
#ifndef MPMSTATS_FIGURES_SNAPSHOT_H
#define MPMSTATS_FIGURES_SNAPSHOT_H

#include "apr.h"

/** The value of an unknown number. */
#define SNAPSHOT_UNKNOWN APR_INT64_MIN

/* The type of a figure of each kind. */
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
    int worker_count;       /**< its entries there */
} snapshot_process_t;

/** One worker whose scoreboard entry is in use. */
typedef struct {
#define WORKER_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_worker_t;

/** The summary of a histogram; times are within 1.6 % of the true ones. */
typedef struct {
#define LATENCY_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
} snapshot_latency_t;

/** Times with a histogram, those of virtual hosts first. */
typedef enum {
#define SPREAD(name, kept, section, label, help) SNAPSHOT_SPREAD_##name,
#include "figures/figures.def"
    SNAPSHOT_SPREADS
} snapshot_spread_e;

/** The number of them that each virtual host has. */
#define SNAPSHOT_PHASES (SNAPSHOT_SPREAD_total + 1)

/** Cumulative counts: at_most[i] values are snapshot_bounds_us[i] or less. */
#define SNAPSHOT_BOUNDS 16
extern const apr_int64_t snapshot_bounds_us[SNAPSHOT_BOUNDS];
typedef struct {
    apr_int64_t at_most[SNAPSHOT_BOUNDS];
} snapshot_steps_t;

/** A content handler; records of the same name are joined. */
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
 * A non-empty bucket: `count` values above the previous bucket's `highest_us`, up to this one's.
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

/** A virtual host as recorded; records of the same name are joined. */
typedef struct {
#define VHOST_FIGURE SNAPSHOT_FIELD
#include "figures/figures.def"
    snapshot_latency_t latency[SNAPSHOT_PHASES]; /**< unknown unless requested */
    snapshot_steps_t total;                      /**< of the total times of its requests */
    snapshot_spread_t *times;                    /**< of its phases; NULL unless requested */
} snapshot_vhost_t;

typedef struct {
    snapshot_server_t server;
    snapshot_limits_t limits;
    snapshot_totals_t totals;
    snapshot_connections_t connections;
    snapshot_process_t *processes; /**< by slot */
    int process_count;
    snapshot_process_t *finishing; /**< of old generations, without a slot; NULL: unknown */
    int finishing_count;
    snapshot_worker_t *workers; /**< by slot, then by thread */
    int worker_count;

    /* Recorded in the shared segment; where nothing is recorded, NULL, 0 and unknown. */
    snapshot_spread_t spreads[SNAPSHOT_SPREADS];
    snapshot_vhost_t *vhosts; /**< in the order of the configuration */
    int vhost_count;
    snapshot_handler_t *handlers; /**< in the order of their records */
    int handler_count;
    snapshot_listener_t *listeners;
    int listener_count;
    snapshot_event_t *events; /**< latest first */
    int event_count;
} snapshot_t;

#endif
