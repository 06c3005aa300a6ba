/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scoreboard entries are copied while their workers write them: each is judged from its copy, and a
 * value out of its range counts as an unused entry.
 */
#include "source/local_board.h"

#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"
#include "apr_tables.h"
#include "base/escape.h"
#include "figures/metrics.h"
#include "figures/states.h"
#include "figures/sums.h"

typedef struct {
    state_e state;
    sums_role_e role;
    bool dated; /* last_used says since when the worker is in this state */
} meaning_t;

/* By httpd's numbers for a worker's status, which are part of its binary interface. */
static const meaning_t meanings[] = {
    { STATE_OPEN, SUMS_NONE, false },         { STATE_STARTING, SUMS_STARTING, false },
    { STATE_IDLE, SUMS_IDLE, true },          { STATE_READING, SUMS_BUSY, false },
    { STATE_WRITING, SUMS_BUSY, true },       { STATE_KEEPALIVE, SUMS_BUSY, true },
    { STATE_LOGGING, SUMS_BUSY, true },       { STATE_DNS, SUMS_BUSY, false },
    { STATE_CLOSING, SUMS_BUSY, true },       { STATE_FINISHING, SUMS_FINISHING, false },
    { STATE_CLEANUP, SUMS_FINISHING, false },
};
#define MEANINGS (int64_t)(sizeof(meanings) / sizeof(meanings[0]))

typedef struct {
    snapshot_t *snap;
    apr_pool_t *pool;
    const segment_view_t *view;
    const board_t *board;
    segment_process_t *recorded; /* by pid */
    size_t recorded_count;
    apr_array_header_t *processes, *workers;
    bool extended, async;
    sums_t sums;
} pass_t;

static const meaning_t *meaning_of(int64_t status)
{
    return &meanings[status >= 0 && status < MEANINGS ? status : 0];
}

static apr_int64_t number(uint64_t value)
{
    return value > INT64_MAX ? SNAPSHOT_UNKNOWN : (apr_int64_t)value;
}

static apr_int64_t board_number(int64_t value)
{
    return value < 0 ? SNAPSHOT_UNKNOWN : value; /* BOARD_UNKNOWN among them */
}

/* ---- what the segment has of a process ---- */

static int by_pid(const void *a, const void *b)
{
    uint64_t left = ((const segment_process_t *)a)->pid,
             right = ((const segment_process_t *)b)->pid;

    return left < right ? -1 : left > right;
}

static void index_recorded(pass_t *pass)
{
    size_t records = segment_records(pass->view, SEGMENT_S_PROCESS);

    pass->recorded = apr_palloc(pass->pool, (records + 1) * sizeof(*pass->recorded));
    for (size_t i = 0; i < records; i++) {
        segment_process_t *to = &pass->recorded[pass->recorded_count];

        if (segment_get_process(pass->view, i, to) && to->pid != 0 && to->pid <= INT32_MAX)
            pass->recorded_count++;
    }
    qsort(pass->recorded, pass->recorded_count, sizeof(*pass->recorded), by_pid);
}

static const segment_process_t *recorded_of(const pass_t *pass, apr_int64_t pid)
{
    segment_process_t wanted;

    wanted.pid = (uint64_t)pid;
    return bsearch(&wanted, pass->recorded, pass->recorded_count, sizeof(wanted), by_pid);
}

static void take_recorded(snapshot_process_t *process, const segment_process_t *from)
{
    snapshot_connections_t *by_state = &process->connections_by_state;

    process->connections = number(from->connections);
    process->started_us = number(from->started);
    process->workers_peak = number(from->workers_busy_peak);
    process->workers_hung = number(from->workers_hung);
    process->accepted = number(from->connections_accepted);
    process->dispatched = number(from->dispatched);
    process->promotions = number(from->promotions);
    process->shed = number(from->shed);
    process->head_bytes = number(from->head_bytes);
    process->quiet_us = number(from->quiet);
    by_state->new = number(from->conn_new);
    by_state->handshake = number(from->conn_handshake);
    by_state->head = number(from->conn_head);
    by_state->body = number(from->conn_body);
    by_state->running = number(from->conn_running);
    by_state->write = number(from->conn_write);
    by_state->keepalive = number(from->conn_keepalive);
    by_state->linger = number(from->conn_linger);
    by_state->suspended = number(from->conn_suspended);
    by_state->waitio = number(from->conn_waitio);
}

/* ---- workers ---- */

/* A copy that ends, and not amid a character; NULL for an empty one. */
static const char *text_of(const char *field, size_t size, apr_pool_t *pool)
{
    size_t length = escape_field(field, size);

    return length > 0 ? apr_pstrmemdup(pool, field, length) : NULL;
}

