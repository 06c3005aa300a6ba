/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/histogram: every value has one bucket that fits it, and what is said of many
 * values agrees with the same values sorted. Recording by threads and processes at once.
 */
#include "base/histogram.h"
#include "unit.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static histogram_t shared;
static histogram_counts_t counts, other;

static void start(void)
{
    memset(&shared, 0, sizeof(shared));
    memset(&counts, 0, sizeof(counts));
    memset(&other, 0, sizeof(other));
}

/* ---- buckets ---- */

START_TEST(buckets_follow_each_other_without_gap_from_0_to_the_largest_value)
{
    ck_assert_uint_eq(histogram_lowest(0), 0);
    for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        ck_assert_uint_le(histogram_lowest(i), histogram_highest(i));
        ck_assert_uint_eq(histogram_highest(i) + 1, histogram_lowest(i + 1));
    }
    ck_assert_uint_eq(histogram_highest(HISTOGRAM_BUCKETS - 1), HISTOGRAM_LARGEST);
    ck_assert_uint_ge(HISTOGRAM_LARGEST, UINT64_C(3600) * 1000000);
}
END_TEST

START_TEST(a_value_goes_into_the_bucket_that_holds_it)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t low = histogram_lowest(i), high = histogram_highest(i);

        ck_assert_uint_eq(histogram_index(low), i);
        ck_assert_uint_eq(histogram_index(high), i);
        ck_assert_uint_eq(histogram_index(low + (high - low) / 2), i);
    }
    for (uint64_t v = 0; v < 200000; v++) {
        unsigned i = histogram_index(v);

        ck_assert(histogram_lowest(i) <= v && v <= histogram_highest(i));
    }
    ck_assert_uint_eq(histogram_index(HISTOGRAM_LARGEST + 1), HISTOGRAM_BUCKETS - 1);
    ck_assert_uint_eq(histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}
END_TEST

START_TEST(no_bucket_is_wider_than_the_stated_error_allows)
{
    ck_assert(HISTOGRAM_ERROR <= 0.03);
    for (unsigned i = 1; i < HISTOGRAM_BUCKETS; i++) {
        double low = (double)histogram_lowest(i), high = (double)histogram_highest(i);

        ck_assert((high - low) / 2 <= HISTOGRAM_ERROR * low);
    }
}
END_TEST

/* ---- quantiles, against the sorted values ---- */

enum { MANY = 20000 };
static uint64_t values[MANY];

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t any_bits(uint64_t *seed)
{
    return unit_random(seed) >> (32 + unit_random_below(seed, 32));
}

static uint64_t latency_like(uint64_t *seed)
{
    double u = (double)(unit_random_below(seed, 1000000) + 1) / 1000001.0;

    return (uint64_t)(200.0 * exp(2.0 * sqrt(-2.0 * log(u))));
}

static uint64_t two_peaks(uint64_t *seed)
{
    return unit_random_below(seed, 100) < 95 ? 300 + unit_random_below(seed, 50)
                                             : 2000000 + unit_random_below(seed, 900000);
}

static uint64_t hardly_different(uint64_t *seed)
{
    return 999 + unit_random_below(seed, 3);
}

static uint64_t small(uint64_t *seed)
{
    return unit_random_below(seed, 4);
}

static uint64_t around_an_hour(uint64_t *seed)
{
    return UINT64_C(3599000000) + unit_random_below(seed, 2000000);
}

static void check_near(uint64_t got, uint64_t exact)
{
    double off = fabs((double)got - (double)exact);

    ck_assert_msg(off <= HISTOGRAM_ERROR * (double)exact, "got %llu, exact %llu",
                  (unsigned long long)got, (unsigned long long)exact);
}

static void fill(uint64_t (*draw)(uint64_t *), uint64_t seed, unsigned n)
{
    start();
    for (unsigned i = 0; i < n; i++) {
        values[i] = draw(&seed);
        histogram_record(&shared, values[i]);
    }
    histogram_read(&shared, &counts);
    qsort(values, n, sizeof(values[0]), by_value);
}

