/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/advisor.h
 * @brief Recommends values of directives from measurements, with the figures as reasons.
 *
 * Pure functions without I/O, state or allocation. A value not measured is NAN (numbers) or 0
 * (limits and counts); an item that needs it is "unknown", never a guess.
 *
 * Any thread. The caller owns the structs. Units are in the names. No errors: "not enough data" is
 * a result.
 */
#ifndef MPMSTATS_CLI_TUNE_ADVISOR_H
#define MPMSTATS_CLI_TUNE_ADVISOR_H

#include <stdbool.h>
#include <stddef.h>

/** The running MPM. */
typedef enum {
    ADVISOR_OTHER, /**< unknown directives: no advice */
    ADVISOR_HYBRID,
    ADVISOR_EVENT,
    ADVISOR_WORKER,
    ADVISOR_PREFORK
} advisor_mpm_e;

/** What a connection occupies between two requests: hybrid's model, or the stock MPM's. */
typedef enum {
    ADVISOR_WAIT_FREE,   /**< no worker: event */
    ADVISOR_WAIT_THREAD, /**< its thread: worker */
    ADVISOR_WAIT_PROCESS /**< its single-threaded process: prefork */
} advisor_wait_e;

/** Distribution of a quantity over the observations. */
typedef struct {
    double mean, p50, p99, max;
} advisor_spread_t;

typedef struct {
    advisor_mpm_e mpm;
    advisor_wait_e wait;
    /** a loaded module that requires prefork; NULL: none known */
    const char *prefork_only;
    int cores;

    /* limits in force; 0: unknown, or not used by this MPM */
    int max_request_workers, threads_per_child, thread_limit, server_limit, start_servers;
    int min_spare_threads, max_spare_threads, min_spare_servers, max_spare_servers;
    int max_connections_per_child;     /**< 0: none; -1: unknown */
    double max_memory_per_child_bytes; /**< 0: none; NAN: unknown or no such directive */
    double keep_alive_timeout_s;       /**< NAN: unknown */
    int max_keep_alive_requests;       /**< 0: no limit; -1: unknown */
    int listen_backlog;                /**< accept queue limit, somaxconn applied */
    int somaxconn;

    /* the sample */
    double seconds;  /**< duration */
    int looks;       /**< number of observations of the workers */
    double requests; /**< served in that time */

    /* load */
    advisor_spread_t busy; /**< busy workers */
    /** busy workers plus requests waiting for one, at the same moment */
    advisor_spread_t demand;
    double burst;           /**< largest growth of demand within about 1 s */
    double saturated_share; /**< share of the time with every worker busy, 0 to 1 */
    /** share of the busy workers' time spent waiting for clients, 0 to 1 */
    double held_share;
    double cpu_cores;       /**< mean number of processors in use */
    double cpu_delay_cores; /**< mean number of further processors it was ready to use */

    /* waiting for a worker, per request */
    double queue_count, queue_p50_us, queue_p99_us;
    double target_queue_p99_us; /**< the administrator's target; NAN: none */

    /* the kernel's accept queue */
    double backlog_max; /**< longest observed */
    double overflows;   /**< connections it refused during the sample */

    /* connections between two requests */
    /** time from a response to the connection's next request */
    double gap_count, gap_p50_s, gap_p90_s, gap_p99_s;
    double closed_by_timeout; /**< connections closed by KeepAliveTimeout */
    double closed_by_count;   /**< … by MaxKeepAliveRequests */
    double waiting_mean;      /**< mean number of keep-alive connections */

    /* memory */
    /** of a process without its workers; of the whole process with a single worker */
    double process_bytes;
    double worker_bytes; /**< per worker */
    double budget_bytes; /**< limit for all processes together */
    /** growth of a process per connection served; 0: measured, none */
    double growth_bytes;
    double growth_connections; /**< number of connections behind growth_bytes */
    /** lifetime of processes that MaxConnectionsPerChild ends */
    double process_life_s;
} advisor_input_t;

/** Sets every member to unknown. */
void advisor_input_init(advisor_input_t *in);

typedef enum {
    ADVISOR_KEEP, /**< the value is right */
    ADVISOR_CHANGE,
    ADVISOR_UNKNOWN /**< not enough data */
} advisor_verdict_e;

typedef enum { ADVISOR_LOW, ADVISOR_MEDIUM, ADVISOR_HIGH } advisor_confidence_e;

/** When a new value takes effect. */
typedef enum {
    ADVISOR_GRACEFUL, /**< at a graceful restart */
    ADVISOR_STOP,     /**< only at a stop and start */
    ADVISOR_BY_HAND   /**< not a directive a snippet can hold */
} advisor_effect_e;

typedef struct {
    char directive[32];
    char now[32];         /**< "": unknown */
    char recommended[32]; /**< equal to now for ADVISOR_KEEP; "" for ADVISOR_UNKNOWN */
    char why[320];        /**< one or two sentences with figures */
    advisor_verdict_e verdict;
    advisor_confidence_e confidence;
    advisor_effect_e effect;
} advisor_item_t;

#define ADVISOR_ITEMS_MAX 24

typedef struct {
    bool enough; /**< false: no items; missing says which data is needed */
    char missing[160];
    size_t count;
    advisor_item_t items[ADVISOR_ITEMS_MAX];
} advisor_advice_t;

/** The item for @a directive, or NULL. */
const advisor_item_t *advisor_item(const advisor_advice_t *advice, const char *directive);

/** Fills @a advice. @a stop_allowed permits values that need a stop and start to take effect. */
void advisor_advise(const advisor_input_t *in, bool stop_allowed, advisor_advice_t *advice);

/** Result of a change. */
typedef enum { ADVISOR_BETTER, ADVISOR_SAME, ADVISOR_WORSE } advisor_outcome_e;

/**
 * Compares two samples that are assumed to have the same load. @a why receives a
 * sentence with the figures (@a size bytes, always NUL-terminated).
 */
advisor_outcome_e advisor_compare(const advisor_input_t *before, const advisor_input_t *after,
                                  char *why, size_t size);

#endif
