/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/segment_write, segment_claim, segment_ring: the layout, records that are claimed, and
 * gauges that stay right whoever dies.
 */
#include "segment/ring.h"
#include "segment/write.h"
#include "segment/file.h"
#include "segment/read.h"
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const segment_shape_t shape = {
    .listeners = 1,
    .processes = 4,
    .vhosts = 4,
    .handlers = 4,
    .events = 8,
    .board_fields = 1,
    .workers = 6,
    .streams = 3,
};

static segment_t segment;

static void start(void)
{
    segment_place_t nowhere = { NULL, 0, (gid_t)-1 };
    segment_failure_t failure;

    ck_assert_int_eq(segment_create(&segment, &shape, &nowhere, 5, &failure), SEGMENT_OK);
}

static void stop(void)
{
    segment_unmap(&segment);
}

/* ---- layout ---- */

START_TEST(sections_do_not_overlap_are_aligned_and_fill_the_segment)
{
    for (unsigned n = 1; n < 200; n += 33) {
        segment_shape_t s = { n, n, n, n + 1, n, n - 1, (n - 1) * 17, n - 1, n - 1 };
        char *places[11], *end = NULL;
        static char base[1];
        segment_t at;

        segment_bind(&at, &s, base);
        places[0] = (char *)at.server;
        places[1] = (char *)at.listener;
        places[2] = (char *)at.process;
        places[3] = (char *)at.vhost;
        places[4] = (char *)at.handler;
        places[5] = (char *)at.event;
        places[6] = (char *)at.board;
        places[7] = (char *)at.board_field;
        places[8] = (char *)at.worker;
        places[9] = (char *)at.stream;
        places[10] = (char *)at.cells;
        ck_assert_int_gt(places[0] - base, (long)sizeof(segment_head_t));
        for (int i = 0; i < 11; i++) {
            ck_assert_int_eq((places[i] - base) % 64, 0);
            ck_assert(i == 0 || places[i] > places[i - 1] || s.board_fields == 0 || s.workers == 0);
        }
        ck_assert_uint_ge(at.cell_step, s.vhosts + s.handlers);
        end = places[10] + at.cell_step * 4 * s.processes + (s.board_image + 63) / 64 * 64;
        ck_assert_uint_eq((size_t)(end - base), segment_size(&s));
        ck_assert_ptr_eq(at.vhost + s.vhosts + 1, at.handler);
    }
}
END_TEST

START_TEST(texts_are_cut_to_their_field_and_end)
{
    char text[300];
    segment_view_t *view;
    segment_vhost_t vhost;

    start();
    view = segment_view(&segment);
    for (size_t len = 0; len < sizeof(text); len++) {
        memset(text, 'x', sizeof(text));
        text[len] = '\0';
        segment_set_text(segment.vhost[0].name, text);
        ck_assert(segment_is_text(segment.vhost[0].name, text));
        segment_get_vhost(view, 0, &vhost);
        ck_assert_uint_eq(strlen(vhost.name),
                          len < sizeof(vhost.name) ? len : sizeof(vhost.name) - 1);
        text[0] = 'y';
        ck_assert(len == 0 || !segment_is_text(segment.vhost[0].name, text));
    }
    segment_close(view);
    stop();
}
END_TEST

START_TEST(taking_away_stops_at_0_and_raising_never_lowers)
{
    _Atomic uint64_t n = 5;

    segment_take(&n, 3);
    ck_assert_uint_eq(segment_get(&n), 2);
    segment_take(&n, 3);
    ck_assert_uint_eq(segment_get(&n), 0);
    segment_raise(&n, 7);
    segment_raise(&n, 6);
    ck_assert_uint_eq(segment_get(&n), 7);
}
END_TEST

/* ---- virtual hosts ---- */

static unsigned rows[8];

static void update(uint64_t generation, unsigned count, const char *const *names)
{
    segment_vhosts_update(&segment, names, count, NULL, 8, generation, rows);
    ck_assert_uint_eq(segment_get(&segment.head->table_turn) % 2, 0);
}

#define UPDATE(generation, ...) \
    update((generation), sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), \
           (const char *const[]){ __VA_ARGS__ })

