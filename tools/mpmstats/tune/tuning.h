/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/tuning.h
 * @brief What the advisor (tune/advisor.h) wants to know, gathered over some time.
 *
 * The server's own figures come in samples; of a server on this machine the kernel
 * adds who waits, memory and processor time. What cannot be had stays unknown.
 * Single-threaded.
 */
#ifndef MPMSTATS_CLI_TUNE_TUNING_H
#define MPMSTATS_CLI_TUNE_TUNING_H

#include <stdbool.h>

#include "tune/advisor.h"
#include "source/machine.h"
#include "fields/sample.h"

typedef struct tuning tuning_t;

/** What the admin wants and knows. */
typedef struct {
    double memory_bytes;        /**< the budget; NAN: find out */
    double memory_share;        /**< … or as a share of what the machine has; NAN */
    double target_queue_p99_us; /**< NAN: nothing in particular */
    /** the server was asked at, for when its sockets are not ours to see; 0 */
    int port;
} tuning_wishes_t;

/** What was seen last, for a progress line; NAN where it is not known. */
typedef struct {
    double busy, limit, waiting, requests_per_s;
} tuning_now_t;

/** Begins with a first sample, which it holds. @a now is the monotonic clock in seconds. */
tuning_t *tuning_begin(sample_t *first, const tuning_wishes_t *wishes, double now);

/**
 * Instead of looking: what the server has recorded since it was started. NULL when it has not; the
 * rest is as with one that has looked.
 */
tuning_t *tuning_of_history(sample_t *sample, const tuning_wishes_t *wishes, double now);

/**
 * One look: the kernel's figures now, and the server's if @a sample is not NULL. Without one the
 * server was asked and did not answer in time. False when it was restarted since the beginning: the
 * counters do not go together any more.
 */
bool tuning_look(tuning_t *tuning, sample_t *sample, double now);

/**
 * Memory and processor time, which cost more to look at: in the middle, say. Beginning and end have
 * it anyway.
 */
void tuning_mark(tuning_t *tuning);

tuning_now_t tuning_now(const tuning_t *tuning);

/** All that is known by now. */
void tuning_input(tuning_t *tuning, advisor_input_t *in);

/** Of the server's processes, together; NAN when they are not on this machine. */
double tuning_memory_used(const tuning_t *tuning);

/** Who sets the budget, for people: "--memory", "machine" …; NULL when there is none. */
const char *tuning_memory_source(const tuning_t *tuning);

/**
 * Is it a server of this machine? Its parent is here and its children are its own, as in no other
 * machine or container.
 */
bool tuning_is_here(const snapshot_t *snap);
bool tuning_is_local(const tuning_t *tuning);

/** May be NULL. */
void tuning_end(tuning_t *tuning);

#endif
