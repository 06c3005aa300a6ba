/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpd's scoreboard, by the description in the segment. Both are checked once, when opened: then
 * every record lies inside, and every field inside its record.
 */
#include "segment/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "segment/file.h"

typedef enum { RECORD_GLOBAL, RECORD_PROCESS, RECORD_WORKER, RECORDS } record_e;

/* A line of board.def. */
typedef struct {
    record_e record;
    board_type_e type;
    const char *name;
    size_t keep_offset;
    size_t keep_size;
} wanted_t;

#define WANTED(record, struct_t, type, field, size) \
    { record, BOARD_TYPE_##type, #field, offsetof(struct_t, field), \
      sizeof(((struct_t *)0)->field) },

static const wanted_t wanted[] = {
#define BOARD_GLOBAL(type, field, size) WANTED(RECORD_GLOBAL, board_global_t, type, field, size)
#define BOARD_PROCESS(type, field, size) WANTED(RECORD_PROCESS, board_process_t, type, field, size)
#define BOARD_PROCESS_NEW(type, field, size) \
    WANTED(RECORD_PROCESS, board_process_t, type, field, size)
#define BOARD_WORKER(type, field, size) WANTED(RECORD_WORKER, board_worker_t, type, field, size)
#include "segment/board.def"
};
enum { WANTEDS = sizeof(wanted) / sizeof(wanted[0]) };

static const char *const record_names[RECORDS] = { "global", "process", "worker" };

/* The position of a wanted field; length 0: not described. */
typedef struct {
    size_t offset;
    size_t length;
} found_t;

struct board_t {
    const char *base;
    size_t size;
    void *owned; /* the copy of a file; NULL: the view's memory */
    segment_board_t about;
    size_t limits[RECORDS]; /* maximum size of a record of each kind */
    found_t found[WANTEDS];
    int first[RECORDS + 1]; /* index of each record's first line in board.def */
    found_t pid;            /* of a process */
    found_t status;         /* of a worker */
};

/* ---- the bytes --------------------------------------------------------------- */

