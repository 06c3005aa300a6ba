/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/board: a scoreboard of any layout is read by its description, from the segment or from a
 * file; a description that does not fit is refused. The structs stand for those of some httpd.
 */
#include "segment/board.h"
#include "segment/file.h"
#include "segment/write.h"
#include "segment_foreign.h"
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { SLOTS = 3, THREADS = 4, LEAD = 40 };

typedef struct {
    int server_limit, thread_limit;
    int running_generation;
    int64_t restart_time;
} global_record_t;

typedef struct {
    int pid, generation;
    char quiescing, not_accepting;
    uint32_t connections, keep_alive;
} process_record_t;

typedef struct {
    int pid;
    unsigned char status;
    unsigned short conn_count;
    unsigned long access_count;
    int64_t bytes_served, start_time;
    char client64[64], request[64], vhost[32], protocol[16];
} worker_record_t;

typedef struct {
    char lead[LEAD];
    global_record_t global;
    process_record_t process[SLOTS];
    worker_record_t worker[SLOTS][THREADS];
} image_t;

#define FIELD(record_name, struct_t, field, number_type) \
    { \
        record_name, #field, offsetof(struct_t, field), sizeof(((struct_t *)0)->field), \
            number_type \
    }

static const struct {
    const char *record, *name;
    size_t offset, length;
    board_type_e type;
} fields[] = {
    FIELD("global", global_record_t, server_limit, BOARD_TYPE_SIGNED),
    FIELD("global", global_record_t, restart_time, BOARD_TYPE_SIGNED),
    FIELD("process", process_record_t, pid, BOARD_TYPE_SIGNED),
    FIELD("process", process_record_t, generation, BOARD_TYPE_SIGNED),
    FIELD("process", process_record_t, quiescing, BOARD_TYPE_UNSIGNED),
    FIELD("process", process_record_t, connections, BOARD_TYPE_UNSIGNED),
    FIELD("worker", worker_record_t, pid, BOARD_TYPE_SIGNED),
    FIELD("worker", worker_record_t, status, BOARD_TYPE_UNSIGNED),
    FIELD("worker", worker_record_t, conn_count, BOARD_TYPE_UNSIGNED),
    FIELD("worker", worker_record_t, access_count, BOARD_TYPE_UNSIGNED),
    FIELD("worker", worker_record_t, bytes_served, BOARD_TYPE_SIGNED),
    FIELD("worker", worker_record_t, client64, BOARD_TYPE_TEXT),
    FIELD("worker", worker_record_t, request, BOARD_TYPE_TEXT),
    FIELD("worker", worker_record_t, vhost, BOARD_TYPE_TEXT),
    /* not as this build takes it */
    FIELD("worker", worker_record_t, protocol, BOARD_TYPE_SIGNED),
    /* reaches out of its record */
    { "worker", "start_time", sizeof(worker_record_t) - 4, 8, BOARD_TYPE_SIGNED },
    { "process", "lingering_close", 0, 3, BOARD_TYPE_UNSIGNED }, /* no width a number has */
    { "process", "shoe_size", 0, 4, BOARD_TYPE_UNSIGNED },       /* of no meaning here */
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static const segment_shape_t shape = {
    .listeners = 1,
    .processes = 1,
    .vhosts = 1,
    .handlers = 2,
    .events = 1,
    .board_fields = FIELDS + 2,
    .board_image = sizeof(image_t),
};

static segment_t segment;
static segment_view_t *view;
static segment_failure_t failure;

static void fill_image(image_t *image)
{
    memset(image, 0, sizeof(*image));
    memset(image->lead, 0xee, sizeof(image->lead));
    image->global.server_limit = SLOTS;
    image->global.restart_time = -7;
    for (int i = 0; i < SLOTS; i++) {
        image->process[i].pid = 1000 + i;
        image->process[i].generation = -1;
        image->process[i].quiescing = i == 1;
        image->process[i].connections = 4000000000u;
        for (int k = 0; k < THREADS; k++) {
            worker_record_t *w = &image->worker[i][k];

            w->pid = 1000 + i;
            w->status = (unsigned char)(i * THREADS + k);
            w->conn_count = 65535;
            w->access_count = k == 3 ? ULONG_MAX : 12;
            w->bytes_served = 1LL << 40;
            snprintf(w->client64, sizeof(w->client64), "client %d.%d", i, k);
            memset(w->request, 'r', sizeof(w->request));
            snprintf(w->vhost, sizeof(w->vhost), "host:80");
        }
    }
}

static void describe(void)
{
    segment_board_rec_t *board = segment.board;

    segment_set(&board->length, sizeof(image_t));
    segment_set(&board->server_limit, SLOTS);
    segment_set(&board->thread_limit, THREADS);
    segment_set(&board->global_offset, offsetof(image_t, global));
    segment_set(&board->process_offset, offsetof(image_t, process));
    segment_set(&board->process_step, sizeof(process_record_t));
    segment_set(&board->worker_offset, offsetof(image_t, worker));
    segment_set(&board->worker_step, sizeof(worker_record_t));
    segment_set(&board->extended, 1);
    for (int i = 0; i < FIELDS; i++) {
        segment_set_text(segment.board_field[i].record, fields[i].record);
        segment_set_text(segment.board_field[i].name, fields[i].name);
        segment_set(&segment.board_field[i].offset, fields[i].offset);
        segment_set(&segment.board_field[i].length, fields[i].length);
        segment_set(&segment.board_field[i].type, fields[i].type);
    }
}

static void start(void)
{
    segment_place_t nowhere = { NULL, 0, (gid_t)-1 };

    ck_assert_int_eq(segment_create(&segment, &shape, &nowhere, 1, &failure), SEGMENT_OK);
    fill_image(segment.board_image);
    describe();
    view = segment_view(&segment);
}

static void stop(void)
{
    segment_close(view);
    segment_unmap(&segment);
}

static void check_board(const board_t *board)
{
    board_global_t global;
    board_process_t process;
    board_worker_t worker;
    char client[32];

    ck_assert_uint_eq(board_processes(board), SLOTS);
    ck_assert_uint_eq(board_threads(board), THREADS);
    ck_assert(board_extended(board));
    ck_assert(board_get_global(board, &global));
    ck_assert_int_eq(global.server_limit, SLOTS);
    ck_assert_int_eq(global.restart_time, -7);
    ck_assert(global.running_generation == BOARD_UNKNOWN);
    for (size_t i = 0; i < SLOTS; i++) {
        ck_assert(board_get_process(board, i, &process));
        ck_assert_int_eq(process.pid, 1000 + (int)i);
        ck_assert_int_eq(board_process_pid(board, i), process.pid);
        ck_assert_int_eq(process.generation, -1);
        ck_assert_int_eq(process.quiescing, i == 1);
        ck_assert_int_eq(process.connections, 4000000000);
        ck_assert(process.keep_alive == BOARD_UNKNOWN && process.lingering_close == BOARD_UNKNOWN);
        for (size_t k = 0; k < THREADS; k++) {
            ck_assert(board_get_worker(board, i, k, &worker));
            ck_assert_int_eq(worker.status, (int)(i * THREADS + k));
            ck_assert_int_eq(board_worker_status(board, i, k), worker.status);
            ck_assert_int_eq(worker.conn_count, 65535);
            ck_assert(worker.access_count == (k == 3 ? INT64_MAX : 12));
            ck_assert(worker.bytes_served == 1LL << 40);
            snprintf(client, sizeof(client), "client %zu.%zu", i, k);
            ck_assert_str_eq(worker.client64, client);
            ck_assert_uint_eq(strlen(worker.request), sizeof(worker.request) - 1);
            ck_assert_str_eq(worker.vhost, "host:80");
            ck_assert_str_eq(worker.protocol, "");
            ck_assert(worker.start_time == BOARD_UNKNOWN);
        }
        ck_assert(!board_get_worker(board, i, THREADS, &worker));
    }
    ck_assert(!board_get_process(board, SLOTS, &process));
    ck_assert(!board_get_worker(board, SLOTS, 0, &worker));
    ck_assert(board_process_pid(board, SLOTS) == BOARD_UNKNOWN);
    ck_assert(board_worker_status(board, 0, THREADS) == BOARD_UNKNOWN);
    ck_assert(board_worker_status(board, SLOTS, 0) == BOARD_UNKNOWN);
}

START_TEST(every_worker_is_read_from_the_segment_by_the_description_of_the_fields)
{
    board_t *board;

    start();
    board = board_open(view, &failure);
    ck_assert_msg(board != NULL, "%s", failure.text);
    check_board(board);
    board_close(board);
    stop();
}
END_TEST

START_TEST(a_scoreboard_in_a_file_of_its_own_is_read_from_where_it_begins)
{
    char path[] = "/tmp/segment-test-XXXXXX";
    int fd = mkstemp(path);
    static image_t image;
    board_t *board;

    ck_assert_int_ge(fd, 0);
    start();
    memset(segment.board_image, 0, sizeof(image_t));
    fill_image(&image);
    ck_assert_int_eq(pwrite(fd, &image, sizeof(image), 4096), sizeof(image));
    segment_set_text(segment.board->path, path);
    segment_set(&segment.board->offset, 4096);
    board = board_open(view, &failure);
    ck_assert_msg(board != NULL, "%s", failure.text);
    check_board(board);
    board_close(board);
    ck_assert_int_eq(ftruncate(fd, 4096 + sizeof(image) - 1), 0);
    ck_assert_ptr_null(board_open(view, &failure));
    ck_assert_int_eq(failure.code, SEGMENT_TRUNCATED);
    unlink(path);
    ck_assert_ptr_null(board_open(view, &failure));
    ck_assert_int_eq(failure.code, SEGMENT_ABSENT);
    close(fd);
    stop();
}
END_TEST

START_TEST(a_scoreboard_that_cannot_be_read_from_outside_is_absent)
{
    start();
    segment_set(&segment.board->length, 0);
    ck_assert_ptr_null(board_open(view, &failure));
    ck_assert_int_eq(failure.code, SEGMENT_ABSENT);
    stop();
}
END_TEST

START_TEST(a_process_reads_its_own_scoreboard_wherever_readers_find_it)
{
    static image_t image;
    segment_board_field_t own[32];
    segment_board_t about;
    size_t count = 0;
    board_t *board;

    start();
    memset(segment.board_image, 0, sizeof(image_t));
    fill_image(&image);
    ck_assert(segment_get_board(view, &about));
    about.length = sizeof(image);
    segment_set(&segment.board->length, 0);
    while (count < 32 && segment_get_board_field(view, count, &own[count])) {
        count++;
    }
    segment_set(&segment.board_field[0].length, 0);
    segment_set(&segment.board->worker_step, 1);
    segment_set(&segment.board->server_limit, UINT64_MAX / 2);
    board = board_open_mapped(&image, &about, own, count, &failure);
    ck_assert_msg(board != NULL, "%s", failure.text);
    check_board(board);
    image.process[2].pid = 7;
    ck_assert_int_eq(board_process_pid(board, 2), 7);
    board_close(board);
    /* what is said of it is checked against what it is */
    about.length--;
    ck_assert_ptr_null(board_open_mapped(&image, &about, own, count, &failure));
    ck_assert_int_eq(failure.code, SEGMENT_CORRUPT);
    stop();
}
END_TEST

START_TEST(a_description_that_does_not_fit_is_refused)
{
    static const uint64_t bad[] = { sizeof(image_t) + 1, UINT64_C(1) << 32, UINT64_MAX / 2,
                                    UINT64_MAX - 1, UINT64_MAX };

    for (unsigned which = 0; which < 8; which++) {
        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            segment_board_rec_t *b;
            board_t *board;

            start();
            b = segment.board;
            _Atomic uint64_t *const numbers[] = {
                &b->length,         &b->server_limit, &b->thread_limit,  &b->global_offset,
                &b->process_offset, &b->process_step, &b->worker_offset, &b->worker_step,
            };
            segment_set(numbers[which], bad[i]);
            board = board_open(view, &failure);
            /* One byte more of length is inside of the section's padding. */
            if (board != NULL) {
                ck_assert(which == 0 && i == 0);
                check_board(board);
            }
            board_close(board);
            stop();
        }
    }
}
END_TEST