static void check_quantiles(unsigned n)
{
    static const double shares[] = { 0.001, 0.01, 0.1,  0.25, 0.29,  0.5,
                                     0.75,  0.9,  0.95, 0.99, 0.999, 0.9999 };
    uint64_t sum = 0;

    for (unsigned i = 0; i < n; i++) {
        sum += values[i];
    }
    ck_assert_uint_eq(counts.count, n);
    ck_assert_uint_eq(counts.sum, sum);
    ck_assert_uint_eq(counts.max, values[n - 1]);
    ck_assert_uint_eq(histogram_quantile(&counts, 1.0), values[n - 1]);
    check_near(histogram_quantile(&counts, 0.0), values[0]);
    for (unsigned k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
        unsigned rank = (unsigned)ceil(shares[k] * n - 1e-9);

        check_near(histogram_quantile(&counts, shares[k]), values[rank > 0 ? rank - 1 : 0]);
    }
}

static uint64_t (*const draws[])(uint64_t *) = {
    any_bits, latency_like, two_peaks, hardly_different, small, around_an_hour,
};
enum { DRAWS = sizeof(draws) / sizeof(draws[0]) };

START_TEST(quantiles_agree_with_the_sorted_values_within_the_stated_error)
{
    static const unsigned sizes[] = { 1, 2, 3, 10, 99, 100, 101, 1000, MANY };

    for (unsigned d = 0; d < DRAWS; d++) {
        for (unsigned k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            for (uint64_t seed = 1; seed <= 3; seed++) {
                fill(draws[d], seed, sizes[k]);
                check_quantiles(sizes[k]);
            }
        }
    }
}
END_TEST

START_TEST(quantiles_grow_with_the_share_and_stay_within_what_was_recorded)
{
    for (unsigned d = 0; d < DRAWS; d++) {
        uint64_t last = 0;

        fill(draws[d], 7, 1000);
        for (int q = -5; q <= 1005; q++) {
            uint64_t value = histogram_quantile(&counts, q / 1000.0);

            ck_assert_uint_ge(value, last);
            ck_assert_uint_le(value, counts.max);
            last = value;
        }
    }
    ck_assert_uint_eq(histogram_quantile(&counts, NAN), histogram_quantile(&counts, 0.0));
}
END_TEST

START_TEST(an_empty_histogram_says_0)
{
    start();
    histogram_read(&shared, &counts);
    ck_assert_uint_eq(counts.count, 0);
    ck_assert_uint_eq(counts.max, 0);
    ck_assert_uint_eq(histogram_quantile(&counts, 0.5), 0);
    ck_assert_uint_eq(histogram_at_most(&counts, 1000), 0);
    histogram_merge(&counts, &other);
    histogram_subtract(&counts, &other);
    ck_assert_uint_eq(counts.count, 0);
}
END_TEST

START_TEST(what_is_too_large_is_counted_and_keeps_its_maximum)
{
    start();
    histogram_record(&shared, 5);
    histogram_record(&shared, UINT64_C(1) << 40);
    histogram_read(&shared, &counts);
    ck_assert_uint_eq(counts.count, 2);
    ck_assert_uint_eq(counts.max, UINT64_C(1) << 40);
    ck_assert_uint_eq(histogram_quantile(&counts, 1.0), UINT64_C(1) << 40);
    ck_assert_uint_eq(histogram_at_most(&counts, HISTOGRAM_LARGEST), 1);
    ck_assert_uint_eq(histogram_at_most(&counts, UINT64_C(1) << 40), 2);
}
END_TEST

