/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/blocking.h
 * @brief What a thread that has been in one run for a while does: is it asleep, or busy?
 *
 * Ticker only. The thread need not exist any more.
 */
#ifndef MPMSTATS_MPM_THREADS_BLOCKING_H
#define MPMSTATS_MPM_THREADS_BLOCKING_H

#include <sys/types.h>
#include <time.h>

#include "apr_time.h"

/** A thread, as the kernel knows it. */
typedef struct {
    pid_t tid;
    clockid_t cpu_clock;
} blocking_thread_t;

/**
 * What was seen of one poller so far; all zero at first. Its memory is the caller's; a descriptor
 * lives as long as the process.
 */
typedef struct {
    const blocking_thread_t *who;
    apr_uint64_t run;
    /** the last look, and the last one before this run was seen */
    apr_time_t at, at_before;
    apr_int64_t cpu_us, cpu_before_us; /**< CPU time of the thread at these */
    /** how long it did not run since the look before, at most */
    apr_interval_time_t idle_us;
    int stat_fd;    /**< its stat in /proc, kept open; 0: not open */
    pid_t stat_tid; /**< whose that is */
} blocking_notes_t;

typedef enum {
    JUDGE_GO_ON,   /**< short so far, or it only waits for a core */
    JUDGE_ASLEEP,  /**< it waits for something, and keeps whoever is behind it waiting */
    JUDGE_COMPUTES /**< it has had its share of CPU time */
} blocking_e;

/** Remember what @a who, which is in the run number @a run, has used so far. */
void blocking_look(blocking_notes_t *notes, const blocking_thread_t *who, apr_uint64_t run);

/** Judge the run that was looked at last; it began at @a since (monotonic µs). */
blocking_e blocking_run(blocking_notes_t *notes, apr_time_t since);

#endif
