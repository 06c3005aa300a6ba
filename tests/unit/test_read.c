/* SPDX-License-Identifier: Apache-2.0 */
/*
 * figures/read: a segment becomes one snapshot: records of one name are one, sums hold also what is gone, and no number
 * is negative, whatever the segment says.
 */
#include "figures/read.h"

#include <stdio.h>
#include <string.h>

#include "apr_general.h"
#include "apr_strings.h"
#include "figures/metrics.h"
#include "figures/parts.h"
#include "segment/file.h"
#include "segment/read.h"
#include "segment/ring.h"
#include "segment/write.h"
#include "unit.h"

static const segment_shape_t shape = {
    .listeners = 3,
    .processes = 3,
    .vhosts = 4,
    .handlers = 4,
    .events = 8,
    .board_fields = 2,
    .board_image = 100,
    .workers = 5,
    .streams = 2,
};

static segment_t segment;
static snapshot_t snapshot;
static apr_pool_t *pool;

static void start(void)
{
    segment_place_t nowhere = { NULL, 0, (gid_t)-1 };
    segment_failure_t failure;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    ck_assert_int_eq(segment_create(&segment, &shape, &nowhere, 1700000000000000, &failure),
                     SEGMENT_OK);
    segment_set(&segment.server[0].counting_since, 1700000000000000);
}

static void stop(void)
{
    segment_unmap(&segment);
    apr_pool_destroy(pool);
    apr_terminate();
}

static void take(unsigned parts)
{
    segment_failure_t failure;
    segment_view_t *view = segment_open_bytes(segment.base, segment.size, &failure);

    ck_assert_msg(view != NULL, "%s", failure.text);
    read_snapshot(&snapshot, pool, view, NULL, parts);
    segment_close(view);
}

static void host(size_t record, const char *name, uint64_t good, uint64_t bad, uint64_t sent)
{
    segment_set_text(segment.vhost[record].name, name);
    segment_set(&segment.vhost[record].responses_2xx, good);
    segment_set(&segment.vhost[record].responses_5xx, bad);
    segment_set(&segment.vhost[record].sent, sent);
}

static size_t other(void)
{
    return segment_vhost_other(&segment);
}

static size_t gone(void)
{
    return segment_vhost_gone(&segment);
}

static const snapshot_vhost_t *named(const char *name)
{
    for (int i = 0; i < snapshot.vhost_count; i++) {
        if (strcmp(snapshot.vhosts[i].name, name) == 0) {
            return &snapshot.vhosts[i];
        }
    }
    ck_abort_msg("there is no %s", name);
    return NULL;
}

/* ---- virtual hosts ---- */

START_TEST(records_of_one_name_are_one_virtual_host)
{
    host(0, "a:80", 10, 1, 100);
    host(1, "b:80", 20, 2, 200);
    host(2, "a:80", 30, 3, 300);
    take(VIEW_ALL);
    ck_assert_int_eq(snapshot.vhost_count, 2);
    ck_assert_int_eq(named("a:80")->requests, 44);
    ck_assert_int_eq(named("a:80")->responses_5xx, 4);
    ck_assert_int_eq(named("a:80")->sent_bytes, 400);
    ck_assert_int_eq(named("b:80")->requests, 22);
}
END_TEST

START_TEST(totals_are_the_sums_with_those_that_are_gone)
{
    host(0, "a:80", 10, 1, 100);
    host(1, "b:80", 20, 2, 200);
    segment_set(&segment.vhost[gone()].responses_2xx, 1000);
    segment_set(&segment.vhost[gone()].sent, 10000);
    take(VIEW_TOTALS);
    ck_assert_int_eq(snapshot.vhost_count, 2);
    ck_assert_int_eq(snapshot.totals.requests, 1033);
    ck_assert_int_eq(snapshot.totals.responses_2xx, 1030);
    ck_assert_int_eq(snapshot.totals.responses_5xx, 3);
    ck_assert_int_eq(snapshot.totals.sent_bytes, 10300);
    ck_assert_int_eq(snapshot.totals.bytes, 10300);
    ck_assert_int_eq(snapshot.server.counters_since_us, 1700000000000000);
}
END_TEST

