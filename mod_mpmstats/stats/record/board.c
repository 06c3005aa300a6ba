/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpd puts its scoreboard into anonymous memory that nobody else can open. Where the
 * administrator has not named a file for it (ScoreBoardFile), it is put into the segment instead:
 * whoever reads that sees each worker, even when no process of the server runs any more. Where it
 * is in a file, the memory map of this process says in which, since APR makes its own name of the
 * one it was given.
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

typedef struct {
    const char *record;
    const char *name;
    size_t offset;
    size_t length;
    board_type_e type;
} line_t;

#define LINE(record, struct_t, type, field) \
    { record, #field, offsetof(struct_t, field), sizeof(((struct_t *)0)->field), \
      BOARD_TYPE_##type },

static const line_t lines[] = {
#define BOARD_GLOBAL(type, field, size) LINE("global", global_score, type, field)
#define BOARD_PROCESS(type, field, size) LINE("process", process_score, type, field)
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 136)
#define BOARD_PROCESS_NEW(type, field, size) LINE("process", process_score, type, field)
#endif
#define BOARD_WORKER(type, field, size) LINE("worker", worker_score, type, field)
#include "segment/board.def"
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

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

/* ---- saying where it is -------------------------------------------------------- */

static uintptr_t begin_of_board(void)
{
    return (uintptr_t)ap_scoreboard_image->global;
}

/* The file whose mapping has the scoreboard in it, and where there. */
static void find_file(segment_board_rec_t *board)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    uintptr_t at = begin_of_board();
    char line[512], path[256];
    uintptr_t from, to;
    uint64_t offset;

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        path[0] = '\0';
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64 " %*s %*s %255[^\n]", &from, &to,
                   &offset, path)
                >= 3
            && at >= from && at < to) {
            if (path[0] == '/' && strstr(path, " (deleted)") == NULL) {
                segment_set_text(board->path, path);
                segment_set(&board->offset, offset + (at - from));
                segment_set(&board->length, (uint64_t)ap_calc_scoreboard_size());
            }
            break;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

static void describe_place(segment_t *segment)
{
    segment_board_rec_t *board = segment->board;

    segment_set(&board->length, 0);
    segment_set_text(board->path, "");
    segment_set(&board->offset, 0);
    if ((void *)ap_scoreboard_image->global == segment->board_image) {
        segment_set(&board->length, (uint64_t)ap_calc_scoreboard_size());
    }
    else {
        find_file(board);
    }
}

static void describe_layout(segment_board_rec_t *board)
{
    segment_set(&board->server_limit, (uint64_t)mpm_answer(AP_MPMQ_HARD_LIMIT_DAEMONS, 0));
    segment_set(&board->thread_limit, (uint64_t)mpm_answer(AP_MPMQ_HARD_LIMIT_THREADS, 0));
    segment_set(&board->global_offset, 0);
    segment_set(&board->process_offset, (uintptr_t)ap_scoreboard_image->parent - begin_of_board());
    segment_set(&board->process_step, sizeof(process_score));
    segment_set(&board->worker_offset,
                (uintptr_t)ap_scoreboard_image->servers[0] - begin_of_board());
    segment_set(&board->worker_step, sizeof(worker_score));
    segment_set(&board->extended, facts_get()->details != FACTS_DETAILS_NOBODY);
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
        segment_set(&field->type, (uint64_t)lines[i].type);
    }
    describe_layout(segment->board);
    describe_place(segment);
}
