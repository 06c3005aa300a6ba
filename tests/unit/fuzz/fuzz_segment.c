/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/segment_read and core/board: whatever the bytes are, every question has an answer within
 * them. The input is a segment; where its size and check are wrong they are put right, or nothing
 * behind them would ever be reached.
 */
#include "segment/board.h"
#include "../segment_foreign.h"

static void ask_section(const segment_view_t *view, segment_section_e s, size_t i)
{
    union {
        segment_server_t server;
        segment_listener_t listener;
        segment_process_t process;
        segment_vhost_t vhost;
        segment_handler_t handler;
        segment_event_t event;
        segment_board_t board;
        segment_board_field_t board_field;
    } any;
    histogram_counts_t counts;

    segment_get_server(view, &any.server);
    segment_get_listener(view, i, &any.listener);
    segment_get_process(view, i, &any.process);
    segment_get_handler(view, i, &any.handler);
    segment_get_event(view, i, &any.event);
    segment_get_board(view, &any.board);
    segment_get_board_field(view, i, &any.board_field);
    if (segment_get_vhost(view, i, &any.vhost)
        && strlen(any.vhost.name) >= sizeof(any.vhost.name)) {
        abort();
    }
    for (unsigned k = 0; k < segment_section(s)->field_count; k++) {
        size_t offset = segment_section(s)->fields[k].shared_offset;

        if (segment_get_counts(view, s, offset, i, &counts) && counts.count > 0
            && (histogram_quantile(&counts, 0.5) > counts.max
                || histogram_at_most(&counts, UINT64_MAX) != counts.count)) {
            abort();
        }
    }
}

static void ask_board(const segment_view_t *view)
{
    segment_failure_t failure;
    board_t *board;
    segment_board_t about;
    board_worker_t worker;
    board_process_t process;

    /* Not into the file system: any path could stand there. */
    if (segment_get_board(view, &about) && about.path[0] != '\0') {
        return;
    }
    board = board_open(view, &failure);
    for (size_t i = 0; board != NULL && board_get_process(board, i, &process) && i < 8; i++) {
        board_get_worker(board, i, board_threads(board) - 1, &worker);
        board_get_worker(board, board_processes(board) - 1 - i, 0, &worker);
    }
    board_close(board);
}

static void ask(const segment_view_t *view)
{
    segment_event_t events[4];

    for (unsigned s = 0; s < SEGMENT_S_DESCRIBED; s++) {
        size_t n = segment_records(view, s);

        ask_section(view, s, 0);
        ask_section(view, s, n - 1);
        ask_section(view, s, n);
    }
    if (segment_get_events(view, events, 4) > 4) {
        abort();
    }
    ask_board(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    segment_failure_t failure;
    segment_view_t *view = segment_open_bytes(data, size, &failure);
    void *copy;

    if (view == NULL && (failure.code == SEGMENT_OK || failure.text[0] == '\0')) {
        abort();
    }
    if (view == NULL && size >= sizeof(segment_head_t) && size < FOREIGN_BYTES) {
        copy = malloc(size);
        memcpy(copy, data, size);
        memcpy(copy, SEGMENT_MAGIC, 8);
        ((segment_head_t *)copy)->total_size = size;
        foreign_seal(copy, size);
        view = segment_open_bytes(copy, size, &failure);
        free(copy);
    }
    if (view != NULL) {
        ask(view);
    }
    segment_close(view);
    return 0;
}