START_TEST(those_beyond_the_cap_are_told_of_once_they_are_there)
{
    host(0, "a:80", 10, 1, 100);
    segment_set_text(segment.vhost[other()].name, "other");
    take(VIEW_ALL);
    ck_assert_int_eq(snapshot.vhost_count, 1);
    segment_set(&segment.vhost[other()].in_flight, 1);
    take(VIEW_ALL);
    ck_assert_int_eq(snapshot.vhost_count, 2);
    ck_assert_int_eq(named("other")->requests, 0);
}
END_TEST

START_TEST(names_that_would_look_the_same_are_numbered)
{
    host(0, "a\xff", 1, 0, 0);
    host(1, "a\xfe", 2, 0, 0);
    host(2, "a\xfd", 3, 0, 0);
    take(VIEW_ALL);
    ck_assert_int_eq(snapshot.vhost_count, 3);
    ck_assert_str_eq(snapshot.vhosts[0].name, "a\xff");
    ck_assert_str_eq(snapshot.vhosts[1].name, "a\xfe~2");
    ck_assert_str_eq(snapshot.vhosts[2].name, "a\xfd~3");
}
END_TEST

START_TEST(a_sum_that_is_too_large_is_the_largest_number)
{
    host(0, "a:80", INT64_MAX, INT64_MAX, INT64_MAX);
    host(1, "b:80", 1, 0, 1);
    take(VIEW_ALL);
    ck_assert_int_eq(named("a:80")->requests, APR_INT64_MAX);
    ck_assert_int_eq(snapshot.totals.requests, APR_INT64_MAX);
    ck_assert_int_eq(snapshot.totals.sent_bytes, APR_INT64_MAX);
}
END_TEST

/* ---- times ---- */

START_TEST(times_are_those_of_all_records_of_a_name)
{
    const snapshot_latency_t *times;

    host(0, "a:80", 99, 0, 0);
    host(1, "b:80", 0, 0, 0);
    host(2, "a:80", 1, 0, 0);
    for (int i = 0; i < 99; i++) {
        histogram_record(&segment.vhost[0].total, 1000);
    }
    histogram_record(&segment.vhost[2].total, 5000000);
    take(VIEW_ALL);
    times = &named("a:80")->latency[SNAPSHOT_SPREAD_total];
    ck_assert_int_eq(times->count, 100);
    ck_assert_int_eq(times->sum_us, 99 * 1000 + 5000000);
    ck_assert_uint_eq(histogram_index((uint64_t)times->p50_us), histogram_index(1000));
    ck_assert_uint_eq(histogram_index((uint64_t)times->p99_us), histogram_index(1000));
    ck_assert_int_eq(times->max_us, 5000000);
    ck_assert_int_eq(snapshot.spreads[SNAPSHOT_SPREAD_total].latency.count, 100);
    ck_assert_int_eq(named("b:80")->latency[SNAPSHOT_SPREAD_total].count, 0);
    ck_assert_int_eq(named("b:80")->latency[SNAPSHOT_SPREAD_total].p50_us, SNAPSHOT_UNKNOWN);
}
END_TEST

START_TEST(steps_count_all_that_took_no_longer_and_buckets_each_once)
{
    const snapshot_spread_t *all = &snapshot.spreads[SNAPSHOT_SPREAD_total];
    apr_int64_t sum = 0;

    host(0, "a:80", 3, 0, 0);
    histogram_record(&segment.vhost[0].total, 50);
    histogram_record(&segment.vhost[0].total, 7000);
    histogram_record(&segment.vhost[0].total, 100000000);
    take(VIEW_ALL);
    for (int i = 0; i < SNAPSHOT_BOUNDS; i++) {
        ck_assert_int_eq(all->steps.at_most[i], snapshot_bounds_us[i] < 7000 ? 1 : 2);
    }
    ck_assert_int_eq(all->bucket_count, 3);
    for (int i = 0; i < all->bucket_count; i++) {
        sum += all->buckets[i].count;
        ck_assert(i == 0 || all->buckets[i].highest_us > all->buckets[i - 1].highest_us);
    }
    ck_assert_int_eq(sum, 3);
}
END_TEST

