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
#include "ap_mpm.h"
#include "apr_strings.h"
#include "apr_tables.h"
#include "core/escape.h"
#include "scoreboard.h"
#include "stats/hybrid.h"
#include "stats/metrics.h"
#include "stats/states.h"

/* What a worker in some state is to the sums: each one belongs to exactly one. */
typedef enum {
    ROLE_NONE,
    ROLE_STARTING,
    ROLE_IDLE,
    ROLE_BUSY,
    ROLE_FINISHING
} role_e;

typedef struct {
    state_e state;
    role_e role;
    int dated;      /* last_used says since when the worker is in this state */
} meaning_t;

static const meaning_t meanings[SERVER_NUM_STATUS] = {
    [SERVER_DEAD] = {STATE_OPEN, ROLE_NONE, 0},
    [SERVER_STARTING] = {STATE_STARTING, ROLE_STARTING, 0},
    [SERVER_READY] = {STATE_IDLE, ROLE_IDLE, 1},
    [SERVER_BUSY_READ] = {STATE_READING, ROLE_BUSY, 0},
    [SERVER_BUSY_WRITE] = {STATE_WRITING, ROLE_BUSY, 1},
    [SERVER_BUSY_KEEPALIVE] = {STATE_KEEPALIVE, ROLE_BUSY, 1},
    [SERVER_BUSY_LOG] = {STATE_LOGGING, ROLE_BUSY, 1},
    [SERVER_BUSY_DNS] = {STATE_DNS, ROLE_BUSY, 0},
    [SERVER_CLOSING] = {STATE_CLOSING, ROLE_BUSY, 1},
    [SERVER_GRACEFUL] = {STATE_FINISHING, ROLE_FINISHING, 0},
    [SERVER_IDLE_KILL] = {STATE_CLEANUP, ROLE_FINISHING, 0},
};

