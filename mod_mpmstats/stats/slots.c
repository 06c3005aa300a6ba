/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scoreboard is written by every process while we read it, without a lock.
 * So each entry is copied once and judged from the copy, a value out of its range
 * counts as an unused entry, and no string is trusted to end.
 *
 * An entry costs some hundred bytes and there may be a hundred thousand of them,
 * nearly all unused: of those only the status and the counters are touched.
 */
#include "stats/slots.h"

#include "ap_mmn.h"
#include "apr_strings.h"
#include "apr_tables.h"
#include "base/escape.h"
#include "httpd.h"
#include "scoreboard.h"
#include "stats/hybrid.h"
#include "figures/metrics.h"
#include "stats/config.h"
#include "stats/mpm_answer.h"
#include "stats/request_line.h"
#include "figures/states.h"
#include "figures/sums.h"

typedef struct {
    state_e state;
    sums_role_e role;
    int dated; /* last_used says since when the worker is in this state */
} meaning_t;

static const meaning_t meanings[SERVER_NUM_STATUS] = {
    [SERVER_DEAD] = { STATE_OPEN, SUMS_NONE, 0 },
    [SERVER_STARTING] = { STATE_STARTING, SUMS_STARTING, 0 },
    [SERVER_READY] = { STATE_IDLE, SUMS_IDLE, 1 },
    [SERVER_BUSY_READ] = { STATE_READING, SUMS_BUSY, 0 },
    [SERVER_BUSY_WRITE] = { STATE_WRITING, SUMS_BUSY, 1 },
    [SERVER_BUSY_KEEPALIVE] = { STATE_KEEPALIVE, SUMS_BUSY, 1 },
    [SERVER_BUSY_LOG] = { STATE_LOGGING, SUMS_BUSY, 1 },
    [SERVER_BUSY_DNS] = { STATE_DNS, SUMS_BUSY, 0 },
    [SERVER_CLOSING] = { STATE_CLOSING, SUMS_BUSY, 1 },
    [SERVER_GRACEFUL] = { STATE_FINISHING, SUMS_FINISHING, 0 },
    [SERVER_IDLE_KILL] = { STATE_CLEANUP, SUMS_FINISHING, 0 },
};

/* One pass over the scoreboard. */
typedef struct {
    snapshot_t *snapshot;
    apr_pool_t *pool;
    apr_array_header_t *processes; /* of snapshot_process_t */
    apr_array_header_t *workers;   /* of snapshot_worker_t */
    int slots;                     /* entries the scoreboard has */
    int threads;                   /* entries per slot */
    int async;
    int can_waitio;
    sums_t sums;
} pass_t;

static const meaning_t *meaning_of(int status)
{
    return &meanings[status >= 0 && status < SERVER_NUM_STATUS ? status : SERVER_DEAD];
}

static int status_at(int slot, int thread)
{
    const worker_score *score = ap_get_scoreboard_worker_from_indexes(slot, thread);

    return score != NULL ? score->status : SERVER_DEAD;
}

/*
 * A copy that ends, and not amid a character; NULL for an empty one: there is nothing to show then.
 */
static const char *text_of(const char *field, apr_size_t size, apr_pool_t *pool)
{
    apr_size_t len = escape_field(field, size);

    return len > 0 ? apr_pstrmemdup(pool, field, len) : NULL;
}

