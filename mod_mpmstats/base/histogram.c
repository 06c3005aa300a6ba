/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying and querying histograms. Recording is inline, in histogram.h.
 */
#include "base/histogram.h"

#include <string.h>

/* The number of low bits that a bucket's index omits. */
static unsigned shift_of(unsigned index, unsigned sub_bits)
{
    unsigned row = index >> sub_bits;

    return row > 0 ? row - 1 : 0;
}

static uint64_t lowest_of(unsigned index, unsigned sub_bits)
{
    unsigned shift = shift_of(index, sub_bits);

    return (uint64_t)(index - (shift << sub_bits)) << shift;
}

uint64_t histogram_lowest(unsigned index)
{
    return lowest_of(index, HISTOGRAM_SUB_BITS);
}

uint64_t histogram_highest(unsigned index)
{
    return histogram_lowest(index) + (UINT64_C(1) << shift_of(index, HISTOGRAM_SUB_BITS)) - 1;
}

/* The value reported for all values of a bucket. */
static uint64_t middle(unsigned index)
{
    return histogram_lowest(index) + (histogram_highest(index) - histogram_lowest(index)) / 2;
}

void histogram_raise_max(histogram_t *histogram, uint64_t value)
{
    uint64_t max = atomic_load_explicit(&histogram->max, memory_order_relaxed);

    while (value > max
           && !atomic_compare_exchange_weak_explicit(&histogram->max, &max, value,
                                                     memory_order_relaxed, memory_order_relaxed)) {
        continue;
    }
}

/* Raises the maximum to the highest used bucket: a copy may have missed a concurrent update. */
static void settle_max(histogram_counts_t *counts)
{
    for (unsigned i = HISTOGRAM_BUCKETS; i > 0; i--) {
        if (counts->bucket[i - 1] != 0) {
            uint64_t least = histogram_lowest(i - 1);

            counts->max = counts->max < least ? least : counts->max;
            return;
        }
    }
}

/* The sum of the values below HISTOGRAM_EXACT. */
static uint64_t exact_sum(const histogram_counts_t *counts)
{
    uint64_t sum = 0;

    for (unsigned i = 1; i < HISTOGRAM_EXACT; i++) {
        sum += counts->bucket[i] * i;
    }
    return sum;
}

void histogram_read(const histogram_t *histogram, histogram_counts_t *to)
{
    to->count = 0;
    to->sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    to->max = atomic_load_explicit(&histogram->max, memory_order_relaxed);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->bucket[i] = atomic_load_explicit(&histogram->bucket[i], memory_order_relaxed);
        to->count += to->bucket[i];
    }
    to->sum += exact_sum(to);
    settle_max(to);
}

void histogram_pour(histogram_t *histogram, const histogram_counts_t *counts)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (counts->bucket[i] != 0) {
            atomic_fetch_add_explicit(&histogram->bucket[i], counts->bucket[i],
                                      memory_order_relaxed);
        }
    }
    atomic_fetch_add_explicit(&histogram->sum, counts->sum - exact_sum(counts),
                              memory_order_relaxed);
    histogram_raise_max(histogram, counts->max);
}

/* The common case: a histogram of the same geometry. */
static void import_own(histogram_counts_t *to, const histogram_foreign_t *from)
{
    to->count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->bucket[i] = atomic_load_explicit(&from->bucket[i], memory_order_relaxed);
        to->count += to->bucket[i];
    }
    to->sum = exact_sum(to);
}

static void import_other(histogram_counts_t *to, const histogram_foreign_t *from)
{
    memset(to, 0, sizeof(*to));
    for (size_t i = 0; i < from->buckets; i++) {
        unsigned shift = shift_of((unsigned)i, from->sub_bits);
        uint64_t value = HISTOGRAM_LARGEST,
                 n = atomic_load_explicit(&from->bucket[i], memory_order_relaxed);

        if (shift + from->sub_bits < 63) {
            value = lowest_of((unsigned)i, from->sub_bits) + ((UINT64_C(1) << shift) - 1) / 2;
        }
        to->bucket[histogram_index(value)] += n;
        to->count += n;
        to->sum += shift == 0 ? n * value : 0;
    }
}

void histogram_import(histogram_counts_t *to, const histogram_foreign_t *from)
{
    if (from->sub_bits == HISTOGRAM_SUB_BITS && from->buckets == HISTOGRAM_BUCKETS) {
        import_own(to, from);
    }
    else {
        import_other(to, from);
    }
    to->sum += from->sum;
    to->max = from->max;
    settle_max(to);
}

void histogram_merge(histogram_counts_t *to, const histogram_counts_t *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->bucket[i] += from->bucket[i];
    }
    to->count += from->count;
    to->sum += from->sum;
    to->max = from->max > to->max ? from->max : to->max;
}

/* The maximum after a subtraction, known only to its bucket. */
static uint64_t highest_seen(const histogram_counts_t *counts)
{
    for (unsigned i = HISTOGRAM_BUCKETS; i > 0; i--) {
        if (counts->bucket[i - 1] != 0) {
            uint64_t highest = histogram_highest(i - 1);

            return i == HISTOGRAM_BUCKETS || highest > counts->max ? counts->max : highest;
        }
    }
    return 0;
}

void histogram_subtract(histogram_counts_t *to, const histogram_counts_t *earlier)
{
    to->count = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->bucket[i] = to->bucket[i] > earlier->bucket[i] ? to->bucket[i] - earlier->bucket[i] : 0;
        to->count += to->bucket[i];
    }
    to->sum = to->sum > earlier->sum ? to->sum - earlier->sum : 0;
    to->max = highest_seen(to);
}

/* The number, from 1, of the record at quantile q. */
static uint64_t rank_of(uint64_t count, double q)
{
    double exact = q * (double)count;
    uint64_t rank;

    if (!(exact > 0.0)) {
        return 1;
    }
    if (exact >= (double)count) {
        return count;
    }
    rank = (uint64_t)exact;
    /* Rounding makes a product like 0.29 * 100 slightly larger than 29. */
    return exact - (double)rank > exact * 1e-12 ? rank + 1 : rank > 0 ? rank : 1;
}

uint64_t histogram_quantile(const histogram_counts_t *counts, double q)
{
    uint64_t rank = rank_of(counts->count, q), seen = 0;

    if (counts->count == 0) {
        return 0;
    }
    if (rank == counts->count && counts->max != 0) {
        return counts->max;
    }
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += counts->bucket[i];
        if (seen >= rank) {
            uint64_t value = middle(i);

            return value < counts->max ? value : counts->max;
        }
    }
    return counts->max;
}

/* part / whole of n, without overflow for n below 2^64 and whole up to 2^32. */
static uint64_t share_of(uint64_t n, uint64_t part, uint64_t whole)
{
    return n / whole * part + n % whole * part / whole;
}

uint64_t histogram_at_most(const histogram_counts_t *counts, uint64_t value)
{
    unsigned index = histogram_index(value);
    uint64_t below = 0;

    if (value >= counts->max) {
        return counts->count;
    }
    for (unsigned i = 0; i < index; i++) {
        below += counts->bucket[i];
    }
    if (value >= HISTOGRAM_LARGEST) {
        /* The last bucket also holds larger values, in unknown proportion. */
        return below;
    }
    return below
        + share_of(counts->bucket[index], value - histogram_lowest(index) + 1,
                   histogram_highest(index) - histogram_lowest(index) + 1);
}