START_TEST(names_keep_their_record_over_restarts_in_any_order)
{
    start();
    UPDATE(1, "a:80", "b:80", "a:80");
    ck_assert_uint_eq(rows[0], rows[2]);
    ck_assert_uint_ne(rows[0], rows[1]);
    segment_add(&segment.vhost[rows[0]].responses_2xx, 10);
    segment_add(&segment.vhost[rows[1]].responses_2xx, 20);
    UPDATE(2, "c:80", "b:80", "a:80");
    ck_assert_uint_eq(segment_get(&segment.vhost[rows[2]].responses_2xx), 10);
    ck_assert_uint_eq(segment_get(&segment.vhost[rows[1]].responses_2xx), 20);
    ck_assert_uint_eq(segment_get(&segment.vhost[rows[0]].responses_2xx), 0);
    ck_assert_uint_gt(segment_get(&segment.head->table_turn), 0);
    stop();
}
END_TEST

START_TEST(what_is_beyond_the_cap_is_other)
{
    start();
    UPDATE(1, "a", "b", "c", "d", "e", "d");
    ck_assert_uint_eq(rows[3], 3);
    ck_assert_uint_eq(rows[4], 3);
    ck_assert_uint_eq(rows[5], 3);
    ck_assert(segment_is_text(segment.vhost[3].name, "other"));
    UPDATE(2, "", "c");
    ck_assert_uint_eq(rows[0], 3);
    ck_assert_uint_eq(rows[1], 2);
    stop();
}
END_TEST

START_TEST(a_name_that_is_gone_gives_its_record_to_a_new_one_only_when_no_process_can_write_to_it)
{
    segment_self_t old;

    start();
    UPDATE(1, "a", "b", "c");
    old = segment_process_claim(&segment, 100);
    segment_set(&old.record->config_generation, 1);
    segment_add(&segment.vhost[1].responses_5xx, 7);
    segment_add(&segment.vhost[1].sent, 1000);
    histogram_record(&segment.vhost[1].total, 500);
    segment_histogram_unknown(&segment.vhost[1].queue);
    UPDATE(2, "a", "c", "d"); /* process 100 still runs with b */
    ck_assert_uint_eq(rows[2], 3);
    ck_assert_uint_eq(segment_get(&segment.vhost[1].retired), 2);
    ck_assert(segment_is_text(segment.vhost[1].name, "b"));
    segment_process_gone(&segment, 100);
    segment_set(&segment.vhost[1].in_flight, 1);
    UPDATE(3, "a", "c", "d"); /* something is still in flight there */
    ck_assert_uint_eq(rows[2], 3);
    segment_set(&segment.vhost[1].in_flight, 0);
    UPDATE(4, "a", "c", "d");
    ck_assert_uint_eq(rows[2], 1);
    ck_assert(segment_is_text(segment.vhost[1].name, "d"));
    ck_assert_uint_eq(segment_get(&segment.vhost[1].retired), 0);
    ck_assert_uint_eq(segment_get(&segment.vhost[1].responses_5xx), 0);
    ck_assert(!segment_histogram_known(&segment.vhost[1].queue));
    /* `other` has served nobody */
    ck_assert_uint_eq(segment_get(&segment.vhost[3].responses_5xx), 0);
    /* the sum over all has not changed */
    ck_assert_uint_eq(segment_get(&segment.vhost[4].responses_5xx), 7);
    ck_assert_uint_eq(segment_get(&segment.vhost[4].sent), 1000);
    ck_assert_uint_eq(segment_get(&segment.vhost[4].total.sum), 500);
    stop();
}
END_TEST

START_TEST(a_name_that_takes_anothers_place_has_a_record_at_once)
{
    static const char *const before[] = { "a", "b" }, *const after[] = { "a", "c", "d" };
    segment_self_t old;

    start();
    segment_vhosts_update(&segment, before, 2, NULL, 2, 1, rows);
    old = segment_process_claim(&segment, 100);
    segment_set(&old.record->config_generation, 1);
    segment_vhosts_update(&segment, after, 3, NULL, 2, 2, rows);
    ck_assert_uint_eq(rows[1], 2); /* b's may still be written to */
    ck_assert_uint_eq(rows[2], 3); /* two names are all that get one */
    segment_process_gone(&segment, 100);
    stop();
}
END_TEST