static void read_service(const pass_t *pass, snapshot_worker_t *worker, const board_worker_t *entry,
                         bool dated)
{
    apr_int64_t now = pass->snap->server.now_us;

    worker->requests = board_number(entry->my_access_count);
    worker->bytes = board_number(entry->my_bytes_served);
    worker->client = text_of(entry->client64, sizeof(entry->client64), pass->pool);
    worker->vhost = text_of(entry->vhost, sizeof(entry->vhost), pass->pool);
    worker->protocol = text_of(entry->protocol, sizeof(entry->protocol), pass->pool);
    worker->request = text_of(entry->request, sizeof(entry->request), pass->pool);
    if (dated && entry->last_used > 0)
        worker->since_us = now > entry->last_used ? now - entry->last_used : 0;
    if (entry->start_time > 0 && entry->stop_time >= entry->start_time)
        worker->last_duration_us = entry->stop_time - entry->start_time;
}

static const meaning_t *read_worker(pass_t *pass, const snapshot_process_t *process, size_t thread,
                                    const board_worker_t *entry)
{
    const meaning_t *meaning = meaning_of(entry->status);
    /* the entry names its process only under MPMs whose slots can have two */
    bool named = entry->pid > 0;
    snapshot_worker_t *worker;

    if (meaning->role == SUMS_NONE)
        return meaning;
    worker = apr_array_push(pass->workers);
    metrics_clear(METRICS_WORKER, worker);
    worker->slot = process->slot;
    worker->thread = (apr_int64_t)thread;
    worker->pid = named ? entry->pid : process->pid;
    worker->generation = named ? board_number(entry->generation) : process->generation;
    worker->state = states[meaning->state].letter;
    worker->state_name = states[meaning->state].name;
    if (pass->extended)
        read_service(pass, worker, entry, meaning->dated);
    return meaning;
}

/* Letters for a process: as many as it may have workers, more if it has more. */
static size_t picture_length(const pass_t *pass, size_t slot)
{
    apr_int64_t configured = pass->snap->limits.threads_per_child;
    size_t threads = board_threads(pass->board), length = 1;
    board_worker_t entry;

    if (configured > 0)
        length = (size_t)configured < threads ? (size_t)configured : threads;
    for (size_t thread = threads; thread > length; thread--) {
        if (board_get_worker(pass->board, slot, thread - 1, &entry)
            && meaning_of(entry.status)->role != SUMS_NONE)
            return thread;
    }
    return length < threads ? length : threads;
}

static void read_workers(pass_t *pass, snapshot_process_t *process, apr_int64_t *roles)
{
    size_t slot = (size_t)process->slot, length = picture_length(pass, slot);
    char *picture = apr_palloc(pass->pool, length + 1);
    board_worker_t entry;

    process->first_worker = pass->workers->nelts;
    for (size_t thread = 0; thread < length; thread++) {
        const meaning_t *meaning = meaning_of(0);

        if (board_get_worker(pass->board, slot, thread, &entry))
            meaning = read_worker(pass, process, thread, &entry);
        picture[thread] = states[meaning->state].letter[0];
        roles[meaning->role]++;
    }
    picture[length] = '\0';
    process->scoreboard = picture;
    process->worker_count = pass->workers->nelts - process->first_worker;
    process->workers.busy = roles[SUMS_BUSY];
    process->workers.idle = roles[SUMS_IDLE];
    process->workers.max = (apr_int64_t)length;
}

/* ---- processes ---- */

static snapshot_process_t *new_process(pass_t *pass, apr_int64_t pid)
{
    snapshot_process_t *process = apr_array_push(pass->processes);

    memset(process, 0, sizeof(*process));
    metrics_clear(METRICS_PROCESS, process);
    metrics_clear(METRICS_CONNECTIONS, &process->connections_by_state);
    metrics_clear(METRICS_PROCESS_WORKERS, &process->workers);
    process->pid = pid;
    return process;
}

static bool is_other_generation(const pass_t *pass, const board_process_t *entry)
{
    return pass->snap->server.generation != SNAPSHOT_UNKNOWN && entry->generation != BOARD_UNKNOWN
        && entry->generation != pass->snap->server.generation;
}

/*
 * Where the segment does not count connections, the scoreboard of an asynchronous MPM has some of
 * the states.
 */
static void read_connections(const pass_t *pass, snapshot_process_t *process,
                             const board_process_t *entry)
{
    const segment_process_t *recorded = recorded_of(pass, process->pid);

    if (recorded != NULL)
        take_recorded(process, recorded);
    if (!pass->async || process->connections_by_state.keepalive != SNAPSHOT_UNKNOWN)
        return;
    process->connections = board_number(entry->connections);
    process->connections_by_state.keepalive = board_number(entry->keep_alive);
    process->connections_by_state.write = board_number(entry->write_completion);
    process->connections_by_state.linger = board_number(entry->lingering_close);
    process->connections_by_state.suspended = board_number(entry->suspended);
    process->connections_by_state.waitio = board_number(entry->wait_io);
}