START_TEST(a_small_value_is_kept_in_its_bucket_alone_and_misses_nowhere)
{
    start();
    for (uint64_t value = 0; value < HISTOGRAM_EXACT; value++) {
        histogram_add(&shared, value, value + 1);
    }
    ck_assert_uint_eq(shared.sum, 0);
    ck_assert_uint_eq(shared.max, 0);
    histogram_read(&shared, &counts);
    ck_assert_uint_eq(counts.count, 64 * 65 / 2);
    ck_assert_uint_eq(counts.sum, 63 * 64 * 65 / 3);
    ck_assert_uint_eq(counts.max, 63);
    histogram_record(&shared, HISTOGRAM_EXACT);
    ck_assert_uint_eq(shared.sum, HISTOGRAM_EXACT);
    ck_assert_uint_eq(shared.max, HISTOGRAM_EXACT);
    ck_assert_uint_eq(shared.bucket[HISTOGRAM_EXACT], 1);
}
END_TEST

START_TEST(weights_count_as_that_many_records)
{
    start();
    histogram_add(&shared, 10, 90);
    histogram_add(&shared, 20, 10);
    histogram_add(&shared, 30, 0);
    histogram_read(&shared, &counts);
    ck_assert_uint_eq(counts.count, 100);
    ck_assert_uint_eq(counts.sum, 1100);
    ck_assert_uint_eq(histogram_quantile(&counts, 0.9), 10);
    ck_assert_uint_eq(histogram_quantile(&counts, 0.91), 20);
}
END_TEST

/* ---- counting up to a value ---- */

START_TEST(counting_up_to_the_end_of_a_bucket_is_exact_and_up_to_any_value_near)
{
    for (unsigned d = 0; d < DRAWS; d++) {
        uint64_t last = 0;

        fill(draws[d], 11, 5000);
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
            uint64_t bound = histogram_highest(i), exact = 0,
                     at_most = histogram_at_most(&counts, bound);
            uint64_t inside = histogram_at_most(&counts, histogram_lowest(i));

            while (exact < 5000 && values[exact] <= bound) {
                exact++;
            }
            ck_assert_uint_eq(at_most, exact);
            ck_assert(last <= inside && inside <= at_most);
            last = at_most;
        }
        ck_assert_uint_eq(histogram_at_most(&counts, UINT64_MAX), 5000);
    }
}
END_TEST

START_TEST(counting_in_a_bucket_with_very_many_records_does_not_overflow)
{
    start();
    histogram_add(&shared, HISTOGRAM_LARGEST - 5, UINT64_C(1) << 62);
    histogram_read(&shared, &counts);
    counts.max = HISTOGRAM_LARGEST;
    ck_assert_uint_le(histogram_at_most(&counts, HISTOGRAM_LARGEST - 1), UINT64_C(1) << 62);
    ck_assert_uint_ge(histogram_at_most(&counts, HISTOGRAM_LARGEST - 2), UINT64_C(1) << 61);
}
END_TEST

/* ---- together and apart ---- */

START_TEST(merging_is_as_if_all_had_been_recorded_in_one)
{
    static histogram_t parts[4], whole;
    static histogram_counts_t sum, expected;
    uint64_t seed = 3;

    memset(parts, 0, sizeof(parts));
    memset(&whole, 0, sizeof(whole));
    for (int i = 0; i < MANY; i++) {
        uint64_t value = any_bits(&seed);

        histogram_record(&parts[unit_random_below(&seed, 4)], value);
        histogram_record(&whole, value);
    }
    histogram_read(&whole, &expected);
    memset(&sum, 0, sizeof(sum));
    start();
    for (int i = 0; i < 4; i++) {
        histogram_read(&parts[i], &counts);
        histogram_merge(&sum, &counts);
        histogram_pour(&shared, &counts);
    }
    ck_assert_mem_eq(&sum, &expected, sizeof(sum));
    histogram_read(&shared, &counts);
    ck_assert_mem_eq(&counts, &expected, sizeof(counts));
}
END_TEST

