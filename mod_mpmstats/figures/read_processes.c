/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scoreboard entries are copied while their workers write them: each is evaluated from its copy.
 * There may be 100000 entries, most of them unused: of those only the status is read.
 */
#include "figures/read_processes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"
#include "apr_tables.h"
#include "base/escape.h"
#include "base/query.h"
#include "figures/kept.h"
#include "figures/metrics.h"
#include "figures/parts.h"
#include "figures/states.h"
#include "figures/sums.h"

/* A process record of the segment, and its number there. */
typedef struct {
    segment_process_t process;
    size_t number;
} recorded_t;

typedef struct {
    snapshot_t *snapshot;
    apr_pool_t *pool;
    const segment_view_t *view;
    const board_t *board;
    recorded_t *recorded; /* by pid */
    size_t recorded_count;
    apr_array_header_t *processes, *workers;
    bool hybrid; /* the MPM is mpm_hybrid: process records hold more than the scoreboard */
    bool cuts_queries;
    bool single; /* single workers are requested */
    sums_t sums;
} pass_t;

static apr_int64_t number(uint64_t value)
{
    return value > INT64_MAX ? SNAPSHOT_UNKNOWN : (apr_int64_t)value;
}

static apr_int64_t board_number(int64_t value)
{
    return value < 0 ? SNAPSHOT_UNKNOWN : value; /* BOARD_UNKNOWN is negative */
}

/* ---- process records of the segment ---- */

static int by_pid(const void *a, const void *b)
{
    uint64_t left = ((const recorded_t *)a)->process.pid,
             right = ((const recorded_t *)b)->process.pid;

    return left < right ? -1 : left > right;
}

static void index_recorded(pass_t *pass)
{
    apr_array_header_t *used = apr_array_make(pass->pool, 32, sizeof(recorded_t));
    recorded_t record = { .number = 0 };

    for (; segment_get_process(pass->view, record.number, &record.process); record.number++) {
        if (record.process.pid != 0 && record.process.pid <= INT32_MAX) {
            APR_ARRAY_PUSH(used, recorded_t) = record;
        }
    }
    pass->recorded = (recorded_t *)used->elts;
    pass->recorded_count = (size_t)used->nelts;
    qsort(pass->recorded, pass->recorded_count, sizeof(*pass->recorded), by_pid);
}

static const recorded_t *recorded_of(const pass_t *pass, apr_int64_t pid)
{
    recorded_t wanted;

    wanted.process.pid = (uint64_t)pid;
    return bsearch(&wanted, pass->recorded, pass->recorded_count, sizeof(wanted), by_pid);
}

/* mpm_hybrid counts connections by state; under other MPMs this module's hooks count them. */
static void take_recorded(const pass_t *pass, snapshot_process_t *process,
                          const segment_process_t *from)
{
    snapshot_connections_t *by_state = &process->connections_by_state;

    kept_take(METRICS_PROCESS, process, from, pass->pool, false);
    kept_take(METRICS_CONNECTIONS, by_state, from, pass->pool, false);
    if (pass->hybrid && metrics_any_known(METRICS_CONNECTIONS, by_state)) {
        process->connections = sums_of_connections(by_state);
    }
}

/* ---- workers ---- */

/* A terminated copy that does not end inside a character; NULL: empty. */
static const char *text_of(const char *field, size_t size, apr_pool_t *pool)
{
    size_t length = escape_field(field, size);

    return length > 0 ? apr_pstrmemdup(pool, field, length) : NULL;
}

/* mod_http2 writes its streams' requests after two numbers in brackets, with their queries. */
static const char *request_of(const pass_t *pass, const board_worker_t *entry)
{
    const char *request = text_of(entry->request, sizeof(entry->request), pass->pool);

    return request != NULL && request[0] == '[' && pass->cuts_queries
        ? query_cut(pass->pool, request)
        : request;
}