START_TEST(times_are_read_only_where_they_are_used)
{
    host(0, "a:80", 1, 0, 0);
    histogram_record(&segment.vhost[0].total, 50);
    take(VIEW_TOTALS);
    ck_assert_int_eq(named("a:80")->latency[SNAPSHOT_SPREAD_total].count, SNAPSHOT_UNKNOWN);
    ck_assert_int_eq(snapshot.spreads[SNAPSHOT_SPREAD_total].latency.count, SNAPSHOT_UNKNOWN);
}
END_TEST

/* ---- handlers, listeners, events ---- */

static void handler(size_t record, uint64_t state, const char *name, uint64_t requests)
{
    segment_set_text(segment.handler[record].name, name);
    segment_set(&segment.handler[record].state, state);
    segment_set(&segment.handler[record].requests, requests);
}

START_TEST(handlers_that_have_done_something_are_told_of_once)
{
    handler(0, SEGMENT_HANDLER_USED, "cgi", 3);
    handler(1, SEGMENT_HANDLER_USED, "idle", 0);
    handler(2, SEGMENT_HANDLER_USED, "cgi", 4);
    handler(3, SEGMENT_HANDLER_USED - 1, "not ready", 9);
    take(VIEW_ALL);
    ck_assert_int_eq(snapshot.handler_count, 1);
    ck_assert_str_eq(snapshot.handlers[0].name, "cgi");
    ck_assert_int_eq(snapshot.handlers[0].requests, 7);
}
END_TEST

START_TEST(listeners_have_an_address)
{
    segment_set_text(segment.listener[2].address, "[::]:80");
    segment_set(&segment.listener[1].queue_limit, 5);
    take(VIEW_ALL);
    ck_assert_int_eq(snapshot.listener_count, 1);
    ck_assert_str_eq(snapshot.listeners[0].address, "[::]:80");
}
END_TEST

START_TEST(events_come_with_the_newest_first)
{
    segment_ring_put(&segment, SEGMENT_EVENT_START, 1000, 7, 0, 0, "");
    segment_ring_put(&segment, SEGMENT_EVENT_GRACEFUL, 2000, 0, 0, 0, "");
    take(VIEW_ALL);
    ck_assert_int_eq(snapshot.event_count, 2);
    ck_assert_str_eq(snapshot.events[1].kind, "start");
    ck_assert_int_eq(snapshot.events[1].time_us, 1000);
    ck_assert_int_eq(snapshot.events[1].pid, 7);
    ck_assert_str_eq(snapshot.events[0].kind, "graceful");
    ck_assert_int_eq(snapshot.events[0].pid, SNAPSHOT_UNKNOWN);
}
END_TEST

/* ---- whatever it says ---- */

static void check_record(metrics_scope_e scope, const void *record)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        bool number = metrics[i].kind != METRIC_TEXT && metrics[i].kind != METRIC_LETTER
            && metrics[i].kind != METRIC_REAL;

        ck_assert_msg(!number || !metric_known(&metrics[i], record)
                          || metric_number(&metrics[i], record) >= 0,
                      "%s is %lld", metrics[i].name, (long long)metric_number(&metrics[i], record));
    }
}

/* ---- HTTP/2 streams ---- */

static void process(size_t record, uint64_t pid, uint64_t streams)
{
    segment_set(&segment.process[record].pid, pid);
    segment_set(&segment.process[record].slot, record);
    segment_set(&segment.process[record].workers, 10);
    segment_set(&segment.process[record].workers_busy, 3);
    segment_set(&segment.process[record].streams_running, streams);
}