/* One pass over the scoreboard. */
typedef struct {
    snapshot_t *snapshot;
    apr_pool_t *pool;
    apr_array_header_t *processes;  /* of snapshot_process_t */
    apr_array_header_t *workers;    /* of snapshot_worker_t */
    int slots;                      /* entries the scoreboard has */
    int threads;                    /* entries per slot */
    int async;
    int can_waitio;
    apr_int64_t accepting;          /* processes that are no longer starting nor going away */
    apr_int64_t full;               /* of those, at their connection limit */
    apr_int64_t serving;            /* busy workers in processes that are not going away */
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

static void count_served(pass_t *pass, int slot)
{
    snapshot_totals_t *totals = &pass->snapshot->totals;

    for (int thread = 0; thread < pass->threads; thread++) {
        const worker_score *score = ap_get_scoreboard_worker_from_indexes(slot, thread);

        if (score != NULL) {
            totals->requests += (apr_int64_t)score->access_count;
            totals->bytes += score->bytes_served;
        }
    }
}

/* A copy that ends, and not amid a character; NULL for an empty one: there is nothing to show then. */
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
    if (meaning->role == ROLE_NONE) {
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
        if (meaning_of(status_at(slot, thread))->role != ROLE_NONE) {
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
    process->workers.busy = roles[ROLE_BUSY];
    process->workers.idle = roles[ROLE_IDLE];
    process->workers.max = length;
}

static const char *process_state(const pass_t *pass, const process_score *score,
                                 const apr_int64_t *roles)
{
    apr_int64_t begun = roles[ROLE_IDLE] + roles[ROLE_BUSY] + roles[ROLE_FINISHING];

    /* The generation is written with the first worker: before that it is the predecessor's. */
    if (score->quiescing) {
        return "quiescing";
    }
    if (begun == 0) {
        return "starting";
    }
    if (score->generation != pass->snapshot->server.generation) {
        return "quiescing";
    }
    return score->not_accepting ? "not_accepting" : "ready";
}

static void add_known(apr_int64_t *sum, apr_int64_t value)
{
    if (value != SNAPSHOT_UNKNOWN) {
        *sum = (*sum == SNAPSHOT_UNKNOWN ? 0 : *sum) + value;
    }
}

/* An asynchronous MPM counts connections in the scoreboard, by some of the states. */
static void read_connections(const pass_t *pass, snapshot_process_t *process,
                             const process_score *score)
{
    if (hybrid_process(process)) {
        add_known(&pass->snapshot->totals.workers_hung, process->workers_hung);
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

static void add_connections(snapshot_t *snapshot, const snapshot_process_t *process)
{
    int count;
    const metric_t *kinds = metrics_of(METRICS_CONNECTIONS, &count);

    add_known(&snapshot->totals.connections, process->connections);
    for (int i = 0; i < count; i++) {
        add_known((apr_int64_t *)((char *)&snapshot->connections + kinds[i].offset),
                  metric_number(&kinds[i], &process->connections_by_state));
    }
}

/* Idle workers of a process that is going away are of no use to a new client. */
static void add_workers(pass_t *pass, const snapshot_process_t *process,
                        const apr_int64_t *roles)
{
    snapshot_totals_t *totals = &pass->snapshot->totals;
    int leaving = process->state[0] == 'q';

    totals->processes++;
    totals->processes_quiescing += leaving;
    totals->workers_busy += roles[ROLE_BUSY];
    totals->workers_starting += roles[ROLE_STARTING];
    totals->workers_finishing += roles[ROLE_FINISHING] + (leaving ? roles[ROLE_IDLE] : 0);
    totals->workers_idle += leaving ? 0 : roles[ROLE_IDLE];
    pass->accepting += process->state[0] == 'r' || process->state[0] == 'n';
    pass->full += process->state[0] == 'n';
    pass->serving += leaving ? 0 : roles[ROLE_BUSY];
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
    apr_int64_t roles[ROLE_FINISHING + 1] = {0};

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
    process->state = process_state(pass, &score, roles);
    read_connections(pass, process, &score);
    add_connections(pass->snapshot, process);
    add_workers(pass, process, roles);
}

/*
 * Nobody is left for the next client: every worker MaxRequestWorkers allows is
 * busy, or every process is at its connection limit and no other may be started.
 */
static int is_saturated(const pass_t *pass)
{
    apr_int64_t allowed = pass->snapshot->limits.max_request_workers;
    apr_int64_t per_process = pass->snapshot->limits.threads_per_child;

    if (allowed == SNAPSHOT_UNKNOWN) {
        return 0;
    }
    if (pass->serving >= allowed) {
        return 1;
    }
    return pass->accepting > 0 && pass->full == pass->accepting && per_process > 0
           && (pass->accepting + 1) * per_process > allowed;
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
            add_connections(snapshot, &process);
            clear_process(&process);
        }
        if (what == HYBRID_FOUND) {
            process.state = "quiescing";
            add_connections(snapshot, &process);
            add_known(&snapshot->totals.workers_hung, process.workers_hung);
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

static void limit_connections(const pass_t *pass)
{
    const snapshot_limits_t *limits = &pass->snapshot->limits;

    if (limits->connections_per_process != SNAPSHOT_UNKNOWN) {
        pass->snapshot->totals.connections_limit =
            limits->connections_per_process * pass->accepting;
    }
}

static void clear_sums(snapshot_t *snapshot)
{
    metrics_clear(METRICS_TOTALS, &snapshot->totals);
    metrics_clear(METRICS_CONNECTIONS, &snapshot->connections);
    snapshot->totals.processes = 0;
    snapshot->totals.processes_quiescing = 0;
    snapshot->totals.workers_busy = 0;
    snapshot->totals.workers_idle = 0;
    snapshot->totals.workers_starting = 0;
    snapshot->totals.workers_finishing = 0;
    if (snapshot->server.extended_status) {
        snapshot->totals.requests = 0;
        snapshot->totals.bytes = 0;
    }
}

static int mpm_answer(int question)
{
    int answer;

    return ap_mpm_query(question, &answer) == APR_SUCCESS && answer > 0 ? answer : 0;
}

void slots_read(snapshot_t *snapshot, apr_pool_t *pool)
{
    pass_t pass = {.snapshot = snapshot, .pool = pool};

    /* The MPM's word, not the shared memory's: these bound what is read. */
    pass.slots = mpm_answer(AP_MPMQ_HARD_LIMIT_DAEMONS);
    pass.threads = mpm_answer(AP_MPMQ_HARD_LIMIT_THREADS);
    pass.async = mpm_answer(AP_MPMQ_IS_ASYNC);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
    pass.can_waitio = mpm_answer(AP_MPMQ_CAN_WAITIO);
#endif
    pass.processes = apr_array_make(pool, 32, sizeof(snapshot_process_t));
    pass.workers = apr_array_make(pool, 256, sizeof(snapshot_worker_t));
    clear_sums(snapshot);
    for (int slot = 0; slot < pass.slots; slot++) {
        read_process(&pass, slot);
        if (snapshot->server.extended_status) {
            count_served(&pass, slot);
        }
    }
    read_finishing(&pass);
    limit_connections(&pass);
    snapshot->totals.saturated = is_saturated(&pass);
    snapshot->processes = (snapshot_process_t *)pass.processes->elts;
    snapshot->process_count = pass.processes->nelts;
    snapshot->workers = (snapshot_worker_t *)pass.workers->elts;
    snapshot->worker_count = pass.workers->nelts;
}
