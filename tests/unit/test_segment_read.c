/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/segment_read, segment_open: what was written is read; what another build wrote is read as
 * far as it goes; what is no segment, or a damaged one, gives an error that says so and never more.
 */
#include "segment/file.h"
#include "segment/read.h"
#include "segment/ring.h"
#include "segment_foreign.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const segment_shape_t shape = {
    .listeners = 2,
    .processes = 3,
    .vhosts = 3,
    .handlers = 3,
    .events = 8,
    .board_fields = 2,
    .board_image = 100,
    .workers = 5,
    .streams = 2,
};

static segment_t segment;
static segment_failure_t failure;
static foreign_t foreign;

static void start(void)
{
    segment_place_t nowhere = { NULL, 0, (gid_t)-1 };

    ck_assert_int_eq(segment_create(&segment, &shape, &nowhere, 1700000000000000, &failure),
                     SEGMENT_OK);
}

static void stop(void)
{
    segment_unmap(&segment);
}

static segment_view_t *of_bytes(void)
{
    segment_view_t *view = segment_open_bytes(segment.base, segment.size, &failure);

    ck_assert_msg(view != NULL, "%s", failure.text);
    return view;
}

/* ---- what was written is read ---- */

/* The value of a field says which one it is. */
static uint64_t value_for(unsigned section, size_t record, unsigned field)
{
    return 1000000 * section + 1000 * record + field + 1;
}

static void *record_of(segment_section_e section, size_t i)
{
    switch (section) {
    case SEGMENT_S_SERVER:
        return &segment.server[i];
    case SEGMENT_S_LISTENER:
        return &segment.listener[i];
    case SEGMENT_S_PROCESS:
        return &segment.process[i];
    case SEGMENT_S_VHOST:
        return &segment.vhost[i];
    case SEGMENT_S_HANDLER:
        return &segment.handler[i];
    case SEGMENT_S_EVENT:
        return &segment.event[i];
    case SEGMENT_S_BOARD:
        return &segment.board[i];
    case SEGMENT_S_WORKER:
        return &segment.worker[i];
    case SEGMENT_S_STREAM:
        return &segment.stream[i];
    default:
        return &segment.board_field[i];
    }
}

static const size_t records[SEGMENT_S_DESCRIBED] = { 1, 2, 3, 4, 3, 8, 1, 2, 5, 6 };

static void fill_field(void *record, const segment_field_t *field, uint64_t value)
{
    char *at = (char *)record + field->shared_offset, text[32];

    switch (field->store) {
    case SEGMENT_STORE_NUMBER:
        segment_set((_Atomic uint64_t *)at, value);
        break;
    case SEGMENT_STORE_TEXT:
        snprintf(text, sizeof(text), "text %llu", (unsigned long long)value);
        segment_set_words((_Atomic uint64_t *)at, field->size / 8, text);
        break;
    case SEGMENT_STORE_HISTOGRAM:
        histogram_record((histogram_t *)at, value);
        break;
    }
}

static void fill_all(void)
{
    for (unsigned s = 0; s < SEGMENT_S_DESCRIBED; s++) {
        const segment_section_t *about = segment_section(s);

        for (size_t i = 0; i < records[s]; i++) {
            for (unsigned k = 0; k < about->field_count; k++) {
                fill_field(record_of(s, i), &about->fields[k], value_for(s, i, k));
            }
        }
    }
}

typedef union {
    segment_server_t server;
    segment_listener_t listener;
    segment_process_t process;
    segment_vhost_t vhost;
    segment_handler_t handler;
    segment_event_t event;
    segment_board_t board;
    segment_board_field_t board_field;
    segment_worker_t worker;
    segment_stream_t stream;
} any_t;

static bool get_any(const segment_view_t *view, unsigned section, size_t i, any_t *any)
{
    switch (section) {
    case SEGMENT_S_SERVER:
        return segment_get_server(view, &any->server);
    case SEGMENT_S_LISTENER:
        return segment_get_listener(view, i, &any->listener);
    case SEGMENT_S_PROCESS:
        return segment_get_process(view, i, &any->process);
    case SEGMENT_S_VHOST:
        return segment_get_vhost(view, i, &any->vhost);
    case SEGMENT_S_HANDLER:
        return segment_get_handler(view, i, &any->handler);
    case SEGMENT_S_EVENT:
        segment_get_event(view, i, &any->event);
        return i < segment_records(view, SEGMENT_S_EVENT);
    case SEGMENT_S_BOARD:
        return segment_get_board(view, &any->board);
    case SEGMENT_S_WORKER:
        return segment_get_worker(view, i, &any->worker);
    case SEGMENT_S_STREAM:
        return segment_get_stream(view, i, &any->stream);
    default:
        return segment_get_board_field(view, i, &any->board_field);
    }
}

