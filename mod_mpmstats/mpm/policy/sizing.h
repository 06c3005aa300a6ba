/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/policy/sizing.h
 * @brief How many workers and processes there should be: decisions, no deeds.
 *
 * Growing is immediate and by as much as is missing; shrinking follows the least that was free over
 * a whole window, so what was needed once in it stays. That difference is what keeps an oscillating
 * load from creating and destroying things.
 *
 * Everything is a function of its arguments: no clock, no global, no allocation. What has to be
 * remembered from one decision to the next is in structs of the caller, all bytes zero at first.
 * Threads: one at a time per such struct, except sizing_low_t, which is for any number. Units:
 * threads, processes and events are counts; times are microseconds of a monotonic clock. Errors:
 * none; values out of range (negative, a minimum above its maximum) are taken as the nearest
 * sensible ones.
 */
#ifndef MPMSTATS_MPM_POLICY_SIZING_H
#define MPMSTATS_MPM_POLICY_SIZING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- the least value over a window ------------------------------------------------------- */

/** The least of a gauge since last asked. Any thread may note, one at a time takes. */
typedef struct {
    /* relaxed: a hint; a note that races with the taking counts for one window or the next */
    atomic_int low;
} sizing_low_t;

/** Starts with @a value. Before other threads note. */
void sizing_low_init(sizing_low_t *low, int value);

/** Notes that the gauge is @a value now. A single load unless it is a new low. */
void sizing_low_note(sizing_low_t *low, int value);

/** The least since the last take; the next window begins with @a value. */
int sizing_low_take(sizing_low_t *low, int value);

/* ---- one process ------------------------------------------------------------------------- */

typedef struct {
    int ceiling_threads; /**< ThreadsPerChild */
    /**
     * this process's share of MinSpareThreads; taken as 1 at least: somebody has to wait for events
     */
    int min_spare_threads;
    int max_spare_threads; /**< its share of MaxSpareThreads */
    /** how long a worker must have been one too many before it may leave */
    int64_t surplus_us;
} sizing_process_limits_t;

typedef struct {
    int workers;        /**< threads that exist, those not ready yet included */
    int starting;       /**< of those, created and not ready yet */
    int idle;           /**< of those, ready and without work */
    int events_waiting; /**< events that are ready and that nobody has taken */
    /** fewest idle at any time in the window that ends now; see sizing_low_t */
    int idle_low;
    int64_t window_us; /**< length of that window */
} sizing_process_t;

typedef struct {
    int create_threads; /**< to be created now */
    /**
     * may leave now; begin a new window when it is more than 0, or when window_us is over
     * surplus_us
     */
    int leave_threads;
    /** events that no worker will take even so, because of the ceiling: the parent's to solve */
    int unmet_events;
} sizing_process_advice_t;

sizing_process_advice_t sizing_process(const sizing_process_limits_t *limits,
                                       const sizing_process_t *now);

/**
 * Process @a index's share (0 … processes-1) of a server-wide count; the shares add up to @a total
 * exactly.
 */
int sizing_share(int total, int processes, int index);

/**
 * Workers per process that should poll or run short requests at once: cores over processes, 1 at
 * least.
 */
int sizing_concurrency(int cores, int processes);

/* ---- the server (a lane of it) ----------------------------------------------------------- */

typedef struct {
    int server_limit; /**< processes at once, leaving ones not counted */
    int max_request_workers;
    int threads_per_child;
    int min_spare_threads;
    int max_spare_threads;
    int min_processes; /**< never fewer than this; 1 at least */
    /** surplus must have lasted this long before processes are retired */
    int64_t retire_us;
    /** … and this long when retiring turned out to be wrong again and again */
    int64_t retire_max_us;
} sizing_server_limits_t;

typedef struct {
    int64_t now_us;
    /** processes of this generation that serve, at their connection limit or not */
    int ready;
    int starting; /**< forked and not serving yet */
    /** slots that a process can be started in now; leaving processes keep theirs */
    int free_slots;
    int busy; /**< workers in a request, in `ready` processes */
    /** events and connections for which their process has no worker; see sizing_process_advice_t */
    int unmet_events;
} sizing_server_t;