/* NULL for @a number 0: none yet. */
static const char *handler_numbered(const pass_t *pass, uint64_t number)
{
    segment_handler_t handler;

    return number != 0 && segment_get_handler(pass->view, number - 1, &handler)
            && handler.state == SEGMENT_HANDLER_USED && handler.name[0] != '\0'
        ? apr_pstrdup(pass->pool, handler.name)
        : NULL;
}

static bool get_worker(const pass_t *pass, size_t slot, size_t thread, segment_worker_t *worker)
{
    return segment_get_worker(pass->view, slot * board_threads(pass->board) + thread, worker);
}

/* The handler that the worker runs or ran last. */
static void take_running(const pass_t *pass, snapshot_worker_t *worker)
{
    segment_worker_t running;

    if (!get_worker(pass, (size_t)worker->slot, (size_t)worker->thread, &running)
        || running.handler == 0) {
        return;
    }
    worker->tunnel = running.tunnel == 1;
    worker->handler = handler_numbered(pass, running.handler);
}

/* The client and request served now or last. */
static void read_service(const pass_t *pass, snapshot_worker_t *worker, const board_worker_t *entry,
                         bool dated)
{
    apr_int64_t now = pass->snapshot->server.now_us;

    worker->requests = board_number(entry->my_access_count);
    worker->bytes = board_number(entry->my_bytes_served);
    worker->client = text_of(entry->client64, sizeof(entry->client64), pass->pool);
    worker->vhost = text_of(entry->vhost, sizeof(entry->vhost), pass->pool);
    worker->protocol = text_of(entry->protocol, sizeof(entry->protocol), pass->pool);
    worker->request = request_of(pass, entry);
    if (dated && entry->last_used > 0) {
        worker->since_us = now > entry->last_used ? now - entry->last_used : 0;
    }
    if (entry->start_time > 0 && entry->stop_time >= entry->start_time) {
        worker->last_duration_us = entry->stop_time - entry->start_time;
    }
    take_running(pass, worker);
}

static const state_t *state_at(const pass_t *pass, size_t slot, size_t thread)
{
    return state_of_status(board_worker_status(pass->board, slot, thread));
}

static const state_t *read_worker(pass_t *pass, const snapshot_process_t *process, size_t thread)
{
    size_t slot = (size_t)process->slot;
    const state_t *state = state_at(pass, slot, thread);
    snapshot_worker_t *worker;
    board_worker_t entry;
    bool named;

    if (state->role == SUMS_NONE || !pass->single) {
        return state;
    }
    board_get_worker(pass->board, slot, thread, &entry);
    state = state_of_status(entry.status);
    if (state->role == SUMS_NONE) {
        return state;
    }
    /* The entry has a pid only under MPMs whose slots can have two processes. */
    named = entry.pid > 0;
    worker = apr_array_push(pass->workers);
    metrics_clear(METRICS_WORKER, worker);
    worker->slot = process->slot;
    worker->thread = (apr_int64_t)thread;
    worker->pid = named ? entry.pid : process->pid;
    worker->generation = named ? board_number(entry.generation) : process->generation;
    worker->state = state->letter;
    worker->state_name = state->name;
    if (pass->snapshot->server.extended_status == 1) {
        read_service(pass, worker, &entry, state->dated);
    }
    return state;
}

/* Letters of a process: ThreadsPerChild, or more if it has more workers. */
static size_t picture_length(const pass_t *pass, size_t slot)
{
    apr_int64_t configured = pass->snapshot->limits.threads_per_child;
    size_t threads = board_threads(pass->board), length = 1;

    if (configured > 0) {
        length = (size_t)configured < threads ? (size_t)configured : threads;
    }
    for (size_t thread = threads; thread > length; thread--) {
        if (state_at(pass, slot, thread - 1)->role != SUMS_NONE) {
            return thread;
        }
    }
    return length < threads ? length : threads;
}

