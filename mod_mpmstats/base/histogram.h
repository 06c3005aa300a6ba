/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/histogram.h
 * @brief A fixed-size, log-linear histogram.
 *
 * Values below 64 have a bucket each. Above, every power of two is divided into 32 buckets
 * of equal width: a bucket is at most 1/32 of its values wide, and a value read back is off by at
 * most HISTOGRAM_ERROR. The last bucket also holds all values above HISTOGRAM_LARGEST, which is
 * 71 minutes in microseconds.
 *
 * There are two forms. histogram_t is written by any number of threads and processes at once and
 * may lie in shared memory: it has no pointers, and all bytes 0 is empty. histogram_counts_t is a
 * private copy, for queries.
 *
 * Threads: histogram_record(), histogram_add() and histogram_read() from any thread at any time.
 * All accesses are relaxed: a copy taken while others record has each of their records wholly, in
 * part (in its bucket but not yet in the sum, for instance) or not at all. Functions on a
 * histogram_counts_t: one thread at a time per struct.
 * Ownership: the structs are the caller's. Nothing is allocated. Units: the caller's.
 * Errors: none. Counts and sums wrap around at 2^64.
 */
#ifndef MPMSTATS_BASE_HISTOGRAM_H
#define MPMSTATS_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/** A power of two is divided into 2^HISTOGRAM_SUB_BITS buckets. */
#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_SUB (1u << HISTOGRAM_SUB_BITS)

/** Bits of a value. */
#define HISTOGRAM_BITS 32
#define HISTOGRAM_BUCKETS ((HISTOGRAM_BITS - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)
#define HISTOGRAM_LARGEST ((UINT64_C(1) << HISTOGRAM_BITS) - 1)

/** Values below it have a bucket each: the first two rows, for any number of sub-bits. */
#define HISTOGRAM_EXACT (2u * HISTOGRAM_SUB)

/** Bound of |reported - true| / true for values up to HISTOGRAM_LARGEST: half a bucket. */
#define HISTOGRAM_ERROR (0.5 / HISTOGRAM_SUB)

/**
 * The shared form. Recording a value below HISTOGRAM_EXACT is one addition, to its bucket, which
 * is exact: readers derive its part of the sum. A larger value takes two additions and a load:
 * bucket, sum, and the maximum, which is written only when exceeded. Relaxed, unordered.
 */
typedef struct {
    /* of the values from HISTOGRAM_EXACT on: exact, not rounded to buckets */
    _Atomic uint64_t sum;
    _Atomic uint64_t max; /* the largest of them */
    _Atomic uint64_t bucket[HISTOGRAM_BUCKETS];
} __attribute__((aligned(64))) histogram_t;

/** The private form. */
typedef struct {
    uint64_t count; /**< records, the sum of the buckets */
    uint64_t sum;   /**< exact; sum / count is the mean */
    /** exact; after histogram_subtract(): accurate to its bucket */
    uint64_t max;
    uint64_t bucket[HISTOGRAM_BUCKETS];
} histogram_counts_t;

/** The bucket of @a value. */
static inline unsigned histogram_index(uint64_t value)
{
    uint64_t v = value < HISTOGRAM_LARGEST ? value : HISTOGRAM_LARGEST;
    unsigned shift;

    if (value < HISTOGRAM_EXACT) {
        return (unsigned)value;
    }
    shift = 63u - (unsigned)__builtin_clzll(v) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(v >> shift);
}

/** Smallest value in bucket @a index (below HISTOGRAM_BUCKETS). */
uint64_t histogram_lowest(unsigned index);

/** Largest value in bucket @a index; for the last, HISTOGRAM_LARGEST. */
uint64_t histogram_highest(unsigned index);

/** Raises the maximum; histogram_add()'s rare case. */
void histogram_raise_max(histogram_t *histogram, uint64_t value);

/** Records @a value @a weight times: the time spent at a level, for instance. */
static inline void histogram_add(histogram_t *histogram, uint64_t value, uint64_t weight)
{
    atomic_fetch_add_explicit(&histogram->bucket[histogram_index(value)], weight,
                              memory_order_relaxed);
    if (value < HISTOGRAM_EXACT) {
        return;
    }
    atomic_fetch_add_explicit(&histogram->sum, value * weight, memory_order_relaxed);
    if (__builtin_expect(value > atomic_load_explicit(&histogram->max, memory_order_relaxed), 0)) {
        histogram_raise_max(histogram, value);
    }
}

/** Records @a value once. */
static inline void histogram_record(histogram_t *histogram, uint64_t value)
{
    histogram_add(histogram, value, 1);
}

/** Copies @a histogram into @a to. */
void histogram_read(const histogram_t *histogram, histogram_counts_t *to);

/** Adds the values in @a counts to @a histogram, as if recorded there. */
void histogram_pour(histogram_t *histogram, const histogram_counts_t *counts);

/**
 * A histogram with its geometry, which may be another build's. Its buckets may be written
 * meanwhile.
 */
typedef struct {
    /** these two as in histogram_t: without the values that have a bucket each */
    uint64_t sum;
    uint64_t max;
    unsigned sub_bits; /**< 0 to 16 */
    size_t buckets;
    const _Atomic uint64_t *bucket;
} histogram_foreign_t;

/**
 * Copies @a from into @a to, each bucket to the one of its middle; exact if the geometry is this
 * build's.
 */
void histogram_import(histogram_counts_t *to, const histogram_foreign_t *from);

/** Adds @a from to @a to. */
void histogram_merge(histogram_counts_t *to, const histogram_counts_t *from);

/**
 * Subtracts an earlier copy of the same histogram from @a to, leaving the values recorded in
 * between. A bucket that has become smaller (the histogram was reset) counts as 0.
 */
void histogram_subtract(histogram_counts_t *to, const histogram_counts_t *earlier);

/**
 * The @a q quantile (0 to 1; clamped): record number ⌈q·count⌉ in ascending order, to within
 * HISTOGRAM_ERROR and at most max. 0 when empty.
 */
uint64_t histogram_quantile(const histogram_counts_t *counts, double q);

/**
 * The number of records that are @a value or less. Exact if @a value is the last of its bucket
 * (histogram_highest()); otherwise that bucket's records count as evenly spread. Monotonic in
 * @a value; equals count from max on.
 */
uint64_t histogram_at_most(const histogram_counts_t *counts, uint64_t value);

#endif