static void stream(size_t record, uint64_t state, const char *request)
{
    segment_set(&segment.stream[record].state, state);
    segment_set(&segment.stream[record].begun, 1700000000000000);
    segment_set(&segment.stream[record].vhost, 2);
    segment_set(&segment.stream[record].handler, 1);
    segment_set_text(segment.stream[record].client, "192.0.2.1");
    segment_set_text(segment.stream[record].request, request);
}

START_TEST(streams_are_workers_and_busy)
{
    const snapshot_worker_t *worker;

    segment_set(&segment.server->stream_threads, 2);
    segment_set(&segment.server->max_request_workers, 20);
    segment_set_text(segment.vhost[1].name, "b:80");
    handler(0, SEGMENT_HANDLER_USED, "cgi", 1);
    process(0, 7, 0);
    process(2, 9, 1);
    segment_set(&segment.server->heartbeat, 1700000005000000);
    stream(1, SEGMENT_STREAM_RUNS, "GET /of/nobody"); /* its process runs none */
    stream(4, SEGMENT_STREAM_CLAIMED, "GET /half");
    stream(5, SEGMENT_STREAM_RUNS, "GET /a?b HTTP/2.0");
    take(VIEW_ALL);
    ck_assert_int_eq(snapshot.worker_count, 1);
    worker = &snapshot.workers[0];
    ck_assert_int_eq(worker->stream, 1);
    ck_assert_int_eq(worker->slot, 2);
    ck_assert_int_eq(worker->pid, 9);
    ck_assert_int_eq(worker->thread, 1);
    ck_assert_str_eq(worker->state, "W");
    ck_assert_str_eq(worker->request, "GET /a?b HTTP/2.0");
    ck_assert_str_eq(worker->vhost, "b:80");
    ck_assert_str_eq(worker->client, "192.0.2.1");
    ck_assert_str_eq(worker->handler, "cgi");
    ck_assert_str_eq(worker->protocol, "h2c");
    ck_assert_int_eq(worker->since_us, 5000000);
    ck_assert_int_eq(snapshot.totals.streams_running, 1);
    ck_assert_int_eq(snapshot.totals.streams_limit, 4);
    ck_assert_int_eq(snapshot.totals.workers_busy, 7);
    ck_assert_int_eq(snapshot.totals.saturated, 0);
    take(VIEW_TOTALS);
    ck_assert_int_eq(snapshot.worker_count, 0);
    ck_assert_int_eq(snapshot.totals.workers_busy, 7);
}
END_TEST

START_TEST(a_server_whose_threads_for_streams_are_all_busy_is_saturated)
{
    segment_set(&segment.server->stream_threads, 2);
    segment_set(&segment.server->max_request_workers, 20);
    process(0, 7, 2);
    process(1, 8, 1);
    take(VIEW_TOTALS);
    ck_assert_int_eq(snapshot.totals.saturated, 0);
    process(1, 8, 2);
    take(VIEW_TOTALS);
    ck_assert_int_eq(snapshot.totals.saturated, 1);
    process(1, 8, SEGMENT_UNKNOWN);
    segment_set(&segment.server->stream_threads, SEGMENT_UNKNOWN);
    take(VIEW_TOTALS);
    ck_assert_int_eq(snapshot.totals.saturated, 0);
    ck_assert(snapshot.totals.streams_limit == SNAPSHOT_UNKNOWN);
}
END_TEST

START_TEST(streams_of_any_bytes_are_read)
{
    for (uint64_t with = 0; with < 4; with++) {
        const uint64_t values[] = { UINT64_MAX, INT64_MAX, 0x8080808080808080, 1 };

        for (size_t i = 0; i < 3; i++) {
            process(i, 7 + i, INT64_MAX - with);
        }
        for (size_t i = 0; i < sizeof(*segment.stream) * 6 / 8; i++) {
            segment_set((_Atomic uint64_t *)segment.stream + i, values[with]);
        }
        for (size_t i = 0; i < 6; i++) {
            segment_set(&segment.stream[i].state, SEGMENT_STREAM_RUNS);
        }
        take(VIEW_ALL);
        ck_assert_int_eq(snapshot.worker_count, 6);
        check_record(METRICS_TOTALS, &snapshot.totals);
        for (int i = 0; i < 6; i++) {
            check_record(METRICS_WORKER, &snapshot.workers[i]);
            ck_assert(snapshot.workers[i].request == NULL
                      || strlen(snapshot.workers[i].request) < 64);
        }
    }
}
END_TEST

