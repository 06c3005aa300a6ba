/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/policy/sizing.h
 * @brief Decides how many workers and processes there should be; callers carry it out.
 *
 * Growth is immediate, by as much as is missing; shrinking follows the least number of free workers
 * in a whole window, so workers needed once in it stay. An oscillating load thus neither creates
 * nor destroys workers.
 *
 * The functions use no clock, global or allocation. State between decisions is in structs of the
 * caller, initially all zero; one thread at a time may use such a struct, any number a
 * sizing_low_t. Times are µs of a monotonic clock, all else counts. Values out of range (negative,
 * a minimum above its maximum) are taken as the nearest valid ones.
 */
#ifndef MPMSTATS_MPM_POLICY_SIZING_H
#define MPMSTATS_MPM_POLICY_SIZING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- the least value over a window ------------------------------------------------------- */

/** The least value of a gauge in a window. Any thread may note, one at a time may take. */
typedef struct {
    /* relaxed: a note that races with a take counts for either window */
    atomic_int low;
} sizing_low_t;

/** Initialize with @a value, before other threads note. */
void sizing_low_init(sizing_low_t *low, int value);

/** Note that the gauge is @a value now. A single load unless it is a new low. */
void sizing_low_note(sizing_low_t *low, int value);

/** The least since the last take; the next window begins with @a value. */
int sizing_low_take(sizing_low_t *low, int value);

/* ---- one process ------------------------------------------------------------------------- */

typedef struct {
    int ceiling_threads; /**< ThreadsPerChild */
    /** this process's share of MinSpareThreads, at least 1: a worker has to poll */
    int min_spare_threads;
    int max_spare_threads; /**< its share of MaxSpareThreads */
    /** window in which a worker must have been surplus before it may leave */
    int64_t surplus_us;
} sizing_process_limits_t;

typedef struct {
    int workers;        /**< existing threads, starting ones included */
    int starting;       /**< of those, not ready yet */
    int idle;           /**< of those, ready and without work */
    int events_waiting; /**< ready events that no worker has taken */
    /** least idle in the window that ends now; see sizing_low_t */
    int idle_low;
    int64_t window_us; /**< length of that window */
} sizing_process_t;

typedef struct {
    int create_threads; /**< threads to create now */
    /** threads that may leave now; begin a new window when > 0, or window_us > surplus_us */
    int leave_threads;
    /** events without a worker because of ceiling_threads: the parent has to start a process */
    int unmet_events;
} sizing_process_advice_t;

sizing_process_advice_t sizing_process(const sizing_process_limits_t *limits,
                                       const sizing_process_t *now);

/**
 * Share of process @a index (0 … processes-1) in a server-wide count; all shares add up to it.
 */
int sizing_share(int total, int processes, int index);

/** Polling slots per process: cores divided by processes, at least 1. */
int sizing_concurrency(int cores, int processes);

/* ---- the server (a lane of it) ----------------------------------------------------------- */

typedef struct {
    int server_limit; /**< processes at once, draining ones not counted */
    int max_request_workers;
    int threads_per_child;
    int min_spare_threads;
    int max_spare_threads;
    int min_processes; /**< lower bound of processes; at least 1 */
    /** duration of a surplus before processes retire; doubles when a retirement was reversed */
    int64_t retire_us;
    /** upper bound of that duration */
    int64_t retire_max_us;
} sizing_server_limits_t;

typedef struct {
    int64_t now_us;
    /** processes of this generation that serve, even at their connection limit */
    int ready;
    int full; /**< of those, at their limit of connections or descriptors */
    /** sum over `ready` of the part of that limit that is used, in per mille */
    int filled;
    int starting; /**< forked and not serving yet */
    /** slots in which a process can be started now */
    int free_slots;
    int busy; /**< workers in a request, in `ready` processes */
    /** events and connections that wait for a worker */
    int unmet_events;
} sizing_server_t;