static sums_role_e role_of(const pass_t *pass, size_t slot, size_t thread, const state_t *state)
{
    segment_worker_t worker;

    return state->role == SUMS_BUSY && get_worker(pass, slot, thread, &worker) && worker.drives == 1
        ? SUMS_DRIVING
        : state->role;
}

/* Counts the workers of a process by role and draws their letters. */
static void read_workers(pass_t *pass, snapshot_process_t *process, apr_int64_t *roles)
{
    size_t length = picture_length(pass, (size_t)process->slot);
    char *picture = apr_palloc(pass->pool, length + 1);

    process->first_worker = pass->workers->nelts;
    for (size_t thread = 0; thread < length; thread++) {
        const state_t *state = read_worker(pass, process, thread);

        picture[thread] = state->letter[0];
        roles[role_of(pass, (size_t)process->slot, thread, state)]++;
    }
    picture[length] = '\0';
    process->scoreboard = picture;
    process->worker_count = pass->workers->nelts - process->first_worker;
    process->workers.busy = roles[SUMS_BUSY] + roles[SUMS_DRIVING];
    process->workers.idle = roles[SUMS_IDLE];
    process->workers.max = (apr_int64_t)length;
}

/* ---- processes ---- */

static snapshot_process_t *new_process(apr_array_header_t *processes, apr_int64_t pid)
{
    snapshot_process_t *process = apr_array_push(processes);

    memset(process, 0, sizeof(*process));
    metrics_clear(METRICS_PROCESS, process);
    metrics_clear(METRICS_CONNECTIONS, &process->connections_by_state);
    metrics_clear(METRICS_PROCESS_WORKERS, &process->workers);
    process->pid = pid;
    return process;
}

static bool is_other_generation(const pass_t *pass, const board_process_t *entry)
{
    return pass->snapshot->server.generation != SNAPSHOT_UNKNOWN
        && entry->generation != BOARD_UNKNOWN
        && entry->generation != pass->snapshot->server.generation;
}

/*
 * An asynchronous MPM of httpd counts connections of some states in the scoreboard. It updates
 * their total only periodically; the hooks of this module count at once, but without lingering
 * connections.
 */
static void read_connections(const pass_t *pass, snapshot_process_t *process,
                             const board_process_t *entry)
{
    snapshot_connections_t *by_state = &process->connections_by_state;
    const recorded_t *recorded = recorded_of(pass, process->pid);

    if (recorded != NULL) {
        take_recorded(pass, process, &recorded->process);
    }
    if (pass->hybrid || pass->snapshot->server.async != 1) {
        return;
    }
    by_state->keepalive = board_number(entry->keep_alive);
    by_state->write = board_number(entry->write_completion);
    by_state->linger = board_number(entry->lingering_close);
    by_state->suspended = board_number(entry->suspended);
    /* The field exists in this httpd, but the MPM may not use it. */
    if (by_state->waitio != SNAPSHOT_UNKNOWN) {
        by_state->waitio = board_number(entry->wait_io);
    }
    if (process->connections != SNAPSHOT_UNKNOWN) {
        sums_add(&process->connections, by_state->linger);
    }
    else {
        process->connections = board_number(entry->connections);
    }
}

static void read_slot(pass_t *pass, size_t slot)
{
    apr_int64_t roles[SUMS_ROLES] = { 0 };
    board_process_t entry;
    snapshot_process_t *process;

    if (board_process_pid(pass->board, slot) <= 0 || !board_get_process(pass->board, slot, &entry)
        || entry.pid <= 0) {
        return;
    }
    process = new_process(pass->processes, entry.pid);
    process->slot = (apr_int64_t)slot;
    process->generation = board_number(entry.generation);
    read_workers(pass, process, roles);
    process->state = sums_process_state(roles, entry.quiescing > 0,
                                        is_other_generation(pass, &entry), entry.not_accepting > 0);
    read_connections(pass, process, &entry);
    sums_process(&pass->sums, pass->snapshot, process, roles);
}