START_TEST(a_name_that_comes_back_finds_its_counters)
{
    start();
    UPDATE(1, "a", "b");
    segment_add(&segment.vhost[rows[1]].responses_2xx, 3);
    UPDATE(2, "a");
    UPDATE(3, "a", "b");
    ck_assert_uint_eq(segment_get(&segment.vhost[rows[1]].responses_2xx), 3);
    ck_assert_uint_eq(segment_get(&segment.vhost[rows[1]].retired), 0);
    stop();
}
END_TEST

/* ---- handlers ---- */

START_TEST(a_handler_has_one_record_and_those_without_room_share_the_last)
{
    unsigned a, b, c, more;

    start();
    a = segment_handler_row(&segment, "default-handler");
    b = segment_handler_row(&segment, "cgi-script");
    c = segment_handler_row(&segment, "a handler whose name does not fit into its field");
    more = segment_handler_row(&segment, "one-too-many");
    ck_assert(a != b && b != c && a != c && a < 3 && b < 3 && c < 3);
    ck_assert_uint_eq(more, 3);
    ck_assert_uint_eq(segment_handler_row(&segment, "default-handler"), a);
    ck_assert_uint_eq(segment_handler_row(&segment, "cgi-script"), b);
    ck_assert_uint_eq(segment_handler_row(&segment,
                                          "a handler whose name does not fit into its field"),
                      c);
    ck_assert_uint_eq(segment_handler_row(&segment, "one-too-many"), 3);
    ck_assert(segment_is_text(segment.handler[3].name, "other"));
    stop();
}
END_TEST

START_TEST(what_a_worker_runs_is_noted_and_never_outside_of_its_record)
{
    start();
    segment_worker_runs(&segment, 5, 2);
    ck_assert_uint_eq(segment_get(&segment.worker[5].handler), 3);
    segment_worker_runs(&segment, 5, 0);
    ck_assert_uint_eq(segment_get(&segment.worker[5].handler), 1);
    ck_assert(!segment_worker_is_tunnel(&segment, 5));
    segment_worker_tunnels(&segment, 5);
    ck_assert(segment_worker_is_tunnel(&segment, 5)
              && !segment_worker_is_tunnel(&segment, SIZE_MAX));
    segment_worker_runs(&segment, 5, 0);
    ck_assert_msg(!segment_worker_is_tunnel(&segment, 5), "the next request is none");
    for (size_t index = 6; index < SIZE_MAX / 2; index *= 3) {
        uint64_t before = segment_check(SEGMENT_CHECK_START, segment.base, segment.size);

        segment_worker_runs(&segment, index, 1);
        segment_worker_tunnels(&segment, index);
        ck_assert_uint_eq(segment_check(SEGMENT_CHECK_START, segment.base, segment.size), before);
    }
    stop();
}
END_TEST

START_TEST(a_record_whose_claimer_died_is_passed_over)
{
    start();
    for (unsigned i = 0; i < 3; i++) {
        segment_set(&segment.handler[i].state, 1);
    }
    ck_assert_uint_eq(segment_handler_row(&segment, "x"), 3);
    stop();
}
END_TEST

static void *find_handlers(void *arg)
{
    static const char *const names[] = { "one", "two", "three" };
    uintptr_t sum = 0;

    for (int i = 0; i < 3000; i++) {
        unsigned row = segment_handler_row(&segment, names[i % 3]);

        segment_add(&segment.handler[row].requests, 1);
        sum += row;
    }
    (void)arg;
    return (void *)sum;
}

START_TEST(threads_that_meet_new_handlers_at_once_lose_no_request)
{
    uint64_t sum = 0;
    pthread_t threads[4];

    start();
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, find_handlers, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < 4; i++) {
        sum += segment_get(&segment.handler[i].requests);
    }
    ck_assert_uint_eq(sum, 4 * 3000);
    stop();
}
END_TEST

/* ---- processes and what they have in flight ---- */