static void check_field(const segment_view_t *view, unsigned s, size_t i, unsigned k,
                        const any_t *any)
{
    const segment_field_t *field = &segment_section(s)->fields[k];
    histogram_counts_t counts;
    char text[32];

    switch (field->store) {
    case SEGMENT_STORE_NUMBER:
        ck_assert_uint_eq(segment_number_in(any, field), value_for(s, i, k));
        break;
    case SEGMENT_STORE_TEXT:
        snprintf(text, sizeof(text), "text %llu", (unsigned long long)value_for(s, i, k));
        ck_assert_str_eq(segment_text_in(any, field), text);
        break;
    case SEGMENT_STORE_HISTOGRAM:
        ck_assert(segment_get_counts(view, s, field->shared_offset, i, &counts));
        ck_assert_uint_eq(counts.count, 1);
        ck_assert_uint_eq(counts.sum, value_for(s, i, k));
        break;
    }
}

static void check_all(const segment_view_t *view)
{
    any_t any;

    for (unsigned s = 0; s < SEGMENT_S_DESCRIBED; s++) {
        ck_assert_uint_eq(segment_records(view, s), records[s]);
        for (size_t i = 0; i < records[s]; i++) {
            ck_assert(get_any(view, s, i, &any));
            for (unsigned k = 0; k < segment_section(s)->field_count; k++) {
                check_field(view, s, i, k, &any);
            }
        }
        if (s != SEGMENT_S_SERVER && s != SEGMENT_S_BOARD) {
            ck_assert(!get_any(view, s, records[s], &any));
        }
    }
}

START_TEST(every_field_written_is_read_from_bytes_and_from_the_mapping)
{
    segment_view_t *view;
    const char *image;
    size_t size;

    start();
    fill_all();
    memset(segment.board_image, 'i', 100);
    view = of_bytes();
    check_all(view);
    image = segment_board_image(view, &size);
    ck_assert_uint_ge(size, 100);
    ck_assert_int_eq(image[99], 'i');
    ck_assert(!segment_live(view));
    ck_assert_uint_eq(segment_created(view), 1700000000000000);
    segment_close(view);
    view = segment_view(&segment);
    check_all(view);
    ck_assert_ptr_eq(segment_board_image(view, &size), segment.board_image);
    ck_assert_uint_eq(size, 100);
    ck_assert(segment_live(view));
    segment_add(&segment.server->crashes, 1000000000);
    segment_server_t server;
    ck_assert(segment_get_server(view, &server));
    /* what is there now, not when it was opened */
    ck_assert_uint_gt(server.crashes, 1000000000);
    segment_close(view);
    stop();
}
END_TEST

START_TEST(what_is_not_known_is_not_0)
{
    histogram_counts_t counts;
    segment_view_t *view;
    segment_server_t server;

    start();
    segment_set(&segment.server->concurrency, SEGMENT_UNKNOWN);
    segment_histogram_unknown(&segment.vhost[0].queue);
    histogram_record(&segment.vhost[0].total, 7);
    view = of_bytes();
    segment_get_server(view, &server);
    ck_assert_uint_eq(server.concurrency, SEGMENT_UNKNOWN);
    ck_assert_uint_eq(server.server_limit, 0);
    ck_assert(!SEGMENT_COUNTS(view, vhost, VHOST, queue, 0, &counts));
    ck_assert_uint_eq(counts.count, 0);
    ck_assert(SEGMENT_COUNTS(view, vhost, VHOST, total, 0, &counts));
    ck_assert_uint_eq(counts.count, 1);
    ck_assert(SEGMENT_COUNTS(view, vhost, VHOST, queue, 1, &counts));
    ck_assert(!SEGMENT_COUNTS(view, vhost, VHOST, total, 4, &counts));
    segment_close(view);
    stop();
}
END_TEST

/* ---- another build ---- */