START_TEST(a_foreign_scoreboard_is_read_and_random_changes_to_it_never_crash)
{
    static foreign_t foreign;
    uint64_t seed = 8;
    unsigned opened = 0;
    board_worker_t worker;
    board_process_t process;
    board_global_t global;

    for (int round = 0; round < 20000; round++) {
        segment_view_t *v;
        board_t *board = NULL;

        if (round % 20 == 0) {
            foreign_small(&foreign);
        }
        if (round != 0) {
            size_t from = foreign.sections[4].offset;

            foreign.bytes[from + unit_random_below(&seed, (uint32_t)(foreign.size - from))] =
                (unsigned char)unit_random(&seed);
        }
        v = segment_open_bytes(foreign.bytes, foreign.size, &failure);
        ck_assert_ptr_nonnull(v);
        board = board_open(v, &failure);
        if (board != NULL) {
            size_t slots = board_processes(board), threads = board_threads(board);

            opened++;
            board_get_global(board, &global);
            for (size_t i = 0; i < slots && i < 4; i++) {
                board_get_process(board, slots - 1 - i, &process);
                board_process_pid(board, slots - 1 - i);
                for (size_t k = 0; k < threads && k < 4; k++) {
                    board_get_worker(board, slots - 1 - i, threads - 1 - k, &worker);
                    board_worker_status(board, slots - 1 - i, threads - 1 - k);
                }
            }
        }
        else {
            ck_assert_int_ne(failure.code, SEGMENT_OK);
        }
        board_close(board);
        segment_close(v);
    }
    ck_assert_uint_gt(opened, 1000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("board");

    unit_add(s, "in the segment",
             every_worker_is_read_from_the_segment_by_the_description_of_the_fields);
    unit_add(s, "in a file", a_scoreboard_in_a_file_of_its_own_is_read_from_where_it_begins);
    unit_add(s, "absent", a_scoreboard_that_cannot_be_read_from_outside_is_absent);
    unit_add(s, "mapped", a_process_reads_its_own_scoreboard_wherever_readers_find_it);
    unit_add(s, "bad description", a_description_that_does_not_fit_is_refused);
    unit_add(s, "random", a_foreign_scoreboard_is_read_and_random_changes_to_it_never_crash);
    return unit_main(s);
}