/* Who was or is served: recorded only with ExtendedStatus. */
static void read_service(pass_t *pass, snapshot_worker_t *worker, const worker_score *score,
                         const meaning_t *meaning)
{
    apr_time_t now = pass->snapshot->server.now_us;
    char handler[64] = "";

    worker->requests = (apr_int64_t)score->my_access_count;
    worker->bytes = score->my_bytes_served;
    worker->client = text_of(score->client64, sizeof(score->client64), pass->pool);
    worker->vhost = text_of(score->vhost, sizeof(score->vhost), pass->pool);
    worker->protocol = text_of(score->protocol, sizeof(score->protocol), pass->pool);
    worker->request = text_of(score->request, sizeof(score->request), pass->pool);
    /* mod_http2 writes there what its streams are asked for, behind two numbers in brackets. */
    if (config_global.queries_cut && worker->request != NULL && worker->request[0] == '[') {
        worker->request = request_line_cut(pass->pool, worker->request);
    }
    if (pass->snapshot->server.model != NULL
        && hybrid_handler((int)worker->slot, (int)worker->thread, handler, sizeof(handler))) {
        worker->handler = text_of(handler, sizeof(handler), pass->pool);
    }
    if (meaning->dated && score->last_used > 0) {
        worker->since_us = now > score->last_used ? now - score->last_used : 0;
    }
    if (score->start_time > 0 && score->stop_time >= score->start_time) {
        worker->last_duration_us = score->stop_time - score->start_time;
    }
}

static const meaning_t *read_worker(pass_t *pass, const snapshot_process_t *process, int thread)
{
    snapshot_worker_t *worker;
    worker_score score;
    const meaning_t *meaning;

    ap_copy_scoreboard_worker(&score, (int)process->slot, thread);
    meaning = meaning_of(score.status);
    if (meaning->role == SUMS_NONE) {
        return meaning;
    }
    worker = apr_array_push(pass->workers);
    metrics_clear(METRICS_WORKER, worker);
    worker->slot = process->slot;
    worker->thread = thread;
    /* The entry names its process only under MPMs whose slots can have two. */
    worker->pid = score.pid > 0 ? score.pid : process->pid;
    worker->generation = score.pid > 0 ? score.generation : process->generation;
    worker->state = states[meaning->state].letter;
    worker->state_name = states[meaning->state].name;
    if (pass->snapshot->server.extended_status) {
        read_service(pass, worker, &score, meaning);
    }
    return meaning;
}

/* How many letters a process shows: as many as it may have workers, more if it has more. */
static int picture_length(const pass_t *pass, int slot)
{
    apr_int64_t configured = pass->snapshot->limits.threads_per_child;
    int length = configured == SNAPSHOT_UNKNOWN ? 1 : (int)configured;

    for (int thread = pass->threads - 1; thread >= length; thread--) {
        if (meaning_of(status_at(slot, thread))->role != SUMS_NONE) {
            return thread + 1;
        }
    }
    return length < pass->threads ? length : pass->threads;
}

/* Workers of one process by role, and their picture. */
static void read_workers(pass_t *pass, snapshot_process_t *process, apr_int64_t *roles)
{
    int length = picture_length(pass, (int)process->slot);
    char *picture = apr_palloc(pass->pool, (apr_size_t)length + 1);

    process->first_worker = pass->workers->nelts;
    for (int thread = 0; thread < length; thread++) {
        const meaning_t *meaning = read_worker(pass, process, thread);

        picture[thread] = states[meaning->state].letter[0];
        roles[meaning->role]++;
    }
    picture[length] = '\0';
    process->scoreboard = picture;
    process->worker_count = pass->workers->nelts - process->first_worker;
    process->workers.busy = roles[SUMS_BUSY];
    process->workers.idle = roles[SUMS_IDLE];
    process->workers.max = length;
}

/* An asynchronous MPM counts connections in the scoreboard, by some of the states. */
static void read_connections(const pass_t *pass, snapshot_process_t *process,
                             const process_score *score)
{
    if (hybrid_process(process)) {
        sums_add(&pass->snapshot->totals.workers_hung, process->workers_hung);
        return;
    }
    if (!pass->async) {
        return;
    }
    process->connections = score->connections;
    process->connections_by_state.keepalive = score->keep_alive;
    process->connections_by_state.write = score->write_completion;
    process->connections_by_state.linger = score->lingering_close;
    process->connections_by_state.suspended = score->suspended;
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 136)
    if (pass->can_waitio) {
        process->connections_by_state.waitio = score->wait_io;
    }