START_TEST(a_segment_of_another_build_is_read_as_far_as_both_know_the_same)
{
    segment_server_t server;
    segment_vhost_t vhost;
    segment_process_t process;
    segment_event_t events[8];
    histogram_counts_t counts;
    segment_view_t *view;

    foreign_small(&foreign);
    view = segment_open_bytes(foreign.bytes, foreign.size, &failure);
    ck_assert_msg(view != NULL, "%s", failure.text);
    ck_assert(segment_get_server(view, &server));
    ck_assert_uint_eq(server.pid, 4711);
    ck_assert_str_eq(server.mpm, "elastic"); /* its last byte becomes the NUL it lacks */
    ck_assert_str_eq(server.version, "");    /* a number there, a text here */
    ck_assert_uint_eq(server.generation, SEGMENT_UNKNOWN);
    ck_assert(segment_get_vhost(view, 0, &vhost));
    ck_assert_str_eq(vhost.name, "example.org:443");
    ck_assert_uint_eq(vhost.responses_2xx, 41);
    ck_assert_uint_eq(vhost.responses_3xx, SEGMENT_UNKNOWN);
    ck_assert(segment_get_vhost(view, 1, &vhost));
    ck_assert_str_eq(vhost.name, "not ended, and longer than its ");
    ck_assert(SEGMENT_COUNTS(view, vhost, VHOST, total, 0, &counts));
    ck_assert_uint_eq(counts.count, 2);
    ck_assert_uint_eq(counts.sum, 5000);
    ck_assert_uint_eq(histogram_quantile(&counts, 1), 3000);
    ck_assert(!SEGMENT_COUNTS(view, vhost, VHOST, head, 0, &counts));
    ck_assert_uint_eq(segment_records(view, SEGMENT_S_PROCESS), 0);
    ck_assert(!segment_get_process(view, 0, &process));
    ck_assert_uint_eq(process.pid, SEGMENT_UNKNOWN);
    /* one is being written, one was being copied */
    ck_assert_uint_eq(segment_get_events(view, events, 8), 2);
    ck_assert_uint_eq(events[0].turn, 4);
    ck_assert_uint_eq(events[1].turn, 10);
    segment_close(view);
}
END_TEST

/* ---- what is none, or damaged ---- */

/* Opening must fail with that code and a text, and must not crash. */
static void refused(const void *bytes, size_t size, segment_error_e code)
{
    segment_view_t *view = segment_open_bytes(bytes, size, &failure);

    ck_assert_ptr_null(view);
    ck_assert_msg(failure.code == code, "code %d: %s", failure.code, failure.text);
    ck_assert_uint_gt(strlen(failure.text), 10);
}

START_TEST(what_is_no_segment_is_told_apart)
{
    segment_head_t *head = foreign_head(&foreign);

    refused("", 0, SEGMENT_FOREIGN);
    refused("MPMSTATS", 8, SEGMENT_FOREIGN);
    foreign_small(&foreign);
    head->magic[0] = 'X';
    refused(foreign.bytes, foreign.size, SEGMENT_FOREIGN);
    foreign_small(&foreign);
    head->endian = __builtin_bswap32(SEGMENT_ENDIAN);
    refused(foreign.bytes, foreign.size, SEGMENT_BYTE_ORDER);
    foreign_small(&foreign);
    head->endian = 5;
    refused(foreign.bytes, foreign.size, SEGMENT_CORRUPT);
    foreign_small(&foreign);
    head->version = SEGMENT_VERSION + 1;
    refused(foreign.bytes, foreign.size, SEGMENT_NEWER);
}
END_TEST

START_TEST(a_segment_cut_off_anywhere_or_with_something_behind_it_is_refused)
{
    foreign_small(&foreign);
    for (size_t size = sizeof(segment_head_t); size < foreign.size; size++) {
        refused(foreign.bytes, size, SEGMENT_TRUNCATED);
    }
    for (size_t size = 0; size < sizeof(segment_head_t); size++) {
        refused(foreign.bytes, size, SEGMENT_FOREIGN);
    }
    refused(foreign.bytes, foreign.size + 1, SEGMENT_CORRUPT);
}
END_TEST

