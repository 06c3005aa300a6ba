/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without ScoreBoardFile httpd keeps its scoreboard in anonymous memory that other programs cannot
 * open. This places it in the segment instead: readers see each worker, even after the server has
 * ended. With ScoreBoardFile the name of the file is read from this process's memory map, because
 * APR alters the given name.
 */
#include "stats/record/board.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "segment/board.h"
#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "scoreboard.h"

#include "stats/facts.h"
#include "stats/mpm_answer.h"

APLOG_USE_MODULE(mpmstats);

#define LINE(record, struct_t, type, field) \
    { record, #field, offsetof(struct_t, field), sizeof(((struct_t *)0)->field), \
      BOARD_TYPE_##type },

static const segment_board_field_t lines[] = {
#define BOARD_GLOBAL(type, field, size) LINE("global", global_score, type, field)
#define BOARD_PROCESS(type, field, size) LINE("process", process_score, type, field)
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 136)
#define BOARD_PROCESS_NEW(type, field, size) LINE("process", process_score, type, field)
#endif
#define BOARD_WORKER(type, field, size) LINE("worker", worker_score, type, field)
#include "segment/board.def"
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

/* See state_of_status(). */
_Static_assert(SERVER_DEAD == 0 && SERVER_STARTING == 1 && SERVER_READY == 2
                   && SERVER_BUSY_READ == 3 && SERVER_BUSY_WRITE == 4 && SERVER_BUSY_KEEPALIVE == 5
                   && SERVER_BUSY_LOG == 6 && SERVER_BUSY_DNS == 7 && SERVER_CLOSING == 8
                   && SERVER_GRACEFUL == 9 && SERVER_IDLE_KILL == 10 && SERVER_NUM_STATUS == 11,
               "a worker's status has other numbers in this httpd");

unsigned record_board_fields(void)
{
    return LINES;
}

size_t record_board_size(void)
{
    return ap_scoreboard_image == NULL && ap_scoreboard_fname == NULL
        ? (size_t)ap_calc_scoreboard_size()
        : 0;
}

void record_board_place(segment_t *segment)
{
    if (ap_scoreboard_image == NULL && segment->board_image != NULL
        && (size_t)ap_calc_scoreboard_size() <= segment->shape.board_image) {
        ap_init_scoreboard(segment->board_image);
    }
}

/* ---- its description ----------------------------------------------------------- */

/* The layout that the segment is given; written by record_board_describe(). */
static segment_board_t layout;

static uintptr_t begin_of_board(void)
{
    return (uintptr_t)ap_scoreboard_image->global;
}

/* Where readers find the scoreboard; length 0: nowhere. */
typedef struct {
    char path[256];
    uint64_t offset;
    uint64_t length;
} readable_t;

/* Finds the mapped file that contains the scoreboard, and the offset in it. */
static void find_file(readable_t *found)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    uintptr_t at = begin_of_board();
    char line[512];
    uintptr_t from, to;
    uint64_t offset;

    while (maps != NULL && found->length == 0 && fgets(line, sizeof(line), maps) != NULL) {
        found->path[0] = '\0';
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64 " %*s %*s %255[^\n]", &from, &to,
                   &offset, found->path)
                >= 3
            && at >= from && at < to && found->path[0] == '/'
            && strstr(found->path, " (deleted)") == NULL) {
            found->offset = offset + (at - from);
            found->length = layout.length;
        }
    }
    if (found->length == 0) {
        found->path[0] = '\0';
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

static void describe_place(segment_t *segment)
{
    segment_board_rec_t *board = segment->board;
    readable_t found = { "", 0, 0 };

    if ((void *)ap_scoreboard_image->global == segment->board_image) {
        found.length = layout.length;
    }
    else {
        find_file(&found);
    }
    segment_set_text(board->path, found.path);
    segment_set(&board->offset, found.offset);
    segment_set(&board->length, found.length);
}

static void describe_layout(segment_board_rec_t *board)
{
    layout.length = (uint64_t)ap_calc_scoreboard_size();
    layout.server_limit = (uint64_t)mpm_answer(AP_MPMQ_HARD_LIMIT_DAEMONS, 0);
    layout.thread_limit = (uint64_t)mpm_answer(AP_MPMQ_HARD_LIMIT_THREADS, 0);
    layout.global_offset = 0;
    layout.process_offset = (uintptr_t)ap_scoreboard_image->parent - begin_of_board();
    layout.process_step = sizeof(process_score);
    layout.worker_offset = (uintptr_t)ap_scoreboard_image->servers[0] - begin_of_board();
    layout.worker_step = sizeof(worker_score);
    layout.extended = facts_get()->details != FACTS_DETAILS_NOBODY;
    segment_set(&board->server_limit, layout.server_limit);
    segment_set(&board->thread_limit, layout.thread_limit);
    segment_set(&board->global_offset, layout.global_offset);
    segment_set(&board->process_offset, layout.process_offset);
    segment_set(&board->process_step, layout.process_step);
    segment_set(&board->worker_offset, layout.worker_offset);
    segment_set(&board->worker_step, layout.worker_step);
    segment_set(&board->extended, layout.extended);
}

void record_board_describe(segment_t *segment)
{
    if (!ap_exists_scoreboard_image()) {
        return;
    }
    for (unsigned i = 0; i < LINES && i < segment->shape.board_fields; i++) {
        segment_board_field_rec_t *field = &segment->board_field[i];

        segment_set_text(field->record, lines[i].record);
        segment_set_text(field->name, lines[i].name);
        segment_set(&field->offset, lines[i].offset);
        segment_set(&field->length, lines[i].length);
        segment_set(&field->type, lines[i].type);
    }
    describe_layout(segment->board);
    describe_place(segment);
}

/* By this process's own description: any child could have overwritten the one in the segment. */
board_t *record_board_open(void)
{
    segment_failure_t failure;

    return board_open_mapped(ap_scoreboard_image->global, &layout, lines, LINES, &failure);
}