static void read_slot(pass_t *pass, size_t slot)
{
    apr_int64_t roles[SUMS_ROLES] = { 0 };
    board_process_t entry;
    snapshot_process_t *process;

    if (!board_get_process(pass->board, slot, &entry) || entry.pid <= 0)
        return;
    process = new_process(pass, entry.pid);
    process->slot = (apr_int64_t)slot;
    process->generation = board_number(entry.generation);
    read_workers(pass, process, roles);
    process->state = sums_process_state(roles, entry.quiescing > 0,
                                        is_other_generation(pass, &entry), entry.not_accepting > 0);
    read_connections(pass, process, &entry);
    sums_process(&pass->sums, pass->snap, process, roles);
}

static bool has_process(const pass_t *pass, apr_int64_t pid)
{
    for (int i = 0; i < pass->processes->nelts; i++) {
        if (APR_ARRAY_IDX(pass->processes, i, snapshot_process_t).pid == pid)
            return true;
    }
    return false;
}

/* Workers are counted by the process itself where there is no scoreboard that shows them. */
static void take_workers(snapshot_process_t *process, const segment_process_t *from)
{
    apr_int64_t workers = number(from->workers);

    process->workers.busy = number(from->workers_busy);
    if (process->workers.busy != SNAPSHOT_UNKNOWN && workers != SNAPSHOT_UNKNOWN)
        process->workers.idle = workers > process->workers.busy ? workers - process->workers.busy
                                                                : 0;
}

static void read_recorded(pass_t *pass, const segment_process_t *from)
{
    apr_int64_t roles[SUMS_ROLES] = { 0 };
    snapshot_process_t *process;

    if (from->left != 0 || has_process(pass, (apr_int64_t)from->pid))
        return;
    process = new_process(pass, (apr_int64_t)from->pid);
    process->slot = number(from->slot);
    process->generation = number(from->generation);
    process->state = from->quiescing == 1 ? "quiescing" : "ready";
    take_recorded(process, from);
    take_workers(process, from);
    roles[SUMS_BUSY] = process->workers.busy != SNAPSHOT_UNKNOWN ? process->workers.busy : 0;
    roles[SUMS_IDLE] = process->workers.idle != SNAPSHOT_UNKNOWN ? process->workers.idle : 0;
    sums_process(&pass->sums, pass->snap, process, roles);
}

/*
 * mpm_hybrid's lobby: connections that wait for a process, in one that serves nobody; see
 * record_sample.c.
 */
static bool is_lobby(const pass_t *pass, const segment_process_t *from)
{
    apr_int64_t slots = pass->snap->limits.slots;

    return from->left != 0 && slots != SNAPSHOT_UNKNOWN && number(from->slot) >= slots;
}

/*
 * Processes of old generations that finish what they have and have given their slot up: only
 * mpm_hybrid's do.
 */
static void read_finishing(pass_t *pass)
{
    apr_array_header_t *found = apr_array_make(pass->pool, 4, sizeof(snapshot_process_t));
    int on_board = pass->processes->nelts;

    for (size_t i = 0; i < pass->recorded_count; i++) {
        const segment_process_t *from = &pass->recorded[i];
        snapshot_process_t *process;

        if (is_lobby(pass, from)) {
            process = new_process(pass, (apr_int64_t)from->pid);
            take_recorded(process, from);
            sums_connections(pass->snap, process);
            continue;
        }
        if (from->left != 0 || from->quiescing != 1 || has_process(pass, (apr_int64_t)from->pid))
            continue;
        process = new_process(pass, (apr_int64_t)from->pid);
        process->generation = number(from->generation);
        process->state = "quiescing";
        take_recorded(process, from);
        take_workers(process, from);
        sums_connections(pass->snap, process);
        APR_ARRAY_PUSH(found, snapshot_process_t) = *process;
    }
    pass->processes->nelts = on_board;
    pass->snap->finishing = (snapshot_process_t *)found->elts;
    pass->snap->finishing_count = found->nelts;
    pass->snap->totals.processes_finishing = found->nelts;
}

static void finish(pass_t *pass)
{
    snapshot_t *snap = pass->snap;

    sums_end(&pass->sums, snap);
    snap->processes = (snapshot_process_t *)pass->processes->elts;
    snap->process_count = pass->processes->nelts;
    snap->workers = (snapshot_worker_t *)pass->workers->elts;
    snap->worker_count = pass->workers->nelts;
}

void local_board_read(snapshot_t *snap, apr_pool_t *pool, const segment_view_t *view,
                      const board_t *board)
{
    pass_t pass = { .snap = snap,
                    .pool = pool,
                    .view = view,
                    .board = board,
                    .extended = board != NULL && board_extended(board),
                    .async = snap->server.async == 1 };

    pass.processes = apr_array_make(pool, 32, sizeof(snapshot_process_t));
    pass.workers = apr_array_make(pool, 256, sizeof(snapshot_worker_t));
    sums_begin(&pass.sums, &snap->totals);
    index_recorded(&pass);
    for (size_t slot = 0; board != NULL && slot < board_processes(board); slot++)
        read_slot(&pass, slot);
    for (size_t i = 0; board == NULL && i < pass.recorded_count; i++)
        read_recorded(&pass, &pass.recorded[i]);
    if (board != NULL && snap->server.model != NULL)
        read_finishing(&pass);
    finish(&pass);
}