#endif
}

static void clear_process(snapshot_process_t *process)
{
    metrics_clear(METRICS_PROCESS, process);
    metrics_clear(METRICS_CONNECTIONS, &process->connections_by_state);
    metrics_clear(METRICS_PROCESS_WORKERS, &process->workers);
    process->scoreboard = NULL;
    process->first_worker = 0;
    process->worker_count = 0;
}

static void read_process(pass_t *pass, int slot)
{
    const process_score *shared = ap_get_scoreboard_process(slot);
    process_score score;
    snapshot_process_t *process;
    apr_int64_t roles[SUMS_ROLES] = { 0 };

    if (shared == NULL || shared->pid <= 0) {
        return;
    }
    score = *shared;
    process = apr_array_push(pass->processes);
    clear_process(process);
    process->slot = slot;
    process->pid = score.pid;
    process->generation = score.generation;
    read_workers(pass, process, roles);
    process->state = sums_process_state(roles, score.quiescing,
                                        score.generation != pass->snapshot->server.generation,
                                        score.not_accepting);
    read_connections(pass, process, &score);
    sums_process(&pass->sums, pass->snapshot, process, roles);
}

/* Processes mpm_hybrid keeps although they have left the scoreboard: nobody else knows any. */
static void read_finishing(pass_t *pass)
{
    snapshot_t *snapshot = pass->snapshot;
    apr_array_header_t *found = apr_array_make(pass->pool, 4, sizeof(snapshot_process_t));
    snapshot_process_t process;
    hybrid_found_e what;

    clear_process(&process);
    for (int i = 0; (what = hybrid_finishing(i, &snapshot->limits, &process)) != HYBRID_END; i++) {
        if (what == HYBRID_WAITING_ROOM) {
            sums_connections(snapshot, &process);
            clear_process(&process);
        }
        if (what == HYBRID_FOUND) {
            process.state = "quiescing";
            sums_connections(snapshot, &process);
            sums_add(&snapshot->totals.workers_hung, process.workers_hung);
            APR_ARRAY_PUSH(found, snapshot_process_t) = process;
            clear_process(&process);
        }
    }
    if (snapshot->server.model != NULL) {
        snapshot->finishing = (snapshot_process_t *)found->elts;
        snapshot->finishing_count = found->nelts;
        snapshot->totals.processes_finishing = found->nelts;
    }
}

static void clear_sums(snapshot_t *snapshot)
{
    metrics_clear(METRICS_TOTALS, &snapshot->totals);
    metrics_clear(METRICS_CONNECTIONS, &snapshot->connections);
}

void slots_read(snapshot_t *snapshot, apr_pool_t *pool)
{
    pass_t pass = { .snapshot = snapshot, .pool = pool };

    /* The MPM's word, not the shared memory's: these bound what is read. */
    pass.slots = mpm_answer_count(AP_MPMQ_HARD_LIMIT_DAEMONS);
    pass.threads = mpm_answer_count(AP_MPMQ_HARD_LIMIT_THREADS);
    pass.async = mpm_answer_count(AP_MPMQ_IS_ASYNC);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
    pass.can_waitio = mpm_answer_count(AP_MPMQ_CAN_WAITIO);
#endif
    pass.processes = apr_array_make(pool, 32, sizeof(snapshot_process_t));
    pass.workers = apr_array_make(pool, 256, sizeof(snapshot_worker_t));
    clear_sums(snapshot);
    sums_begin(&pass.sums, &snapshot->totals);
    for (int slot = 0; slot < pass.slots; slot++) {
        read_process(&pass, slot);
    }
    read_finishing(&pass);
    sums_end(&pass.sums, snapshot);
    snapshot->processes = (snapshot_process_t *)pass.processes->elts;
    snapshot->process_count = pass.processes->nelts;
    snapshot->workers = (snapshot_worker_t *)pass.workers->elts;
    snapshot->worker_count = pass.workers->nelts;
}
