/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/record.h
 * @brief Recording into the segment: the state that the files of this folder share.
 *
 * segment.c creates the segment and keeps it over restarts, child.c records processes, conn.c
 * connections, request.c requests, sample.c the figures that are sampled instead of counted.
 * httpd's hooks call them (mod_mpmstats.c). The state of each process is one record_t.
 *
 * Recording takes no lock. A request costs some additions to shared words and two or three reads
 * of the clock.
 */
#ifndef MPMSTATS_STATS_RECORD_RECORD_H
#define MPMSTATS_STATS_RECORD_RECORD_H

#include <time.h>

#include "segment/write.h"
#include "httpd.h"

/**
 * Written by post_config in the parent and by child_init in a child, before either has another
 * thread; constant from then on, except look_due.
 */
typedef struct {
    /** NULL: nothing is recorded, as in a configuration test */
    segment_t *segment;
    segment_self_t self;        /**< in a child: its record */
    uint64_t config_generation; /**< of the configuration this process runs with */
    /** record_clock() of the next check whether a sample is due; any thread advances it */
    _Atomic int64_t look_due;
    /** score.c writes client and request into httpd's scoreboard */
    bool scores;
    /** in a child: the configuration has ExtendedStatus on; extended.c has taken over */
    bool extended;
    /** in the parent: the limits of this configuration are in the segment */
    bool limits_told;
    bool in_child;
    bool async;     /**< in a child: the MPM is async, a worker leaves its connection */
    bool threaded;  /**< in a child: a process has several workers */
    bool slow_told; /**< some virtual host has an MPMStatsSlowThreshold */
    /** in a child: the default handler's record, cached */
    unsigned default_row;
    int threads_of_slot; /**< in a child: worker entries of a process in the scoreboard */
    pid_t parent;
} __attribute__((aligned(64))) record_t;

extern record_t record;

/**
 * CLOCK_MONOTONIC in microseconds: the clock of phases, the same that mpm_hybrid uses.
 */
static inline int64_t record_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

#endif