/* Without a scoreboard entry the workers come from the process record. */
static void take_workers(const pass_t *pass, snapshot_process_t *process,
                         const segment_process_t *from)
{
    snapshot_process_workers_t *to = &process->workers;
    apr_int64_t workers = number(from->workers);

    kept_take(METRICS_PROCESS_WORKERS, to, from, pass->pool, false);
    if (to->busy != SNAPSHOT_UNKNOWN && workers != SNAPSHOT_UNKNOWN) {
        to->idle = workers > to->busy ? workers - to->busy : 0;
    }
}

/* A process that has a record but no scoreboard entry. */
static snapshot_process_t *read_recorded(const pass_t *pass, apr_array_header_t *processes,
                                         const segment_process_t *from)
{
    snapshot_process_t *process = new_process(processes, (apr_int64_t)from->pid);

    process->state = from->quiescing == 1 ? "quiescing" : "ready";
    take_recorded(pass, process, from);
    take_workers(pass, process, from);
    return process;
}

/* Processes, without a scoreboard. */
static void read_serving(pass_t *pass)
{
    for (size_t i = 0; i < pass->recorded_count; i++) {
        apr_int64_t roles[SUMS_ROLES] = { 0 };
        snapshot_process_t *process;

        if (pass->recorded[i].process.left != 0) {
            continue;
        }
        process = read_recorded(pass, pass->processes, &pass->recorded[i].process);
        sums_add(&roles[SUMS_BUSY], process->workers.busy);
        sums_add(&roles[SUMS_IDLE], process->workers.idle);
        sums_process(&pass->sums, pass->snapshot, process, roles);
    }
}

static bool is_on_board(const pass_t *pass, const segment_process_t *from)
{
    for (int i = 0; i < pass->processes->nelts; i++) {
        if (APR_ARRAY_IDX(pass->processes, i, snapshot_process_t).pid == (apr_int64_t)from->pid) {
            return true;
        }
    }
    return false;
}

/*
 * mpm_hybrid's reception: it holds waiting connections and runs no requests; see
 * stats/record/sample.c.
 */
static bool is_lobby(const pass_t *pass, const segment_process_t *from)
{
    apr_int64_t slots = pass->snapshot->limits.slots;

    return from->left != 0 && slots != SNAPSHOT_UNKNOWN && number(from->slot) >= slots;
}

/*
 * Draining processes of old generations whose slot was reclaimed: only mpm_hybrid has them.
 */
static void read_finishing(pass_t *pass)
{
    apr_array_header_t *found = apr_array_make(pass->pool, 4, sizeof(snapshot_process_t));

    for (size_t i = 0; i < pass->recorded_count; i++) {
        const segment_process_t *from = &pass->recorded[i].process;
        snapshot_process_t *process;

        if (is_lobby(pass, from)) {
            sums_connections(pass->snapshot, read_recorded(pass, found, from));
            apr_array_pop(found);
        }
        else if (from->left == 0 && from->quiescing == 1 && !is_on_board(pass, from)) {
            process = read_recorded(pass, found, from);
            process->slot = SNAPSHOT_UNKNOWN;
            sums_connections(pass->snapshot, process);
        }
    }
    pass->snapshot->finishing = (snapshot_process_t *)found->elts;
    pass->snapshot->finishing_count = found->nelts;
    pass->snapshot->totals.processes_finishing = found->nelts;
}

static void read_board(pass_t *pass)
{
    snapshot_server_t *server = &pass->snapshot->server;
    board_global_t global;

    board_get_global(pass->board, &global);
    if (global.running_generation != BOARD_UNKNOWN) {
        server->generation = board_number(global.running_generation);
    }
    server->extended_status = board_extended(pass->board);
    for (size_t slot = 0; slot < board_processes(pass->board); slot++) {
        read_slot(pass, slot);
    }
    if (pass->hybrid) {
        read_finishing(pass);
    }
}