/** Between decisions. All bytes zero at first, and after a restart. */
typedef struct {
    bool window_open;
    int64_t window_start_us;
    int window_low;         /* least free threads in the window */
    int64_t window_us;      /* its length now: retire_us, or more after mistakes */
    int64_t last_retire_us; /* the last one that was neither regretted nor found right; 0: none */
    bool reported[4];       /* by sizing_report_e; cleared when there is room again */
    int64_t reported_us[4];
} sizing_server_memory_t;

/**
 * What the admin should be told; each at most once a minute, and once for as long as it stays so.
 */
typedef enum {
    SIZING_REPORT_NONE = 0,
    SIZING_REPORT_FULL, /**< all of MaxRequestWorkers are busy */
    /** fewer than MinSpareThreads are free, and MaxRequestWorkers lets none be added */
    SIZING_REPORT_NEAR,
    /** processes are missing, MaxRequestWorkers allows them, no slot is free */
    SIZING_REPORT_SLOTS
} sizing_report_e;

typedef struct {
    int start_processes;  /**< to be started now, all at once */
    int retire_processes; /**< to be told to finish and leave */
    /** every worker is busy and none may be added: the "saturated" of the status */
    bool at_limit;
    sizing_report_e report;
} sizing_server_advice_t;

/**
 * Call it when a child asks for help, when one has ended, and once a second. Never starts and
 * retires in one go.
 */
sizing_server_advice_t sizing_server(const sizing_server_limits_t *limits,
                                     const sizing_server_t *now, sizing_server_memory_t *memory);

/* ---- children that take long to start ---------------------------------------------------- */

typedef struct {
    int batch; /* that may be starting at a time; 0: no batch has begun */
    bool used; /* some of it have been started */
    int64_t since_us;
} sizing_starts_t;

/**
 * How many of @a wanted children are started now. Each takes @a start_us, and many at a time take
 * longer, while those that are there may have done all the work by then. So at first as many as
 * there are cores, and twice as many each time these are ready, or after a second: what is still
 * wanted then is worth it. Where a start is cheap, all at once.
 * @param starting  that have been started and are not ready
 */
int sizing_starts(int wanted, int starting, int cores, int64_t start_us, int64_t now_us,
                  sizing_starts_t *memory);

/* ---- crash loops ------------------------------------------------------------------------- */

typedef struct {
    /** delay after the second early death in a row; doubles with each further one */
    int64_t first_us;
    int64_t max_us;     /**< and never grows beyond this */
    int64_t healthy_us; /**< a child that lived this long was healthy: its death is no loop */
} sizing_restart_limits_t;

typedef struct {
    int early_deaths; /* in a row */
} sizing_restart_memory_t;

/**
 * How long to wait before a child is started in place of one that crashed.
 * One early death is replaced at once. For a child that ended as it was told to do not ask.
 * @param lived_us from its start to its end
 */
int64_t sizing_restart_delay(const sizing_restart_limits_t *limits, int64_t lived_us,
                             sizing_restart_memory_t *memory);

/** A child has been serving for healthy_us: what came before is forgotten. */
void sizing_restart_healthy(sizing_restart_memory_t *memory);

/* ---- the layout -------------------------------------------------------------------------- */

/** Values of the directives; 0 is "not set" going in, nothing is 0 coming out. */
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
 * Completes a layout: what is set stays unless it contradicts another set value, the rest follows
 * from it and from the number of cores. Afterwards
 *   threads_per_child ≤ thread_limit,
 *   max_request_workers is a multiple of threads_per_child, at most server_limit of them,
 *   1 ≤ min_spare_threads ≤ max_spare_threads ≤ max_request_workers,
 *   1 ≤ start_servers ≤ max_request_workers / threads_per_child.
 * Nothing set: as many processes as cores (2 at least) share 400 workers, or 100 a core if that is
 * more. MaxRequestWorkers alone: that many, over as many processes.
 */
void sizing_layout(int cores, sizing_layout_t *layout);

#endif
