/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/sample.h
 * @brief Samples figures that are not counted: busy workers, connections by state, listen queues,
 * memory, CPU.
 *
 * A request that begins or ends takes a sample if the last one of the whole server is
 * RECORD_SAMPLE_INTERVAL old, or sooner if all workers are busy; the parent's monitor hook and a
 * request that reads the segment always do. Only the parent samples what only root may read, such
 * as memory.
 */
#ifndef MPMSTATS_STATS_RECORD_SAMPLE_H
#define MPMSTATS_STATS_RECORD_SAMPLE_H

#include <stdint.h>

#include "httpd.h"
#include "stats/record/record.h"

/** Microseconds between two samples. */
#define RECORD_SAMPLE_INTERVAL 100000

/**
 * Takes a sample; false: another caller began one at @a now or later. @a less: busy workers not to
 * count, such as the caller's own.
 */
bool record_sample_look(int64_t now, unsigned less);

/** For a request that reads the segment: takes a sample now. */
void record_sample_refresh(void);

/** For a request that begins or ends at @a now, after record.look_due: takes a sample if due. */
void record_sample_due(int64_t now, bool begins);

/** Takes a sample if every worker of the server seems busy and no sample has recorded that. */
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

/** A request has ended; its worker still counts as busy. */
static inline void record_sample_at_end(int64_t now)
{
    if (__builtin_expect(now > atomic_load_explicit(&record.look_due, memory_order_relaxed), 0)) {
        record_sample_due(now, false);
    }
}

/** Hook monitor, in the parent: once a second or every ten, as the MPM has it. */
int record_sample_monitor(apr_pool_t *pool, server_rec *s);

#endif