/** State between decisions; all zero at the start and after a restart. */
typedef struct {
    bool window_open;
    int64_t window_start_us;
    int window_low;         /* least free threads in the window */
    int64_t window_us;      /* current length: retire_us, or more after reversed retirements */
    int64_t last_retire_us; /* last retirement not yet reversed or confirmed; 0: none */
    bool reported[4];       /* by sizing_report_e; cleared when no worker is missing */
    int64_t reported_us[4];
} sizing_server_memory_t;

/** Conditions to log: each once while it lasts, and at most once a minute. */
typedef enum {
    SIZING_REPORT_NONE = 0,
    SIZING_REPORT_FULL, /**< all of MaxRequestWorkers are busy */
    /** fewer than MinSpareThreads are free, and MaxRequestWorkers is reached */
    SIZING_REPORT_NEAR,
    /** processes are missing, below MaxRequestWorkers, but no slot is free */
    SIZING_REPORT_SLOTS
} sizing_report_e;

typedef struct {
    int start_processes;  /**< processes to start now */
    int retire_processes; /**< processes to drain */
    /** all workers are busy and no more are allowed: saturation */
    bool at_limit;
    sizing_report_e report;
} sizing_server_advice_t;

/**
 * Call it when a child asks for help, when one has ended, and once a second. One call never advises
 * both starting and retiring.
 */
sizing_server_advice_t sizing_server(const sizing_server_limits_t *limits,
                                     const sizing_server_t *now, sizing_server_memory_t *memory);

/* ---- children that take long to start ---------------------------------------------------- */

typedef struct {
    int batch; /* children that may start at a time; 0: no batch has begun */
    bool used; /* children of it were started */
    int64_t since_us;
} sizing_starts_t;

/**
 * How many of @a wanted children to start now. Each takes @a start_us, more when many start at
 * once, and the running ones may complete the work meanwhile. So the first batch is as large as the
 * number of cores; the next is twice as large, once the last one is ready or after a second. Below
 * 10 ms @a start_us all start at once.
 * @param starting  children that were started and are not ready
 */
int sizing_starts(int wanted, int starting, int cores, int64_t start_us, int64_t now_us,
                  sizing_starts_t *memory);

/* ---- crash loops ------------------------------------------------------------------------- */

typedef struct {
    /** delay after the second early death in a row; doubles with each further one */
    int64_t first_us;
    int64_t max_us;     /**< upper bound of the delay */
    int64_t healthy_us; /**< a child that lived this long did not die early */
} sizing_restart_limits_t;

typedef struct {
    int early_deaths; /* in a row */
} sizing_restart_memory_t;

/**
 * Delay before a crashed child is replaced; 0 after a single early death. Not for children that
 * ended as requested.
 * @param lived_us from its start to its end
 */
int64_t sizing_restart_delay(const sizing_restart_limits_t *limits, int64_t lived_us,
                             sizing_restart_memory_t *memory);

/* ---- the layout -------------------------------------------------------------------------- */

/** Values of the directives; in: 0 means not set; out: all are set. */
typedef struct {
    int start_servers;
    int server_limit;
    int thread_limit;
    int threads_per_child;
    int max_request_workers;
    int min_spare_threads;
    int max_spare_threads;
} sizing_layout_t;

/**
 * Completes a layout: values that are set stay unless they contradict each other; the rest is
 * derived from them and from the number of cores. Afterwards
 *   threads_per_child ≤ thread_limit,
 *   max_request_workers is a multiple of threads_per_child, at most server_limit of them,
 *   1 ≤ min_spare_threads ≤ max_spare_threads ≤ max_request_workers,
 *   1 ≤ start_servers ≤ max_request_workers / threads_per_child.
 * Nothing set: one process per core, at most 64, and 400 workers in all, or 100 per core if that is
 * more. MaxRequestWorkers alone: that many workers, spread alike.
 */
void sizing_layout(int cores, sizing_layout_t *layout);

#endif