START_TEST(a_changed_bit_in_header_or_description_is_noticed)
{
    size_t end;

    foreign_small(&foreign);
    end = foreign_head(&foreign)->fields_offset
        + foreign.field_count * sizeof(segment_field_file_t);
    for (size_t at = 0; at < end; at++) {
        segment_view_t *view;

        if (at >= offsetof(segment_head_t, table_turn) && at < sizeof(segment_head_t)) {
            continue;
        }
        foreign.bytes[at] ^= 0x10;
        view = segment_open_bytes(foreign.bytes, foreign.size, &failure);
        ck_assert_msg(view == NULL, "byte %zu", at);
        foreign.bytes[at] ^= 0x10;
    }
}
END_TEST

/* Ask everything there is: under ASan an access outside ends the test. */
static void ask_everything(const segment_view_t *view)
{
    any_t any;
    segment_event_t events[4];
    histogram_counts_t counts;
    size_t size;

    for (unsigned s = 0; s < SEGMENT_S_DESCRIBED; s++) {
        size_t n = segment_records(view, s);

        for (size_t i = 0; i < n && i < 20; i++) {
            get_any(view, s, i, &any);
            get_any(view, s, n - 1 - i, &any);
            for (unsigned k = 0; k < segment_section(s)->field_count; k++) {
                segment_get_counts(view, s, segment_section(s)->fields[k].shared_offset, n - 1 - i,
                                   &counts);
            }
        }
    }
    segment_get_events(view, events, 4);
    segment_board_image(view, &size);
}

START_TEST(offsets_and_sizes_that_do_not_fit_are_refused_even_with_a_right_check)
{
    static const uint64_t bad[] = {
        1, 7, 8, 16, 1 << 20, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX - 7, UINT64_MAX
    };
    unsigned opened = 0, refusals = 0;

    foreign_small(&foreign);
    for (uint32_t s = 0; s < foreign.section_count; s++) {
        for (unsigned k = 0; k < 9 * 5; k++) {
            segment_section_file_t *section;
            segment_view_t *view;

            foreign_small(&foreign);
            section = (void *)(foreign.bytes + foreign_head(&foreign)->sections_offset
                               + s * sizeof(*section));
            switch (k / 9) {
            case 0:
                section->offset = bad[k % 9];
                break;
            case 1:
                section->record_size = bad[k % 9];
                break;
            case 2:
                section->record_count = bad[k % 9];
                break;
            case 3:
                section->first_field = (uint32_t)bad[k % 9];
                break;
            default:
                section->field_count = (uint32_t)bad[k % 9];
                break;
            }
            foreign_seal(foreign.bytes, foreign.size);
            view = segment_open_bytes(foreign.bytes, foreign.size, &failure);
            if (view != NULL) {
                ask_everything(view);
                opened++;
            }
            else {
                ck_assert_int_eq(failure.code, SEGMENT_CORRUPT);
                refusals++;
            }
            segment_close(view);
        }
    }
    ck_assert_uint_gt(opened, 0);
    ck_assert_uint_gt(refusals, opened);
}
END_TEST

START_TEST(fields_that_reach_out_of_their_record_are_refused)
{
    static const uint64_t offsets[] = { 4, 57, 64, 1 << 16, UINT64_MAX - 7 };

    for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        memset(&foreign, 0, sizeof(foreign));
        foreign_section(&foreign, "server", 64, 1);
        foreign_field(&foreign, "pid", SEGMENT_STORE_NUMBER, offsets[i], 1);
        foreign_finish(&foreign);
        refused(foreign.bytes, foreign.size, SEGMENT_CORRUPT);
    }
    memset(&foreign, 0, sizeof(foreign));
    foreign_section(&foreign, "server", 64, 1);
    foreign_field(&foreign, "mpm", SEGMENT_STORE_TEXT, 0, 0);
    foreign_finish(&foreign);
    refused(foreign.bytes, foreign.size, SEGMENT_CORRUPT);
    memset(&foreign, 0, sizeof(foreign));
    foreign_section(&foreign, "server", 64, 1);
    /* times 8 is 56 in 32 bits */
    foreign_field(&foreign, "tls_handshake", SEGMENT_STORE_HISTOGRAM, 0, 0x20000007);
    foreign_finish(&foreign);
    refused(foreign.bytes, foreign.size, SEGMENT_CORRUPT);
}
END_TEST

