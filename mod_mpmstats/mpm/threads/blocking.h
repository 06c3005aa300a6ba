/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/blocking.h
 * @brief Blocking detector: whether a thread in a run is asleep or computes.
 *
 * Ticker only. The thread may have ended.
 */
#ifndef MPMSTATS_MPM_THREADS_BLOCKING_H
#define MPMSTATS_MPM_THREADS_BLOCKING_H

#include <sys/types.h>
#include <time.h>

#include "apr_time.h"

/** A thread's identity in the kernel. */
typedef struct {
    pid_t tid;
    clockid_t cpu_clock;
} blocking_thread_t;

/**
 * Observations of one polling slot's holder; zero-initialized by the caller. The descriptor stays
 * open until the process ends.
 */
typedef struct {
    const blocking_thread_t *who;
    apr_uint64_t run;
    /** time of the last look, and of the last look before this run was seen */
    apr_time_t at, at_before;
    apr_int64_t cpu_us, cpu_before_us; /**< CPU time of the thread at these times */
    /** upper bound of its time off the CPU since the previous look */
    apr_interval_time_t idle_us;
    int stat_fd;    /**< /proc/self/task/stat_tid/stat, kept open; 0: not open */
    pid_t stat_tid; /**< 0: the file must be reopened */
} blocking_notes_t;

typedef enum {
    BLOCKING_GO_ON,   /**< a short run so far, or it waits for a core only */
    BLOCKING_ASLEEP,  /**< it sleeps, and delays the events behind it */
    BLOCKING_COMPUTES /**< it has used its share of CPU time */
} blocking_e;

/** Record the CPU time of @a who, which is in run number @a run. */
void blocking_look(blocking_notes_t *notes, const blocking_thread_t *who, apr_uint64_t run);

/** Classify the run that was looked at last; it began at @a since (monotonic µs). */
blocking_e blocking_run(blocking_notes_t *notes, apr_time_t since);

#endif