static bool has_process(void)
{
    for (unsigned i = 0; i < segment.shape.processes; i++) {
        if (segment_get(&segment.process[i].pid) != 0) {
            return true;
        }
    }
    return false;
}

START_TEST(each_process_has_a_record_of_its_own_as_long_as_there_are_any)
{
    segment_self_t self[5];

    start();
    ck_assert(!has_process());
    for (int i = 0; i < 5; i++) {
        self[i] = segment_process_claim(&segment, 1000 + i);
        ck_assert_int_eq(self[i].record != NULL, i < 4);
    }
    ck_assert_ptr_ne(self[0].record, self[1].record);
    ck_assert(self[1].vhost_cells >= self[0].handler_cells + shape.handlers);
    segment_request_begins(&segment, &self[4], 0); /* without a record: not counted, no harm */
    segment_handler_begins(&segment, &self[4], 0);
    segment_handler_ends(&segment, &self[4], 0, 10);
    segment_request_ends(&segment, &self[4], 0);
    ck_assert_uint_eq(segment_get(&segment.server->requests_in_flight), 0);
    ck_assert_uint_eq(segment_get(&segment.handler[0].requests), 1);
    ck_assert(segment_process_gone(&segment, 1002).known);
    ck_assert(!segment_process_gone(&segment, 1002).known);
    ck_assert_ptr_eq(segment_process_claim(&segment, 2000).record, self[2].record);
    ck_assert(has_process());
    stop();
}
END_TEST

START_TEST(gauges_go_up_and_down_and_keep_their_peak)
{
    segment_self_t self;

    start();
    self = segment_process_claim(&segment, 1);
    segment_request_begins(&segment, &self, 0);
    segment_request_begins(&segment, &self, 0);
    segment_request_begins(&segment, &self, 1);
    segment_request_ends(&segment, &self, 0);
    segment_request_begins(&segment, &self, 1);
    ck_assert_uint_eq(segment_get(&segment.server->requests_in_flight), 3);
    ck_assert_uint_eq(segment_get(&segment.server->requests_in_flight_peak), 3);
    ck_assert_uint_eq(segment_get(&self.record->requests_in_flight), 3);
    ck_assert_uint_eq(segment_get(&segment.vhost[0].in_flight), 1);
    ck_assert_uint_eq(segment_get(&segment.vhost[0].in_flight_peak), 2);
    segment_handler_begins(&segment, &self, 2);
    segment_handler_begins(&segment, &self, 2);
    segment_handler_ends(&segment, &self, 2, 100);
    segment_handler_ends(&segment, &self, 2, 50);
    ck_assert_uint_eq(segment_get(&segment.handler[2].busy), 0);
    ck_assert_uint_eq(segment_get(&segment.handler[2].busy_peak), 2);
    ck_assert_uint_eq(segment_get(&segment.handler[2].time), 150);
    ck_assert_uint_eq(segment_get(&segment.handler[2].longest), 100);
    stop();
}
END_TEST

