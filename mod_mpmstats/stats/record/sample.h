/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/sample.h
 * @brief What is not counted but looked at: busy workers, connections by state, listen queues,
 * memory, CPU.
 *
 * Whoever comes by looks, at most ten times a second over the whole server: a request that begins
 * or ends, and the parent's monitor hook. What only root may read, memory for example, the parent
 * looks at.
 */
#ifndef MPMSTATS_STATS_RECORD_SAMPLE_H
#define MPMSTATS_STATS_RECORD_SAMPLE_H

#include <stdint.h>

#include "httpd.h"
#include "stats/record/record.h"

/** Microseconds between two looks. */
#define RECORD_SAMPLE_INTERVAL 100000

/**
 * Looks; false: somebody else began to at this moment, or later than @a now. @a less: busy workers
 * not to count, the caller's own for instance.
 */
bool record_sample_look(int64_t now, unsigned less);

/** For a request that reads the segment: what is looked at is as new as what is counted. */
void record_sample_refresh(void);

/** The same for a request that begins or ends at @a now, when record.look_due has come. */
void record_sample_due(int64_t now, bool begins);

/** Looks if every worker of the server seems to be taken and nobody has noticed. */
void record_sample_full(int64_t now);

/**
 * A request begins at @a now (record_clock()). @a full: it took the last worker of its process or
 * of the server.
 */
static inline void record_sample_at_begin(int64_t now, bool full)
{
    if (__builtin_expect(now > atomic_load_explicit(&record.look_due, memory_order_relaxed), 0)) {
        record_sample_due(now, true);
    }
    else if (__builtin_expect(full, 0)) {
        record_sample_full(now);
    }
}

/** A request is over; its worker still counts as busy. */
static inline void record_sample_at_end(int64_t now)
{
    if (__builtin_expect(now > atomic_load_explicit(&record.look_due, memory_order_relaxed), 0)) {
        record_sample_due(now, false);
    }
}

/** Hook monitor, in the parent: once a second or every ten, as the MPM has it. */
int record_sample_monitor(apr_pool_t *pool, server_rec *s);

#endif