/* ---- HTTP/2 streams, as workers behind those of the scoreboard ---- */

static void read_stream(pass_t *pass, const snapshot_process_t *process,
                        const segment_stream_t *from, apr_int64_t thread)
{
    apr_int64_t now = pass->snapshot->server.now_us, begun = number(from->begun);
    const state_t *state = &states[STATE_WRITING];
    snapshot_worker_t *worker = apr_array_push(pass->workers);
    segment_vhost_t vhost;

    metrics_clear(METRICS_WORKER, worker);
    worker->slot = process->slot;
    worker->thread = thread;
    worker->pid = process->pid;
    worker->generation = process->generation;
    worker->state = state->letter;
    worker->state_name = state->name;
    worker->stream = 1;
    worker->tunnel = from->tunnel == 1;
    if (begun > 0) {
        worker->since_us = now > begun ? now - begun : 0;
    }
    worker->handler = handler_numbered(pass, from->handler);
    if (pass->snapshot->server.extended_status == 0) {
        return;
    }
    worker->client = text_of(from->client, sizeof(from->client), pass->pool);
    worker->request = text_of(from->request, sizeof(from->request), pass->pool);
    worker->protocol = from->tls == 1 ? "h2" : "h2c";
    if (from->vhost != 0 && segment_get_vhost(pass->view, (size_t)from->vhost - 1, &vhost)) {
        worker->vhost = text_of(vhost.name, sizeof(vhost.name), pass->pool);
    }
}

static void read_streams(pass_t *pass, const snapshot_process_t *process)
{
    size_t each = segment_streams_each(pass->view);
    apr_int64_t first = pass->board != NULL ? (apr_int64_t)board_threads(pass->board) : 0;
    const recorded_t *recorded;
    segment_stream_t stream;

    if (process->streams_running <= 0 || !pass->single) {
        return;
    }
    recorded = recorded_of(pass, process->pid);
    for (size_t i = 0; recorded != NULL && i < each; i++) {
        if (segment_get_stream(pass->view, recorded->number * each + i, &stream)
            && stream.state == SEGMENT_STREAM_RUNS) {
            read_stream(pass, process, &stream, first + (apr_int64_t)i);
        }
    }
}

static void read_all_streams(pass_t *pass)
{
    const snapshot_t *snapshot = pass->snapshot;

    for (int i = 0; i < pass->processes->nelts; i++) {
        read_streams(pass, &APR_ARRAY_IDX(pass->processes, i, snapshot_process_t));
    }
    for (int i = 0; i < snapshot->finishing_count; i++) {
        read_streams(pass, &snapshot->finishing[i]);
    }
}

void read_processes(snapshot_t *snapshot, apr_pool_t *pool, const segment_view_t *view,
                    const board_t *board, unsigned parts)
{
    pass_t pass = { .snapshot = snapshot,
                    .pool = pool,
                    .view = view,
                    .board = board,
                    .single = (parts & VIEW_WORKERS) != 0,
                    .hybrid = snapshot->server.model != NULL };
    segment_server_t server;

    segment_get_server(view, &server);
    pass.cuts_queries = server.queries_cut == 1;
    pass.processes = apr_array_make(pool, 32, sizeof(snapshot_process_t));
    pass.workers = apr_array_make(pool, 256, sizeof(snapshot_worker_t));
    sums_begin(&pass.sums, &snapshot->totals);
    index_recorded(&pass);
    if (board != NULL) {
        read_board(&pass);
    }
    else {
        read_serving(&pass);
    }
    read_all_streams(&pass);
    sums_end(&pass.sums, snapshot);
    snapshot->processes = (snapshot_process_t *)pass.processes->elts;
    snapshot->process_count = pass.processes->nelts;
    snapshot->workers = (snapshot_worker_t *)pass.workers->elts;
    snapshot->worker_count = pass.workers->nelts;
}