START_TEST(subtracting_an_earlier_copy_leaves_what_came_since)
{
    static histogram_t later;
    static histogram_counts_t expected;

    for (unsigned d = 0; d < DRAWS; d++) {
        uint64_t seed = 5;

        fill(any_bits, 9, 1000);
        other = counts;
        memset(&later, 0, sizeof(later));
        for (int i = 0; i < 1000; i++) {
            uint64_t value = draws[d](&seed);

            histogram_record(&shared, value);
            histogram_record(&later, value);
        }
        histogram_read(&shared, &counts);
        histogram_read(&later, &expected);
        histogram_subtract(&counts, &other);
        ck_assert_mem_eq(counts.bucket, expected.bucket, sizeof(counts.bucket));
        ck_assert_uint_eq(counts.count, 1000);
        ck_assert_uint_eq(counts.sum, expected.sum);
        ck_assert(fabs((double)counts.max - (double)expected.max)
                  <= 2 * HISTOGRAM_ERROR * (double)expected.max);
        check_near(histogram_quantile(&counts, 0.5), histogram_quantile(&expected, 0.5));
    }
}
END_TEST

START_TEST(subtracting_a_copy_from_before_a_new_beginning_never_goes_below_0)
{
    fill(any_bits, 9, 1000);
    other = counts;
    memset(&shared, 0, sizeof(shared));
    histogram_record(&shared, 100);
    histogram_read(&shared, &counts);
    histogram_subtract(&counts, &other);
    ck_assert_uint_le(counts.count, 1);
    ck_assert_uint_eq(counts.sum, 0);
}
END_TEST

/* A build with other buckets: as histogram_index() says it, for any number of sub_bits. */
static unsigned foreign_index(uint64_t value, unsigned sub_bits)
{
    unsigned shift = 63u - (unsigned)__builtin_clzll(value | (UINT64_C(1) << sub_bits)) - sub_bits;

    return (shift << sub_bits) + (unsigned)(value >> shift);
}

START_TEST(a_histogram_of_another_build_is_taken_in_with_its_own_error_on_top)
{
    for (unsigned sub_bits = 0; sub_bits <= 10; sub_bits++) {
        size_t buckets = (size_t)(32 - sub_bits + 1) << sub_bits;
        _Atomic uint64_t *bucket = calloc(buckets, sizeof(*bucket));
        histogram_foreign_t foreign = { .sub_bits = sub_bits,
                                        .buckets = buckets,
                                        .bucket = bucket };

        fill(latency_like, 21, 5000);
        for (int i = 0; i < 5000; i++) {
            bucket[foreign_index(values[i], sub_bits)]++;
        }
        foreign.sum = 0;
        for (int i = 0; i < 5000; i++) {
            foreign.sum += values[i] >> (sub_bits + 1) != 0 ? values[i] : 0;
        }
        foreign.max = counts.max;
        histogram_import(&other, &foreign);
        ck_assert_uint_eq(other.count, 5000);
        ck_assert_uint_eq(other.sum, counts.sum);
        for (int q = 1; q < 100; q++) {
            double exact = (double)values[q * 50 - 1],
                   got = (double)histogram_quantile(&other, q / 100.0);

            ck_assert(fabs(got - exact) <= (HISTOGRAM_ERROR + 0.5 / (1u << sub_bits)) * exact + 1);
        }
        if (sub_bits == HISTOGRAM_SUB_BITS) {
            ck_assert_mem_eq(&other, &counts, sizeof(other));
        }
        free((void *)bucket);
    }
}
END_TEST

START_TEST(a_record_not_yet_in_the_maximum_is_not_cut_off)
{
    start();
    atomic_store(&shared.bucket[histogram_index(5000)], 1);
    histogram_read(&shared, &counts);
    check_near(histogram_quantile(&counts, 0.5), 5000);
}
END_TEST

/* ---- many at once ---- */

enum { WRITERS = 4, RECORDS = 50000 };
static atomic_int writers_left;

