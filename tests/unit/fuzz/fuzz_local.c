/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mpmstats makes of a segment: whatever the bytes are, there is a snapshot, without a negative
 * number, and it is rendered as JSON and as metrics. The input is a segment; its size and check are
 * put right, or nothing behind them would ever be reached.
 */
#include "../segment_foreign.h"

#include "apr_general.h"
#include "figures/read.h"
#include "render/json.h"
#include "render/openmetrics.h"
#include "render/request_view.h"

#define SIZE_MOST (1 << 18)

/* An out_pass_fn that keeps the last byte. */
static apr_status_t look(void *receiver, const char *data, apr_size_t length)
{
    if (length > 0) {
        *(char *)receiver = data[length - 1];
    }
    return APR_SUCCESS;
}

static void check(const snapshot_t *snap)
{
    const apr_int64_t *totals = (const apr_int64_t *)(const void *)&snap->totals;

    for (size_t i = 0; i < sizeof(snap->totals) / sizeof(*totals); i++) {
        if (totals[i] < 0 && totals[i] != SNAPSHOT_UNKNOWN) {
            abort();
        }
    }
    for (int i = 0; i < snap->vhost_count; i++) {
        if (snap->vhosts[i].name == NULL
            || (snap->vhosts[i].requests < 0 && snap->vhosts[i].requests != SNAPSHOT_UNKNOWN)) {
            abort();
        }
    }
}

static void render(snapshot_t *snap)
{
    static out_t out;
    char last = 0;

    out_init(&out, look, &last);
    render_json(&out, snap, VIEW_ALL);
    out_finish(&out);
    out_init(&out, look, &last);
    render_openmetrics(&out, snap, VIEW_ALL, true);
    out_finish(&out);
    if (last != '\n') {
        abort();
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize() != APR_SUCCESS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    segment_failure_t failure;
    segment_board_t about;
    segment_view_t *view;
    snapshot_t *snap;
    apr_pool_t *pool;
    board_t *board;
    void *copy;

    if (size < sizeof(segment_head_t) || size > SIZE_MOST) {
        return 0;
    }
    copy = malloc(size);
    memcpy(copy, data, size);
    memcpy(copy, SEGMENT_MAGIC, 8);
    ((segment_head_t *)copy)->total_size = size;
    foreign_seal(copy, size);
    view = segment_open_bytes(copy, size, &failure);
    free(copy);
    /* not into the file system: any path could stand there */
    if (view != NULL && (!segment_get_board(view, &about) || about.path[0] == '\0')) {
        apr_pool_create(&pool, NULL);
        snap = apr_pcalloc(pool, sizeof(*snap));
        board = board_open(view, &failure);
        read_snapshot(snap, pool, view, board, VIEW_ALL | PARTS_VHOST_BUCKETS);
        board_close(board);
        check(snap);
        render(snap);
        apr_pool_destroy(pool);
    }
    segment_close(view);
    return 0;
}
