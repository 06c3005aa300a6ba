/* SPDX-License-Identifier: Apache-2.0 */
/* tune/interval: counters become what they grew by, times those of the requests in between, and gauges stay. */
#include "tune/interval.h"

#include <stdio.h>
#include <string.h>

#include "source/decode.h"
#include "unit.h"

static sample_t *before, *after;

static void stop(void)
{
    if (before != NULL) {
        sample_free(before);
        sample_free(after);
    }
    before = after = NULL;
}

#define SERVER \
    "\"pid\": 7, \"started_us\": 1000, \"counters_since_us\": 1000, \"recorded_since_us\": 1000"

static sample_t *sample_of(const char *server, const char *totals, const char *more)
{
    char text[4000];
    failure_t failure;
    sample_t *sample;

    snprintf(
        text, sizeof(text),
        "{\"schema\": 1, \"server\": {%s}, \"limits\": {}, \"totals\": {%s}, \"processes\": [], \"workers\": []%s%s}",
        server, totals, more[0] != '\0' ? ", " : "", more);
    sample = decode_sample(text, strlen(text), "here", &failure);
    ck_assert_msg(sample != NULL, "%s: %s", failure.text, text);
    return sample;
}

static bool take(const char *totals_before, const char *more_before, const char *totals_after,
                 const char *more_after)
{
    stop();
    before = sample_of(SERVER, totals_before, more_before);
    after = sample_of(SERVER, totals_after, more_after);
    return interval_take(after, before);
}

START_TEST(counters_are_subtracted_and_gauges_stay)
{
    const snapshot_totals_t *totals;

    ck_assert(take(
        "\"requests\": 100, \"sent_bytes\": 9223372036854775800, \"workers_busy\": 9, \"workers_busy_peak\": 20",
        "",
        "\"requests\": 150, \"sent_bytes\": 9223372036854775807, \"workers_busy\": 4, \"workers_busy_peak\": 20",
        ""));
    totals = &after->snap.totals;
    ck_assert_int_eq(totals->requests, 50);
    ck_assert_int_eq(totals->sent_bytes, 7);
    ck_assert_int_eq(totals->workers_busy, 4);
    ck_assert_int_eq(totals->workers_busy_peak, 20);
    ck_assert_int_eq(before->snap.totals.requests, 100);
}
END_TEST

START_TEST(a_value_of_two_names_is_subtracted_once)
{
    ck_assert(take("\"responses_5xx\": 10", "", "\"responses_5xx\": 25", ""));
    ck_assert_int_eq(after->snap.totals.responses_5xx, 15);
}
END_TEST

START_TEST(what_one_sample_does_not_know_or_what_shrank_is_unknown)
{
    ck_assert(take("\"requests\": 100", "", "\"requests\": 99, \"sent_bytes\": 7", ""));
    ck_assert_int_eq(after->snap.totals.requests, SNAPSHOT_UNKNOWN);
    ck_assert_int_eq(after->snap.totals.sent_bytes, SNAPSHOT_UNKNOWN);
    ck_assert_int_eq(after->snap.totals.crashes, SNAPSHOT_UNKNOWN);
}
END_TEST

START_TEST(a_server_that_was_started_in_between_is_left_as_it_is)
{
    static const char *const others[] = {
        "\"pid\": 8, \"started_us\": 1000, \"counters_since_us\": 1000, \"recorded_since_us\": 1000",
        "\"pid\": 7, \"started_us\": 1001, \"counters_since_us\": 1000, \"recorded_since_us\": 1000",
        "\"pid\": 7, \"started_us\": 1000, \"counters_since_us\": 1001, \"recorded_since_us\": 1000",
        "\"pid\": 7, \"started_us\": 1000, \"counters_since_us\": 1000, \"recorded_since_us\": 1001",
        "\"pid\": 7, \"started_us\": 1000, \"counters_since_us\": 1000"
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        stop();
        before = sample_of(SERVER, "\"requests\": 100", "");
        after = sample_of(others[i], "\"requests\": 150", "");
        ck_assert_msg(!interval_take(after, before), "%s", others[i]);
        ck_assert_int_eq(after->snap.totals.requests, 150);
    }
}
END_TEST

