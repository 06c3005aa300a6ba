/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of the requests to one target: a count per outcome and every
 * latency. Exact percentiles, at four bytes a request. Not thread-safe.
 */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * The outcomes of a request:
 *   answered   a whole response with the wanted status
 *   wrong      a whole response with another status
 *   refused    the connection was refused, no request was sent
 *   retryable  cut without a byte of answer on a connection that had served a request: a browser may repeat it
 *   lost       cut within its response, or without an answer on a fresh connection
 *   late       no whole response within the deadline
 *   unsent     due in an open loop, but every connection allowed was taken
 */
#define TALLY_OUTCOMES(X) X(answered) X(wrong) X(refused) X(retryable) X(lost) X(late) X(unsent)

enum tally_outcome {
#define X(name) TALLY_##name,
    TALLY_OUTCOMES(X)
#undef X
        TALLY_KINDS
};

struct tally {
    uint64_t counts[TALLY_KINDS];
    uint32_t *latency_us; /**< of the answered ones, malloc'ed */
    size_t size, room;
};

/** Counts one request; @a latency_us is kept where it was answered. */
void tally_add(struct tally *t, enum tally_outcome outcome, uint64_t latency_us);

/** Writes the tally as the members of a JSON object (no braces); sorts the latencies. */
void tally_print(struct tally *t, FILE *out);

#endif
