/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/board.h
 * @brief httpd's scoreboard, read from outside: what each worker of each process is doing.
 *
 * The scoreboard's layout depends on the httpd build. The segment describes its location and the
 * offset of each field, so the scoreboard of any build can be read. Nothing in it is trusted:
 * offsets and sizes are checked, text is NUL-terminated (and may hold any other byte a client
 * sent).
 *
 * A record is copied while its worker writes it: each number is consistent by itself only.
 *
 * Ownership: a board_t borrows the view it was opened from and must not outlive it. Threads:
 * constant once open; any thread may read it. Times: microseconds since the epoch. Status: httpd's
 * SERVER_* numbers.
 */
#ifndef MPMSTATS_SEGMENT_BOARD_H
#define MPMSTATS_SEGMENT_BOARD_H

#include "segment/read.h"

/** The value of a field that this scoreboard lacks. */
#define BOARD_UNKNOWN INT64_MIN

/** How a field is stored; the numbers are those in the segment. */
typedef enum { BOARD_TYPE_UNSIGNED = 1, BOARD_TYPE_SIGNED = 2, BOARD_TYPE_TEXT = 3 } board_type_e;

#define BOARD_KEEP_UNSIGNED(field, size) int64_t field;
#define BOARD_KEEP_SIGNED(field, size) int64_t field;
#define BOARD_KEEP_TEXT(field, size) char field[size];
#define BOARD_KEEP(type, field, size) BOARD_KEEP_##type(field, size)

typedef struct {
#define BOARD_GLOBAL BOARD_KEEP
#include "segment/board.def"
} board_global_t;

typedef struct {
#define BOARD_PROCESS BOARD_KEEP
#define BOARD_PROCESS_NEW BOARD_KEEP
#include "segment/board.def"
} board_process_t;

typedef struct {
#define BOARD_WORKER BOARD_KEEP
#include "segment/board.def"
} board_worker_t;

typedef struct board_t board_t;

/**
 * Opens the scoreboard that the segment describes, inside it or in a file of its own. NULL and
 * @a failure: there is none to read.
 */
board_t *board_open(const segment_view_t *view, segment_failure_t *failure);

/**
 * Opens the scoreboard that this process has mapped at @a mapped, by its own description: @a about
 * and @a count fields. Any child could have overwritten the one in the segment.
 */
board_t *board_open_mapped(const void *mapped, const segment_board_t *about,
                           const segment_board_field_t *fields, size_t count,
                           segment_failure_t *failure);

/** May be NULL. */
void board_close(board_t *board);

/** Process slots, and workers in each. */
size_t board_processes(const board_t *board);
size_t board_threads(const board_t *board);

/** Whether it records requests, clients and counters (ExtendedStatus). */
bool board_extended(const board_t *board);

/* False if the index is out of range. */
bool board_get_global(const board_t *board, board_global_t *global);
bool board_get_process(const board_t *board, size_t slot, board_process_t *process);
bool board_get_worker(const board_t *board, size_t slot, size_t thread, board_worker_t *worker);

/* One number of a record, without copying the rest. BOARD_UNKNOWN if the index is out of range. */
int64_t board_process_pid(const board_t *board, size_t slot);
int64_t board_worker_status(const board_t *board, size_t slot, size_t thread);

#endif
