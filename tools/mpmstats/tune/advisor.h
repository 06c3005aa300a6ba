/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/advisor.h
 * @brief From what was measured of a server to what its directives should say, with the figures
 * behind it.
 *
 * Pure functions: the same input gives the same advice, nothing is read, kept or allocated. What
 * was not measured is NAN (numbers) or 0 (limits and counts): an advice that would need it is then
 * "unknown", never guessed.
 *
 * Threads: any. Ownership: the structs are the caller's. Units are in the names. Errors: none; "not
 * enough data" is an answer.
 */
#ifndef MPMSTATS_CLI_TUNE_ADVISOR_H
#define MPMSTATS_CLI_TUNE_ADVISOR_H

#include <stdbool.h>
#include <stddef.h>

/** The MPM that runs. */
typedef enum {
    ADVISOR_OTHER, /**< of whose directives nothing is known: no advice */
    ADVISOR_HYBRID,
    ADVISOR_EVENT,
    ADVISOR_WORKER,
    ADVISOR_PREFORK
} advisor_mpm_e;

/** How connections are mapped to workers; for a stock MPM, its own way. */
typedef enum {
    ADVISOR_WAIT_FREE,   /**< a connection between two requests needs no worker: event */
    ADVISOR_WAIT_THREAD, /**< it keeps its thread: worker */
    ADVISOR_WAIT_PROCESS /**< it keeps its process, which has one thread: prefork */
} advisor_wait_e;

/** How a quantity was distributed over the looks of the sample. */
typedef struct {
    double mean, p50, p99, max;
} advisor_spread_t;

typedef struct {
    advisor_mpm_e mpm;
    advisor_wait_e wait;
    /** a module that is loaded and works without threads only; NULL: none known */
    const char *prefork_only;
    int cores;

    /* the limits in force; 0: not known, or of no meaning under this MPM */
    int max_request_workers, threads_per_child, thread_limit, server_limit, start_servers;
    int min_spare_threads, max_spare_threads, min_spare_servers, max_spare_servers;
    int max_connections_per_child;     /**< 0: none; -1: not known */
    double max_memory_per_child_bytes; /**< 0: none; NAN: not known, or no such directive */
    double keep_alive_timeout_s;       /**< NAN: not known */
    int max_keep_alive_requests;       /**< 0: no limit; -1: not known */
    int listen_backlog;                /**< of the kernel's queue, somaxconn applied */
    int somaxconn;

    /* the sample */
    double seconds;  /**< its length */
    int looks;       /**< how often the workers were looked at */
    double requests; /**< served in it */

    /* work */
    advisor_spread_t busy; /**< workers in a request */
    /** those and the requests that waited for one, at the same moment */
    advisor_spread_t demand;
    double burst;           /**< most by which demand grew within about a second */
    double saturated_share; /**< of the time, 0 to 1, in which every worker allowed was busy */
    /** of the busy workers' time spent waiting for their clients, 0 to 1 */
    double held_share;
    double cpu_cores;       /**< processors the server kept busy, on average */
    double cpu_delay_cores; /**< more that it would have used at once, had they been free */

    /* waiting for a worker, per request */
    double queue_count, queue_p50_us, queue_p99_us;
    double target_queue_p99_us; /**< what the admin wants it to be; NAN: nothing in particular */

    /* the kernel's queue of connections that nobody has accepted */
    double backlog_max; /**< longest seen */
    double overflows;   /**< connections it turned away in the sample */

    /* connections between two requests */
    /** time from a response to the next request of its connection */
    double gap_count, gap_p50_s, gap_p90_s, gap_p99_s;
    double closed_by_timeout; /**< connections that ended because KeepAliveTimeout was over */
    double closed_by_count;   /**< … because MaxKeepAliveRequests was reached */
    double waiting_mean;      /**< connections that waited for their next request, on average */

    /* memory */
    /** of a process without workers; of a whole one where it has one worker only */
    double process_bytes;
    double worker_bytes; /**< what a worker adds */
    double budget_bytes; /**< all processes together may have this */
    /** a process grows by this per connection it serves; 0: measured, none */
    double growth_bytes;
    double growth_connections; /**< how many connections that was measured over */
    /** how long processes live when MaxConnectionsPerChild ends them */
    double process_life_s;
} advisor_input_t;

/** Makes everything unknown. */
void advisor_input_init(advisor_input_t *in);

typedef enum {
    ADVISOR_KEEP, /**< right as it is */
    ADVISOR_CHANGE,
    ADVISOR_UNKNOWN /**< what it would take was not measured, or too little of it */
} advisor_verdict_e;

typedef enum { ADVISOR_LOW, ADVISOR_MEDIUM, ADVISOR_HIGH } advisor_confidence_e;

/** Where a new value takes effect. */
typedef enum {
    ADVISOR_GRACEFUL, /**< at a graceful restart */
    ADVISOR_STOP,     /**< only when the server is stopped and started */
    ADVISOR_BY_HAND   /**< it is no directive that a snippet could hold */
} advisor_effect_e;

typedef struct {
    char directive[32];
    char now[32];         /**< "" where it is not known */
    char recommended[32]; /**< now, where it is to be kept; "" where the verdict is unknown */
    char why[320];        /**< one or two sentences with the figures */
    advisor_verdict_e verdict;
    advisor_confidence_e confidence;
    advisor_effect_e effect;
} advisor_item_t;

#define ADVISOR_ITEMS_MAX 24

typedef struct {
    bool enough; /**< false: there are no items, and missing says what it takes */
    char missing[160];
    size_t count;
    advisor_item_t items[ADVISOR_ITEMS_MAX];
} advisor_advice_t;

/** The item of a directive, or NULL. */
const advisor_item_t *advisor_item(const advisor_advice_t *advice, const char *directive);

/**
 * The advice. With @a stop_allowed values may be recommended that take a stop and a start to take
 * effect.
 */
void advisor_advise(const advisor_input_t *in, bool stop_allowed, advisor_advice_t *advice);

/** How the server is after a change. */
typedef enum { ADVISOR_BETTER, ADVISOR_SAME, ADVISOR_WORSE } advisor_outcome_e;

/**
 * Compares two samples, taken under the same load as far as anybody knows.
 * @a why receives a sentence with the figures (@a size bytes, always ended).
 */
advisor_outcome_e advisor_compare(const advisor_input_t *before, const advisor_input_t *after,
                                  char *why, size_t size);

#endif