START_TEST(random_changes_with_a_right_check_never_crash)
{
    uint64_t seed = 42;
    unsigned opened = 0;

    for (int round = 0; round < 20000; round++) {
        segment_view_t *view;

        if (round % 50 == 0) {
            foreign_small(&foreign);
        }
        foreign.bytes[unit_random_below(&seed, (uint32_t)foreign.size)] = (unsigned char)
            unit_random(&seed);
        foreign_head(&foreign)->total_size = foreign.size;
        foreign_seal(foreign.bytes, foreign.size);
        view = segment_open_bytes(foreign.bytes, foreign.size, &failure);
        if (view != NULL) {
            ask_everything(view);
            opened++;
        }
        segment_close(view);
    }
    ck_assert_uint_gt(opened, 100);
}
END_TEST

/* ---- files ---- */

static char directory[64], path[128];

static void make_directory(void)
{
    strcpy(directory, "/tmp/segment-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/file", directory);
}

static void remove_directory(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void write_file(const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static void file_refused(segment_error_e code)
{
    segment_view_t *view = segment_open(path, &failure);

    ck_assert_ptr_null(view);
    ck_assert_msg(failure.code == code, "code %d: %s", failure.code, failure.text);
    ck_assert_msg(strstr(failure.text, path) != NULL, "the message names the file: %s",
                  failure.text);
}

START_TEST(a_file_that_is_none_gives_one_clear_line)
{
    segment_view_t *view;

    make_directory();
    file_refused(SEGMENT_ABSENT);
    write_file("", 0);
    file_refused(SEGMENT_TRUNCATED);
    write_file("hello", 5);
    file_refused(SEGMENT_FOREIGN);
    foreign_small(&foreign);
    write_file(foreign.bytes, foreign.size - 1);
    file_refused(SEGMENT_TRUNCATED);
    write_file(foreign.bytes, foreign.size + 1);
    file_refused(SEGMENT_CORRUPT);
    write_file(foreign.bytes, foreign.size);
    view = segment_open(path, &failure);
    ck_assert_ptr_nonnull(view);
    ck_assert(!segment_live(view));
    segment_close(view);
    ck_assert_int_eq(truncate(path, SEGMENT_BYTES_MAX + 8), 0);
    file_refused(SEGMENT_CORRUPT);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    file_refused(SEGMENT_NOT_FILE);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    file_refused(SEGMENT_NOT_FILE);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(symlink(path, path), 0);
    file_refused(SEGMENT_NOT_FILE);
    remove_directory();
}
END_TEST

static atomic_bool done;

/* Cuts the file off, lets it grow, restores it, as fast as it goes. */
static void *unsettle(void *arg)
{
    int fd = open(path, O_RDWR);
    uint64_t seed = 4;

    (void)arg;
    while (!atomic_load(&done)) {
        off_t size = (off_t)unit_random_below(&seed, (uint32_t)foreign.size * 2);

        if (ftruncate(fd, size) != 0 || pwrite(fd, foreign.bytes, foreign.size, 0) < 0
            || ftruncate(fd, (off_t)foreign.size) != 0) {
            break;
        }
    }
    close(fd);
    return NULL;
}

START_TEST(a_file_that_is_cut_off_and_grows_while_it_is_read_gives_an_error_or_the_whole)
{
    pthread_t thread;

    make_directory();
    foreign_small(&foreign);
    write_file(foreign.bytes, foreign.size);
    atomic_store(&done, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, unsettle, NULL), 0);
    for (int i = 0; i < 300; i++) {
        segment_view_t *view = segment_open(path, &failure);

        if (view != NULL) {
            ask_everything(view);
        }
        else {
            ck_assert_int_ne(failure.code, SEGMENT_OK);
            ck_assert_int_ne(failure.code, SEGMENT_SYSTEM);
        }
        segment_close(view);
    }
    atomic_store(&done, true);
    pthread_join(thread, NULL);
    remove_directory();
}
END_TEST

START_TEST(names_that_change_for_good_are_an_error_only_while_their_writer_lives)
{
    segment_place_t place = { path, 0600, (gid_t)-1 };
    segment_view_t *view;
    int ready[2];
    pid_t writer;
    char c;

    make_directory();
    ck_assert_int_eq(pipe(ready), 0);
    writer = fork();
    if (writer == 0) {
        if (segment_create(&segment, &shape, &place, 1, &failure) == SEGMENT_OK) {
            segment_set(&segment.head->table_turn, 3);
            if (write(ready[1], "r", 1) == 1) {
                pause();
            }
        }
        _exit(1);
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    file_refused(SEGMENT_CHANGING);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    view = segment_open(path, &failure);
    ck_assert_msg(view != NULL, "%s", failure.text);
    ck_assert(!segment_live(view));
    segment_close(view);
    close(ready[0]);
    remove_directory();
}
END_TEST

/* ---- while it is written ---- */

static void *count_on(void *arg)
{
    segment_self_t self = segment_process_claim(&segment, 100 + (pid_t)(uintptr_t)arg);
    uint64_t n = 0;

    while (!atomic_load(&done)) {
        unsigned row = (unsigned)(n % 3);

        segment_request_begins(&segment, &self, row);
        histogram_record(&segment.vhost[row].total, n % 5000);
        segment_add(&segment.vhost[row].responses_2xx, 1);
        segment_request_ends(&segment, &self, row);
        if (n % 16 == 0) {
            segment_ring_put(&segment, SEGMENT_EVENT_CRASH, n, n, n, n,
                             "the same number four times");
        }
        n++;
    }
    return NULL;
}

START_TEST(readers_of_mapping_and_file_see_whole_events_and_growing_counters_while_threads_write)
{
    segment_place_t place = { path, 0600, (gid_t)-1 };
    pthread_t threads[2];
    uint64_t last = 0, events_seen = 0;
    segment_view_t *live;

    make_directory();
    ck_assert_int_eq(segment_create(&segment, &shape, &place, 1, &failure), SEGMENT_OK);
    live = segment_view(&segment);
    atomic_store(&done, false);
    for (uintptr_t i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_on, (void *)i), 0);
    }
    for (int i = 0; i < 1000; i++) {
        segment_view_t *copy = i % 2 ? segment_open(path, &failure) : NULL;
        const segment_view_t *view = copy ? copy : live;
        segment_event_t events[8];
        segment_vhost_t vhost;
        histogram_counts_t counts;
        size_t n = segment_get_events(view, events, 8);

        for (size_t k = 0; k < n; k++) {
            ck_assert(events[k].time == events[k].a && events[k].a == events[k].b
                      && events[k].b == events[k].pid);
            ck_assert_str_eq(events[k].text, "the same number four times");
            ck_assert(k == 0 || events[k - 1].turn < events[k].turn);
        }
        events_seen += n;
        ck_assert(segment_get_vhost(view, 0, &vhost));
        ck_assert_uint_ge(vhost.responses_2xx, last);
        ck_assert_uint_le(vhost.in_flight, 2);
        last = vhost.responses_2xx;
        ck_assert(SEGMENT_COUNTS(view, vhost, VHOST, total, 0, &counts));
        segment_close(copy);
    }
    atomic_store(&done, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    ck_assert_uint_gt(events_seen, 0);
    segment_close(live);
    segment_remove(&segment);
    segment_unmap(&segment);
    remove_directory();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("segment_read");

    unit_add(s, "every field", every_field_written_is_read_from_bytes_and_from_the_mapping);
    unit_add(s, "unknown", what_is_not_known_is_not_0);
    unit_add(s, "another build", a_segment_of_another_build_is_read_as_far_as_both_know_the_same);
    unit_add(s, "no segment", what_is_no_segment_is_told_apart);
    unit_add(s, "cut off", a_segment_cut_off_anywhere_or_with_something_behind_it_is_refused);
    unit_add(s, "changed bit", a_changed_bit_in_header_or_description_is_noticed);
    unit_add(s, "offsets", offsets_and_sizes_that_do_not_fit_are_refused_even_with_a_right_check);
    unit_add(s, "fields", fields_that_reach_out_of_their_record_are_refused);
    unit_add(s, "random", random_changes_with_a_right_check_never_crash);
    unit_add(s, "files", a_file_that_is_none_gives_one_clear_line);
    unit_add(s, "unsettled",
             a_file_that_is_cut_off_and_grows_while_it_is_read_gives_an_error_or_the_whole);
    unit_add(s, "turn", names_that_change_for_good_are_an_error_only_while_their_writer_lives);
    unit_add(s, "while written",
             readers_of_mapping_and_file_see_whole_events_and_growing_counters_while_threads_write);
    return unit_main(s);
}