static bool read_file(board_t *board, segment_failure_t *failure)
{
    const char *path = board->about.path;
    int fd = segment_open_regular(path, O_RDONLY, failure);
    char *bytes;
    size_t got = 0;
    ssize_t n = 1;

    if (fd < 0) {
        return false;
    }
    bytes = malloc((size_t)board->about.length);
    while (bytes != NULL && got < board->about.length && n > 0) {
        n = pread(fd, bytes + got, (size_t)board->about.length - got,
                  (off_t)(board->about.offset + got));
        got += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    board->owned = bytes;
    board->base = bytes;
    board->size = got;
    if (bytes == NULL || got < board->about.length) {
        segment_fail(failure, SEGMENT_TRUNCATED, 0, "%s: the scoreboard cannot be read whole",
                     path);
        return false;
    }
    return true;
}

static bool get_bytes(board_t *board, const segment_view_t *view, segment_failure_t *failure)
{
    if (board->about.length == 0 || board->about.length == SEGMENT_UNKNOWN) {
        segment_fail(failure, SEGMENT_ABSENT, 0,
                     "the server's scoreboard cannot be read from outside");
        return false;
    }
    if (board->about.length > SEGMENT_BYTES_MAX
        || board->about.offset > INT64_MAX - SEGMENT_BYTES_MAX) {
        segment_fail(failure, SEGMENT_CORRUPT, 0,
                     "the segment is damaged: its scoreboard has no possible size");
        return false;
    }
    if (board->about.path[0] != '\0') {
        return read_file(board, failure);
    }
    board->base = segment_board_image(view, &board->size);
    if (board->base == NULL || board->size < board->about.length) {
        segment_fail(failure, SEGMENT_CORRUPT, 0,
                     "the segment is damaged: its scoreboard is not in it");
        return false;
    }
    return true;
}

/* ---- the description ----------------------------------------------------------- */

static bool fits(const board_t *board, uint64_t offset, uint64_t step, uint64_t count)
{
    return offset <= board->about.length
        && (count == 0 || (step > 0 && count <= (board->about.length - offset) / step));
}

static bool check_layout(board_t *board, segment_failure_t *failure)
{
    const segment_board_t *about = &board->about;
    uint64_t workers;

    if (about->server_limit > UINT32_MAX || about->thread_limit > UINT32_MAX) {
        segment_fail(failure, SEGMENT_CORRUPT, 0,
                     "the segment is damaged: its scoreboard has no possible size");
        return false;
    }
    workers = about->server_limit * about->thread_limit;
    if (!fits(board, about->global_offset, 1, 1)
        || !fits(board, about->process_offset, about->process_step, about->server_limit)
        || !fits(board, about->worker_offset, about->worker_step, workers)) {
        segment_fail(failure, SEGMENT_CORRUPT, 0,
                     "the segment is damaged: records of its scoreboard lie outside of it");
        return false;
    }
    board->limits[RECORD_GLOBAL] = (size_t)(about->length - about->global_offset);
    board->limits[RECORD_PROCESS] = (size_t)about->process_step;
    board->limits[RECORD_WORKER] = (size_t)about->worker_step;
    return true;
}

static bool is_width(uint64_t length)
{
    return length == 1 || length == 2 || length == 4 || length == 8;
}

/* A field of a type or size that this build cannot read counts as unknown. */
static void find_field(board_t *board, const segment_board_field_t *field)
{
    for (int i = 0; i < WANTEDS; i++) {
        const wanted_t *w = &wanted[i];
        size_t limit = board->limits[w->record];

        if (strcmp(field->name, w->name) != 0
            || strcmp(field->record, record_names[w->record]) != 0) {
            continue;
        }
        if (field->length == 0 || field->length > limit || field->offset > limit - field->length
            || (field->type == BOARD_TYPE_TEXT) != (w->type == BOARD_TYPE_TEXT)
            || (field->type != BOARD_TYPE_TEXT && !is_width(field->length))) {
            return;
        }
        board->found[i].offset = (size_t)field->offset;
        board->found[i].length = (size_t)field->length;
        if (w->record == RECORD_WORKER && w->keep_offset == offsetof(board_worker_t, status)) {
            board->status = board->found[i];
        }
        if (w->record == RECORD_PROCESS && w->keep_offset == offsetof(board_process_t, pid)) {
            board->pid = board->found[i];
        }
        return;
    }
}

/* @a board is freed unless its description holds. */
static board_t *describe(board_t *board, const segment_board_field_t *fields, size_t count,
                         segment_failure_t *failure)
{
    if (!check_layout(board, failure)) {
        board_close(board);
        return NULL;
    }
    for (int i = 0; i < WANTEDS; i++) {
        board->first[wanted[i].record + 1] = i + 1;
    }
    for (size_t i = 0; i < count; i++) {
        find_field(board, &fields[i]);
    }
    return board;
}

static board_t *new_board(segment_failure_t *failure)
{
    board_t *board = calloc(1, sizeof(*board));

    memset(failure, 0, sizeof(*failure));
    if (board == NULL) {
        segment_fail(failure, SEGMENT_SYSTEM, ENOMEM, "out of memory");
    }
    return board;
}

board_t *board_open(const segment_view_t *view, segment_failure_t *failure)
{
    board_t *board = new_board(failure);
    segment_board_field_t field;

    if (board == NULL) {
        return NULL;
    }
    if (!segment_get_board(view, &board->about)) {
        board->about.length = 0;
    }
    if (!get_bytes(board, view, failure)) {
        board_close(board);
        return NULL;
    }
    board = describe(board, NULL, 0, failure);
    for (size_t i = 0; board != NULL && segment_get_board_field(view, i, &field); i++) {
        find_field(board, &field);
    }
    return board;
}

board_t *board_open_mapped(const void *mapped, const segment_board_t *about,
                           const segment_board_field_t *fields, size_t count,
                           segment_failure_t *failure)
{
    board_t *board = new_board(failure);

    if (board == NULL) {
        return NULL;
    }
    board->base = mapped;
    board->about = *about;
    board->size = (size_t)about->length;
    return describe(board, fields, count, failure);
}

void board_close(board_t *board)
{
    if (board != NULL) {
        free(board->owned);
        free(board);
    }
}

/* ---- answers ------------------------------------------------------------------- */

size_t board_processes(const board_t *board)
{
    return (size_t)board->about.server_limit;
}

size_t board_threads(const board_t *board)
{
    return (size_t)board->about.thread_limit;
}

bool board_extended(const board_t *board)
{
    return board->about.extended == 1;
}

/* A number of `length` bytes; a case for each width compiles to a single load. */
static int64_t number_at(const char *at, size_t length, board_type_e type)
{
    bool is_signed = type == BOARD_TYPE_SIGNED;
    uint64_t u8;
    uint32_t u4;
    uint16_t u2;

    switch (length) {
    case 1:
        return is_signed ? *(const int8_t *)at : *(const uint8_t *)at;
    case 2:
        memcpy(&u2, at, sizeof(u2));
        return is_signed ? (int16_t)u2 : u2;
    case 4:
        memcpy(&u4, at, sizeof(u4));
        return is_signed ? (int32_t)u4 : (int64_t)u4;
    default:
        memcpy(&u8, at, sizeof(u8));
        return is_signed || u8 <= INT64_MAX ? (int64_t)u8 : INT64_MAX;
    }
}

static void get_text(const char *at, const found_t *found, char *keep, size_t keep_size)
{
    size_t length = found->length < keep_size ? found->length : keep_size - 1;

    memcpy(keep, at + found->offset, length);
    memset(keep + length, 0, keep_size - length);
}

static void get_record(const board_t *board, record_e record, const char *at, void *to)
{
    for (int i = board->first[record]; i < board->first[record + 1]; i++) {
        const wanted_t *w = &wanted[i];
        const found_t *found = &board->found[i];
        char *keep = (char *)to + w->keep_offset;

        if (w->type == BOARD_TYPE_TEXT) {
            get_text(at, found, keep, w->keep_size);
        }
        else {
            *(int64_t *)(void *)keep = found->length == 0
                ? BOARD_UNKNOWN
                : number_at(at + found->offset, found->length, w->type);
        }
    }
}

bool board_get_global(const board_t *board, board_global_t *global)
{
    get_record(board, RECORD_GLOBAL, board->base + board->about.global_offset, global);
    return true;
}

bool board_get_process(const board_t *board, size_t slot, board_process_t *process)
{
    if (slot >= board->about.server_limit) {
        return false;
    }
    get_record(board, RECORD_PROCESS,
               board->base + board->about.process_offset + slot * board->about.process_step,
               process);
    return true;
}

bool board_get_worker(const board_t *board, size_t slot, size_t thread, board_worker_t *worker)
{
    size_t index = slot * (size_t)board->about.thread_limit + thread;

    if (slot >= board->about.server_limit || thread >= board->about.thread_limit) {
        return false;
    }
    get_record(board, RECORD_WORKER,
               board->base + board->about.worker_offset + index * board->about.worker_step, worker);
    return true;
}

int64_t board_process_pid(const board_t *board, size_t slot)
{
    const char *process = board->base + board->about.process_offset
        + slot * board->about.process_step;

    return slot < board->about.server_limit && board->pid.length > 0
        ? number_at(process + board->pid.offset, board->pid.length, BOARD_TYPE_SIGNED)
        : BOARD_UNKNOWN;
}

int64_t board_worker_status(const board_t *board, size_t slot, size_t thread)
{
    const found_t *found = &board->status;
    size_t index = slot * (size_t)board->about.thread_limit + thread;

    if (slot >= board->about.server_limit || thread >= board->about.thread_limit
        || found->length == 0) {
        return BOARD_UNKNOWN;
    }
    return number_at(board->base + board->about.worker_offset + index * board->about.worker_step
                         + found->offset,
                     found->length, BOARD_TYPE_UNSIGNED);
}
