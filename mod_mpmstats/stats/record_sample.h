/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record_sample.h
 * @brief What is not counted but looked at: busy workers, connections by state, listen queues, memory, CPU.
 *
 * Whoever comes by looks, at most ten times a second over the whole server: a request that begins or ends, and the parent's
 * monitor hook. What only root may read, memory for example, the parent looks at.
 */
#ifndef MPMSTATS_RECORD_SAMPLE_H
#define MPMSTATS_RECORD_SAMPLE_H

#include <stdint.h>

#include "httpd.h"
#include "stats/record.h"

/** Microseconds between two looks. */
#define RECORD_SAMPLE_INTERVAL 100000

/** Looks, if nobody has for a while. @param less  busy workers not to count, the caller's own for instance */
void record_sample_look(int64_t now, unsigned less);

/** Looks if every worker seems to be taken and nobody has noticed. */
void record_sample_full(int64_t now);

/** A request begins at @a now (record_clock()). */
static inline void record_sample_at_begin(int64_t now)
{
    const segment_server_rec_t *server = record.segment->server;
    uint64_t seen = segment_get(&record.segment->head->sample_clock);

    if (__builtin_expect((uint64_t)now > seen + RECORD_SAMPLE_INTERVAL, 0)) {
        record_sample_look(now, 1);
    }
    else if (__builtin_expect(segment_get(&server->requests_in_flight) >= segment_get(&server->max_request_workers), 0)) {
        record_sample_full(now);
    }
}

/** A request is over; its worker still counts as busy. */
static inline void record_sample_at_end(int64_t now)
{
    uint64_t seen = segment_get(&record.segment->head->sample_clock);

    if (__builtin_expect((uint64_t)now > seen + RECORD_SAMPLE_INTERVAL, 0)) {
        /* After a quiet time nothing else has changed: up to now it was one of the busy ones. */
        record_sample_look(now, (uint64_t)now > seen + 3 * RECORD_SAMPLE_INTERVAL ? 0 : 1);
    }
}

/** Hook monitor, in the parent: once a second or every ten, as the MPM has it. */
int record_sample_monitor(apr_pool_t *pool, server_rec *s);

#endif