static void *write_many(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;

    for (int i = 0; i < RECORDS; i++) {
        histogram_record(&shared, any_bits(&seed));
    }
    atomic_fetch_sub(&writers_left, 1);
    return NULL;
}

START_TEST(threads_record_at_once_while_another_reads_and_nothing_is_lost)
{
    static histogram_t expected;
    pthread_t threads[WRITERS];
    uint64_t last = 0;

    start();
    memset(&expected, 0, sizeof(expected));
    atomic_store(&writers_left, WRITERS);
    for (int i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_many, (void *)(uintptr_t)(i + 1)),
                         0);
    }
    while (atomic_load(&writers_left) > 0) {
        histogram_read(&shared, &counts);
        ck_assert_uint_ge(counts.count, last);
        ck_assert_uint_le(histogram_quantile(&counts, 0.99), HISTOGRAM_LARGEST);
        last = counts.count;
    }
    for (int i = 0; i < WRITERS; i++) {
        uint64_t seed = (uint64_t)(i + 1);

        pthread_join(threads[i], NULL);
        for (int k = 0; k < RECORDS; k++) {
            histogram_record(&expected, any_bits(&seed));
        }
    }
    histogram_read(&shared, &counts);
    histogram_read(&expected, &other);
    ck_assert_uint_eq(counts.count, (uint64_t)WRITERS * RECORDS);
    ck_assert_mem_eq(&counts, &other, sizeof(counts));
}
END_TEST

START_TEST(processes_record_into_shared_memory_and_nothing_is_lost)
{
    histogram_t *map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                            -1, 0);

    ck_assert_ptr_ne(map, MAP_FAILED);
    for (int i = 0; i < WRITERS; i++) {
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            for (int k = 0; k < RECORDS; k++) {
                histogram_record(map, (uint64_t)k);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    histogram_read(map, &counts);
    ck_assert_uint_eq(counts.count, (uint64_t)WRITERS * RECORDS);
    ck_assert_uint_eq(counts.max, RECORDS - 1);
    ck_assert_uint_eq(counts.sum, (uint64_t)WRITERS * RECORDS * (RECORDS - 1) / 2);
    munmap(map, sizeof(*map));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("histogram");

    unit_add(s, "gapless", buckets_follow_each_other_without_gap_from_0_to_the_largest_value);
    unit_add(s, "index", a_value_goes_into_the_bucket_that_holds_it);
    unit_add(s, "width", no_bucket_is_wider_than_the_stated_error_allows);
    unit_add(s, "quantiles", quantiles_agree_with_the_sorted_values_within_the_stated_error);
    unit_add(s, "monotone", quantiles_grow_with_the_share_and_stay_within_what_was_recorded);
    unit_add(s, "empty", an_empty_histogram_says_0);
    unit_add(s, "large", what_is_too_large_is_counted_and_keeps_its_maximum);
    unit_add(s, "small", a_small_value_is_kept_in_its_bucket_alone_and_misses_nowhere);
    unit_add(s, "weights", weights_count_as_that_many_records);
    unit_add(s, "at most", counting_up_to_the_end_of_a_bucket_is_exact_and_up_to_any_value_near);
    unit_add(s, "overflow", counting_in_a_bucket_with_very_many_records_does_not_overflow);
    unit_add(s, "merge", merging_is_as_if_all_had_been_recorded_in_one);
    unit_add(s, "subtract", subtracting_an_earlier_copy_leaves_what_came_since);
    unit_add(s, "begun anew", subtracting_a_copy_from_before_a_new_beginning_never_goes_below_0);
    unit_add(s, "import", a_histogram_of_another_build_is_taken_in_with_its_own_error_on_top);
    unit_add(s, "late maximum", a_record_not_yet_in_the_maximum_is_not_cut_off);
    unit_add(s, "threads", threads_record_at_once_while_another_reads_and_nothing_is_lost);
    unit_add(s, "processes", processes_record_into_shared_memory_and_nothing_is_lost);
    return unit_main(s);
}