START_TEST(no_number_is_negative)
{
    segment_ring_put(&segment, SEGMENT_EVENT_START, UINT64_MAX - 7, UINT64_MAX - 7, 0, 0, "");
    for (size_t i = 0; i < sizeof(*segment.server) / 8; i++) {
        segment_set((_Atomic uint64_t *)segment.server + i, UINT64_MAX - i);
    }
    for (size_t i = 0; i < sizeof(*segment.process) / 8; i++) {
        segment_set((_Atomic uint64_t *)segment.process + i, UINT64_MAX - i);
    }
    segment_set(&segment.process[0].left, 0);
    segment_set(&segment.process[0].pid, 7);
    host(0, "a:80", UINT64_MAX, UINT64_MAX, UINT64_MAX);
    handler(0, SEGMENT_HANDLER_USED, "cgi", UINT64_MAX);
    take(VIEW_ALL);
    check_record(METRICS_SERVER, &snapshot.server);
    check_record(METRICS_LIMITS, &snapshot.limits);
    check_record(METRICS_TOTALS, &snapshot.totals);
    for (int i = 0; i < snapshot.vhost_count; i++) {
        check_record(METRICS_VHOST, &snapshot.vhosts[i]);
    }
    for (int i = 0; i < snapshot.handler_count; i++) {
        check_record(METRICS_HANDLER, &snapshot.handlers[i]);
    }
    for (int i = 0; i < snapshot.process_count; i++) {
        check_record(METRICS_PROCESS, &snapshot.processes[i]);
    }
    for (int i = 0; i < snapshot.finishing_count; i++) {
        check_record(METRICS_PROCESS, &snapshot.finishing[i]);
    }
    ck_assert_int_eq(snapshot.process_count + snapshot.finishing_count, 1);
    ck_assert_int_eq(snapshot.event_count, 1);
    check_record(METRICS_EVENT, &snapshot.events[0]);
}
END_TEST

START_TEST(an_empty_segment_is_an_empty_snapshot)
{
    take(VIEW_ALL | PARTS_VHOST_BUCKETS);
    ck_assert_int_eq(snapshot.vhost_count + snapshot.handler_count + snapshot.listener_count
                         + snapshot.event_count + snapshot.process_count,
                     0);
    ck_assert_int_eq(snapshot.totals.requests, 0);
    check_record(METRICS_TOTALS, &snapshot.totals);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("read");
    TCase *tc = tcase_create("read");

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, records_of_one_name_are_one_virtual_host);
    tcase_add_test(tc, totals_are_the_sums_with_those_that_are_gone);
    tcase_add_test(tc, those_beyond_the_cap_are_told_of_once_they_are_there);
    tcase_add_test(tc, names_that_would_look_the_same_are_numbered);
    tcase_add_test(tc, a_sum_that_is_too_large_is_the_largest_number);
    tcase_add_test(tc, times_are_those_of_all_records_of_a_name);
    tcase_add_test(tc, steps_count_all_that_took_no_longer_and_buckets_each_once);
    tcase_add_test(tc, times_are_read_only_where_they_are_used);
    tcase_add_test(tc, handlers_that_have_done_something_are_told_of_once);
    tcase_add_test(tc, listeners_have_an_address);
    tcase_add_test(tc, events_come_with_the_newest_first);
    tcase_add_test(tc, streams_are_workers_and_busy);
    tcase_add_test(tc, a_server_whose_threads_for_streams_are_all_busy_is_saturated);
    tcase_add_test(tc, streams_of_any_bytes_are_read);
    tcase_add_test(tc, no_number_is_negative);
    tcase_add_test(tc, an_empty_segment_is_an_empty_snapshot);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