START_TEST(a_killed_process_takes_what_it_had_in_flight_with_it_and_nothing_else)
{
    segment_self_t here;
    segment_gone_t gone;
    int ready[2];
    pid_t pid;
    char c;

    start();
    here = segment_process_claim(&segment, getpid());
    segment_request_begins(&segment, &here, 0);
    ck_assert_int_eq(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        segment_self_t self = segment_process_claim(&segment, getpid());

        segment_set(&self.record->started, 12345);
        segment_add(&self.record->connections, 9);
        for (int i = 0; i < 5; i++) {
            segment_request_begins(&segment, &self, (unsigned)(i % 2));
            segment_handler_begins(&segment, &self, 1);
        }
        segment_request_ends(&segment, &self, 0);
        if (write(ready[1], "r", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    ck_assert_uint_eq(segment_get(&segment.server->requests_in_flight), 5);
    ck_assert_uint_eq(segment_get(&segment.handler[1].busy), 5);
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    gone = segment_process_gone(&segment, pid);
    ck_assert(gone.known && !gone.left);
    ck_assert_uint_eq(gone.started, 12345);
    ck_assert_uint_eq(gone.requests, 4);
    ck_assert_uint_eq(gone.connections, 9);
    ck_assert_uint_eq(segment_get(&segment.server->requests_in_flight), 1);
    ck_assert_uint_eq(segment_get(&segment.vhost[0].in_flight), 1);
    ck_assert_uint_eq(segment_get(&segment.vhost[1].in_flight), 0);
    ck_assert_uint_eq(segment_get(&segment.handler[1].busy), 0);
    here = segment_process_claim(&segment, 77);
    ck_assert_uint_eq(segment_get(&here.record->connections), 0); /* a new one begins clean */
    ck_assert_uint_eq(segment_get(&here.record->started), 0);
    close(ready[0]);
    close(ready[1]);
    stop();
}
END_TEST

START_TEST(a_process_that_spoilt_its_cells_cannot_make_gauges_negative)
{
    segment_self_t self;

    start();
    self = segment_process_claim(&segment, 5);
    for (unsigned i = 0; i < shape.vhosts; i++) {
        atomic_store(&self.vhost_cells[i], UINT32_MAX);
    }
    atomic_store(&self.handler_cells[0], 3);
    segment_process_gone(&segment, 5);
    ck_assert_uint_eq(segment_get(&segment.server->requests_in_flight), 0);
    ck_assert_uint_eq(segment_get(&segment.vhost[0].in_flight), 0);
    ck_assert_uint_eq(segment_get(&segment.handler[0].busy), 0);
    stop();
}
END_TEST

enum { THREADS = 4, REQUESTS = 20000 };

static void *serve_many(void *arg)
{
    segment_self_t self = segment_process_claim(&segment, 500 + (pid_t)(uintptr_t)arg);

    for (unsigned i = 0; i < REQUESTS; i++) {
        segment_request_begins(&segment, &self, i % 4);
        segment_add(&segment.vhost[i % 4].responses_2xx, 1);
        segment_request_ends(&segment, &self, i % 4);
    }
    return NULL;
}

/* ---- HTTP/2 streams ---- */

START_TEST(a_stream_has_a_record_of_its_own_until_it_is_released)
{
    segment_stream_rec_t *held[3], *again;
    segment_self_t one, two;
    unsigned hint = 0, other = 77;

    start();
    one = segment_process_claim(&segment, 100);
    two = segment_process_claim(&segment, 200);
    for (int i = 0; i < 3; i++) {
        held[i] = segment_stream_claim(&segment, &one, &hint);
        ck_assert_ptr_eq(held[i], &segment.stream[i]);
        segment_stream_runs(held[i]);
    }
    /* A fourth is counted, and has no record. */
    ck_assert_ptr_null(segment_stream_claim(&segment, &one, &hint));
    ck_assert_uint_eq(segment_get(&one.record->streams_running), 4);
    ck_assert_ptr_eq(segment_stream_claim(&segment, &two, &other), &segment.stream[3]);
    ck_assert_uint_eq(other, 0);
    segment_stream_release(&segment, &one, NULL);
    segment_stream_release(&segment, &one, held[1]);
    hint = 1;
    again = segment_stream_claim(&segment, &one, &hint);
    ck_assert_ptr_eq(again, held[1]);
    ck_assert_uint_eq(hint, 1);
    ck_assert_uint_eq(segment_get(&one.record->streams_running), 3);
    ck_assert_uint_eq(segment_get(&two.record->streams_running), 1);
    stop();
}
END_TEST

START_TEST(the_records_of_a_dead_process_are_free_for_the_next_one)
{
    segment_self_t self;
    unsigned hint = 0;

    start();
    for (int life = 0; life < 3; life++) {
        self = segment_process_claim(&segment, 100);
        for (int i = 0; i < 3; i++) {
            segment_stream_rec_t *stream = segment_stream_claim(&segment, &self, &hint);

            ck_assert_ptr_nonnull(stream);
            segment_stream_runs(stream);
        }
        segment_set(&self.streams[1].state, 99 + (uint64_t)life);
        segment_set(&self.record->streams_running, 0); /* it wrote what it liked */
        segment_process_gone(&segment, 100);
        ck_assert_uint_eq(segment_get(&self.streams[1].state), SEGMENT_STREAM_FREE);
    }
    stop();
}
END_TEST

#define STREAMS_OF_THREAD 20000

static segment_self_t streaming;

static void *run_streams(void *unused)
{
    unsigned hint = (unsigned)(size_t)unused;

    for (int i = 0; i < STREAMS_OF_THREAD; i++) {
        segment_stream_rec_t *stream = segment_stream_claim(&segment, &streaming, &hint);

        if (stream != NULL) {
            segment_set(&stream->begun, (size_t)unused);
            segment_stream_runs(stream);
            ck_assert_uint_eq(segment_get(&stream->begun), (size_t)unused);
        }
        segment_stream_release(&segment, &streaming, stream);
    }
    return NULL;
}

START_TEST(no_two_threads_have_one_record)
{
    pthread_t threads[5];

    start();
    streaming = segment_process_claim(&segment, 100);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_streams, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < 5; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_uint_eq(segment_get(&streaming.record->streams_running), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(segment_get(&streaming.streams[i].state), SEGMENT_STREAM_FREE);
    }
    stop();
}
END_TEST

START_TEST(a_quick_text_reads_as_the_padded_one)
{
    segment_view_t *view;
    segment_stream_t stream;
    char text[100];

    start();
    view = segment_view(&segment);
    for (size_t len = 0; len < sizeof(text); len++) {
        memset(text, 'x', sizeof(text));
        text[len] = '\0';
        segment_set_text(segment.stream[0].request,
                         "what was there before is longer than what comes, but for the last");
        segment_put_text(segment.stream[0].request, text);
        segment_get_stream(view, 0, &stream);
        ck_assert_uint_eq(strlen(stream.request), len < 63 ? len : 63);
        ck_assert_int_eq(strncmp(stream.request, text, 63), 0);
    }
    segment_close(view);
    stop();
}
END_TEST

START_TEST(threads_count_at_once_and_nothing_is_lost)
{
    pthread_t threads[THREADS];
    uint64_t sum = 0;

    start();
    for (uintptr_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, serve_many, (void *)i), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < 4; i++) {
        sum += segment_get(&segment.vhost[i].responses_2xx);
        ck_assert_uint_eq(segment_get(&segment.vhost[i].in_flight), 0);
    }
    ck_assert_uint_eq(sum, (uint64_t)THREADS * REQUESTS);
    ck_assert_uint_eq(segment_get(&segment.server->requests_in_flight), 0);
    ck_assert_uint_le(segment_get(&segment.server->requests_in_flight_peak), THREADS);
    stop();
}
END_TEST

/* ---- events ---- */

START_TEST(the_ring_holds_the_latest_events_in_order)
{
    segment_event_t events[8];
    segment_view_t *view;

    start();
    view = segment_view(&segment);
    ck_assert_uint_eq(segment_get_events(view, events, 8), 0);
    for (uint64_t i = 1; i <= 19; i++) {
        segment_ring_put(&segment, SEGMENT_EVENT_CRASH, 1000 + i, 42, i, 2 * i, "text");
        ck_assert_uint_eq(segment_get_events(view, events, 8), i < 8 ? i : 8);
    }
    for (uint64_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(events[i].a, 12 + i);
        ck_assert_uint_eq(events[i].b, 2 * (12 + i));
        ck_assert_uint_eq(events[i].time, 1012 + i);
        ck_assert_uint_eq(events[i].kind, SEGMENT_EVENT_CRASH);
        ck_assert_uint_eq(events[i].pid, 42);
        ck_assert_str_eq(events[i].text, "text");
    }
    ck_assert_uint_eq(segment_get_events(view, events, 3), 3);
    ck_assert_uint_eq(events[0].a, 17);
    ck_assert_uint_eq(events[2].a, 19);
    ck_assert_uint_eq(segment_get_events(view, events, 0), 0);
    ck_assert_uint_eq(segment_get(&segment.server->events), 19);
    ck_assert_uint_eq(segment_get(&segment.server->events_lost), 0);
    segment_close(view);
    stop();
}
END_TEST

START_TEST(a_writer_that_died_in_the_middle_costs_its_place_and_nothing_else)
{
    segment_event_t events[8];
    segment_view_t *view;

    start();
    view = segment_view(&segment);
    segment_add(&segment.server->events, 1);
    segment_set(&segment.event[0].turn, 1); /* event 1, for ever */
    for (uint64_t i = 2; i <= 25; i++) {
        segment_ring_put(&segment, SEGMENT_EVENT_STOP, 1, 0, i, 0, "");
    }
    ck_assert_uint_eq(segment_get_events(view, events, 8), 7);
    for (uint64_t i = 0; i < 7; i++) {
        ck_assert_uint_eq(events[i].a, 18 + i);
    }
    ck_assert_uint_eq(segment_get(&segment.server->events_lost), 3); /* 9, 17 and 25 */
    segment_close(view);
    stop();
}
END_TEST

START_TEST(a_writer_overtaken_by_a_later_event_gives_up)
{
    start();
    segment_set(&segment.event[0].turn, 2 * 9);
    segment_ring_put(&segment, SEGMENT_EVENT_STOP, 1, 0, 1, 0, "");
    ck_assert_uint_eq(segment_get(&segment.server->events_lost), 1);
    ck_assert_uint_eq(segment_get(&segment.event[0].turn), 18);
    stop();
}
END_TEST

START_TEST(every_kind_of_event_has_its_words)
{
    for (unsigned kind = 1; kind < SEGMENT_EVENT_AFTER_LAST; kind++) {
        ck_assert_str_ne(segment_event_word(kind), "unknown");
        for (unsigned other = 1; other < kind; other++) {
            ck_assert_str_ne(segment_event_word(kind), segment_event_word(other));
        }
    }
    ck_assert_str_eq(segment_event_word(0), "unknown");
    ck_assert_str_eq(segment_event_text(UINT64_MAX), "unknown event");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("segment_write");

    unit_add(s, "sections", sections_do_not_overlap_are_aligned_and_fill_the_segment);
    unit_add(s, "texts", texts_are_cut_to_their_field_and_end);
    unit_add(s, "numbers", taking_away_stops_at_0_and_raising_never_lowers);
    unit_add(s, "vhosts", names_keep_their_record_over_restarts_in_any_order);
    unit_add(s, "cap", what_is_beyond_the_cap_is_other);
    unit_add(
        s, "reuse",
        a_name_that_is_gone_gives_its_record_to_a_new_one_only_when_no_process_can_write_to_it);
    unit_add(s, "return", a_name_that_comes_back_finds_its_counters);
    unit_add(s, "takes", a_name_that_takes_anothers_place_has_a_record_at_once);
    unit_add(s, "handlers", a_handler_has_one_record_and_those_without_room_share_the_last);
    unit_add(s, "worker", what_a_worker_runs_is_noted_and_never_outside_of_its_record);
    unit_add(s, "handler half", a_record_whose_claimer_died_is_passed_over);
    unit_add(s, "handler race", threads_that_meet_new_handlers_at_once_lose_no_request);
    unit_add(s, "processes", each_process_has_a_record_of_its_own_as_long_as_there_are_any);
    unit_add(s, "gauges", gauges_go_up_and_down_and_keep_their_peak);
    unit_add(s, "killed", a_killed_process_takes_what_it_had_in_flight_with_it_and_nothing_else);
    unit_add(s, "spoilt", a_process_that_spoilt_its_cells_cannot_make_gauges_negative);
    unit_add(s, "threads", threads_count_at_once_and_nothing_is_lost);
    unit_add(s, "streams", a_stream_has_a_record_of_its_own_until_it_is_released);
    unit_add(s, "streams dead", the_records_of_a_dead_process_are_free_for_the_next_one);
    unit_add(s, "streams race", no_two_threads_have_one_record);
    unit_add(s, "quick text", a_quick_text_reads_as_the_padded_one);
    unit_add(s, "ring", the_ring_holds_the_latest_events_in_order);
    unit_add(s, "ring half", a_writer_that_died_in_the_middle_costs_its_place_and_nothing_else);
    unit_add(s, "ring late", a_writer_overtaken_by_a_later_event_gives_up);
    unit_add(s, "event words", every_kind_of_event_has_its_words);
    return unit_main(s);
}
