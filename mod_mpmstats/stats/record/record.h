/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/record.h
 * @brief Recording into the segment: what the files record_*.c share.
 *
 * record_segment.c makes the segment and keeps it over restarts, record_child.c is about processes,
 * record_conn.c about connections, record_request.c about requests, record_sample.c about what is
 * looked at from time to time and not counted. They are called by httpd's hooks (mod_mpmstats.c);
 * what each process knows for itself is in one record_t.
 *
 * Nobody takes a lock. A request costs some additions to shared words and two or three looks at the
 * clock.
 */
#ifndef MPMSTATS_STATS_RECORD_RECORD_H
#define MPMSTATS_STATS_RECORD_RECORD_H

#include <time.h>

#include "segment/write.h"
#include "httpd.h"

/**
 * Written in the parent by post_config, and in a child by child_init, before either has another
 * thread; constant from then on, but for look_due.
 */
typedef struct {
    /** NULL: nothing is recorded, in a configuration test for instance */
    segment_t *segment;
    segment_self_t self;        /**< in a child: its record */
    uint64_t config_generation; /**< of the configuration this process runs with */
    /**
     * record_clock() from which on this process asks whether a look is due; any thread moves it on
     */
    _Atomic int64_t look_due;
    /** who is served is noted in httpd's scoreboard by us: record_score.c */
    bool scores;
    /** in the parent: the limits of this configuration are in the segment */
    bool limits_told;
    bool logio; /**< mod_logio is there, whose counts of bytes others show */
    bool in_child;
    bool threaded;  /**< in a child: a process has several workers */
    bool slow_told; /**< some virtual host has an MPMStatsSlowThreshold */
    /** in a child: the most frequent handler's record, which need not be looked for */
    unsigned default_row;
    int threads_of_slot; /**< in a child: workers that a process has in the scoreboard */
    /** in a child: a worker stays with its connection, the MPM is not async */
    bool stays;
    pid_t parent;
} __attribute__((aligned(64))) record_t;

extern record_t record;

/**
 * Microseconds on the clock that phases are measured with: monotonic, the same that mpm_hybrid
 * uses.
 */
static inline int64_t record_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

#endif
