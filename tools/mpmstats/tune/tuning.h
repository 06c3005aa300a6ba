/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/tuning.h
 * @brief Collects the advisor's input (tune/advisor.h) over time.
 *
 * Samples give the server's own figures; for a local server the kernel adds accept
 * queues, memory and processor time. Unavailable values stay unknown.
 * Single-threaded.
 */
#ifndef MPMSTATS_CLI_TUNE_TUNING_H
#define MPMSTATS_CLI_TUNE_TUNING_H

#include <stdbool.h>

#include "tune/advisor.h"
#include "source/machine.h"
#include "fields/sample.h"

typedef struct tuning tuning_t;

/** The administrator's settings. */
typedef struct {
    double memory_bytes;        /**< the budget; NAN: determine it */
    double memory_share;        /**< the budget as a share of the machine's memory; or NAN */
    double target_queue_p99_us; /**< NAN: none */
    /** port of the server's address, in case its sockets cannot be listed; or 0 */
    int port;
} tuning_wishes_t;

/** The last observation, for a progress line; NAN: unknown. */
typedef struct {
    double busy, limit, waiting, requests_per_s;
} tuning_now_t;

/** Starts with a first sample and keeps a reference. @a now: monotonic clock in seconds. */
tuning_t *tuning_begin(sample_t *first, const tuning_wishes_t *wishes, double now);

/** Uses the server's own history since its start instead of observing; NULL: it has none. */
tuning_t *tuning_of_history(sample_t *sample, const tuning_wishes_t *wishes, double now);

/**
 * One observation: the kernel's figures and those of @a sample. NULL: the server did not answer
 * in time. False after a restart of the server: the counters no longer compare.
 */
bool tuning_look(tuning_t *tuning, sample_t *sample, double now);

/** Reads memory and processor time, which is expensive; start and end do so anyway. */
void tuning_mark(tuning_t *tuning);

tuning_now_t tuning_now(const tuning_t *tuning);

/** Fills @a in from all observations. */
void tuning_input(tuning_t *tuning, advisor_input_t *in);

/** Memory of all server processes; NAN: not a local server. */
double tuning_memory_used(const tuning_t *tuning);

/** Origin of the budget, to print: "--memory", "machine" …; NULL: no budget. */
const char *tuning_memory_source(const tuning_t *tuning);

/** True for a local server: a listed child is a local child of the listed parent. */
bool tuning_is_here(const snapshot_t *snap);
bool tuning_is_local(const tuning_t *tuning);

/** May be NULL. */
void tuning_end(tuning_t *tuning);

#endif