START_TEST(virtual_hosts_are_matched_by_name)
{
    ck_assert(take(
        "",
        "\"vhosts\": [{\"name\": \"a\", \"requests\": 10}, {\"name\": \"b\", \"requests\": 20}]",
        "",
        "\"vhosts\": [{\"name\": \"b\", \"requests\": 50}, {\"name\": \"new\", \"requests\": 5}, {\"name\": \"a\", \"requests\": 11}]"));
    ck_assert_int_eq(after->snap.vhosts[0].requests, 30);
    ck_assert_int_eq(after->snap.vhosts[1].requests, 5); /* it began in between */
    ck_assert_int_eq(after->snap.vhosts[2].requests, 1);
}
END_TEST

#define TIMES(count, sum, buckets) \
    "\"latency\": {\"queue\": {\"count\": " count ", \"sum_us\": " sum \
    ", \"p50_us\": 1, \"p99_us\": 1, \"max_us\": 9999, \"buckets\": [" buckets "]}}"

static const snapshot_latency_t *queue(const char *first, const char *last)
{
    ck_assert(take("", first, "", last));
    return &after->snap.spreads[SNAPSHOT_SPREAD_queue].latency;
}

START_TEST(times_are_those_of_the_requests_in_between)
{
    /* 100 slow ones before; then 90 of 10 us, 9 of 20 and one of 5000 */
    const snapshot_latency_t *times = queue(TIMES("100", "500000", "[5000, 100]"),
                                            TIMES("200", "506080",
                                                  "[10, 90], [20, 9], [5000, 101]"));

    ck_assert_int_eq(times->count, 100);
    ck_assert_int_eq(times->sum_us, 6080);
    ck_assert_int_eq(times->p50_us, 10);
    ck_assert_int_eq(times->p90_us, 10);
    ck_assert_int_eq(times->p99_us, 20);
    ck_assert_int_eq(times->p999_us, 5000);
    ck_assert_int_eq(times->max_us, 5000);
}
END_TEST

START_TEST(buckets_that_are_gone_or_shrank_or_are_none_do_not_count)
{
    const snapshot_latency_t *times =
        queue(TIMES("3", "3", "[1, 5], [2, 1], [7, 3], [40, 3]"),
              TIMES("9", "9", "[2, 3], [7, 1], [\"x\", 4], [8], [9, -1], [30, 1], [40, 1]"));

    ck_assert_int_eq(times->p50_us, 2);
    ck_assert_int_eq(times->max_us, 30);
}
END_TEST

START_TEST(without_a_request_in_between_there_are_no_times)
{
    const snapshot_latency_t *times = queue(TIMES("3", "30", "[10, 3]"),
                                            TIMES("3", "30", "[10, 3]"));

    ck_assert_int_eq(times->count, 0);
    ck_assert_int_eq(times->p50_us, SNAPSHOT_UNKNOWN);
    ck_assert_int_eq(times->max_us, SNAPSHOT_UNKNOWN);
    times = queue("", "");
    ck_assert_int_eq(times->count, SNAPSHOT_UNKNOWN);
}
END_TEST

START_TEST(a_bucket_beyond_all_numbers_is_the_largest)
{
    const snapshot_latency_t *times = queue("", TIMES("1", "1", "[1e300, 2]"));

    ck_assert_int_eq(times->p50_us, APR_INT64_MAX);
    ck_assert_int_eq(times->max_us, APR_INT64_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interval");
    TCase *tc = tcase_create("interval");

    tcase_add_checked_fixture(tc, NULL, stop);
    tcase_add_test(tc, counters_are_subtracted_and_gauges_stay);
    tcase_add_test(tc, a_value_of_two_names_is_subtracted_once);
    tcase_add_test(tc, what_one_sample_does_not_know_or_what_shrank_is_unknown);
    tcase_add_test(tc, a_server_that_was_started_in_between_is_left_as_it_is);
    tcase_add_test(tc, virtual_hosts_are_matched_by_name);
    tcase_add_test(tc, times_are_those_of_the_requests_in_between);
    tcase_add_test(tc, buckets_that_are_gone_or_shrank_or_are_none_do_not_count);
    tcase_add_test(tc, without_a_request_in_between_there_are_no_times);
    tcase_add_test(tc, a_bucket_beyond_all_numbers_is_the_largest);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
