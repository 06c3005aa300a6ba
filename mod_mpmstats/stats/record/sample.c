/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller that advances `sample_clock` takes the sample; others continue without one. A sampled
 * level counts for the time since the previous sample.
 */
#include "stats/record/sample.h"

#include "http_main.h"
#include "scoreboard.h"

#include "segment/file.h"
#include "segment/ring.h"
#include "stats/hybrid.h"
#include "stats/mpm_answer.h"
#include "stats/record/child.h"
#include "stats/record/listen.h"
#include "stats/record/memory.h"
#include "stats/record/summary.h"
#include "stats/record/streams.h"

/* Microseconds without a sample of full saturation after which it has ended. */
#define QUIET_TIME UINT64_C(1000000)

/* Minimum microseconds before a sample that saturation brings forward. */
#define FULL_INTERVAL 2000

/* Longer gaps between samples are not recorded: the machine slept, or nothing ran. */
#define LONGEST_LEVEL UINT64_C(60000000)

/* ---- processes ----------------------------------------------------------------------- */

/* The last record of each slot's process; any thread writes, a stale value costs a search. */
#define HINTS 1024
static _Atomic unsigned hints[HINTS];

static segment_process_rec_t *record_of(uint64_t pid, int slot)
{
    segment_t *segment = record.segment;
    unsigned i = atomic_load_explicit(&hints[slot % HINTS], memory_order_relaxed);

    if (i < segment->shape.processes && segment_get(&segment->process[i].pid) == pid) {
        return &segment->process[i];
    }
    for (i = 0; i < segment->shape.processes; i++) {
        if (segment_get(&segment->process[i].pid) == pid) {
            atomic_store_explicit(&hints[slot % HINTS], i, memory_order_relaxed);
            return &segment->process[i];
        }
    }
    return NULL;
}

/*
 * mpm_hybrid's reception runs no module code, so the parent claims its record. It is marked as left
 * from the beginning, because the process serves no requests. It is freed like a child's, after the
 * process has ended.
 */
static segment_process_rec_t *record_for_lobby(const mpm_hybrid_process_t *lobby)
{
    segment_process_rec_t *to = segment_process_claim(record.segment, lobby->pid).record;

    if (to != NULL) {
        record_child_introduce(to, lobby->generation);
        segment_set(&to->left, (uint64_t)apr_time_now());
        segment_add(&record.segment->server->children_started, 1);
    }
    return to;
}

static bool is_lobby(const segment_process_rec_t *process)
{
    uint64_t slot = segment_get(&process->slot);

    return segment_get(&process->left) != 0 && slot != SEGMENT_UNKNOWN
        && slot >= segment_get(&record.segment->server->slots);
}

static void copy_connections_of_lobby(segment_process_rec_t *to, const mpm_hybrid_process_t *from)
{
    uint64_t connections = 0;

    for (int kind = 0; kind < MPM_HYBRID_CONN_KINDS; kind++) {
        connections += from->connections[kind];
    }
    segment_set(&to->connections, connections);
}

#define CONNECTIONS_FIGURE(name, kept, kind, unit, shorter, limit, label, help) +1
enum {
    STATES_SHOWN = 0
#include "figures/figures.def"
};
_Static_assert((int)STATES_SHOWN == MPM_HYBRID_CONN_KINDS,
               "figures.def has other states of connections");

/*
 * Microseconds since its main thread last ran, or since its start if it does not serve yet; unknown
 * in the prefork model.
 */
static uint64_t quiet_of(const mpm_hybrid_process_t *from)
{
    apr_int64_t quiet = record_clock() - from->ticked;

    if (from->ticked == 0) {
        quiet = from->workers == 0 ? apr_time_now() - from->started : -1;
        return quiet < 0 ? SEGMENT_UNKNOWN : (uint64_t)quiet;
    }
    return quiet > 0 ? (uint64_t)quiet : 0;
}

static void copy_hybrid(segment_process_rec_t *to, const mpm_hybrid_process_t *from, int slot)
{
    segment_set(&to->slot, (uint64_t)slot);
    if (from->started > 0) { /* the parent's time; until now the record has the child's */
        segment_set(&to->started, (uint64_t)from->started);
    }
    segment_set(&to->quiescing, from->quiescing != 0);
#define COPY_STATE(NAME, name) \
    segment_set(&to->conn_##name, from->connections[MPM_HYBRID_CONN_##NAME]);
    MPM_HYBRID_CONN_STATES(COPY_STATE)
    segment_set(&to->workers, from->workers);
    segment_set(&to->workers_busy, from->workers_busy);
    segment_set(&to->workers_busy_peak, from->workers_peak);
    segment_set(&to->workers_hung, from->workers_hung);
    segment_set(&to->not_accepting, from->not_accepting != 0);
    segment_set(&to->dispatched, from->requests_dispatched);
    segment_set(&to->promotions, from->promotions);
    segment_set(&to->shed, from->shed);
    segment_set(&to->head_bytes, from->head_bytes);
    segment_set(&to->quiet, quiet_of(from));
}

/*
 * mpm_hybrid counts these events where they happen, including saturations shorter than the interval
 * of samples.
 */
static void copy_events(segment_server_rec_t *to)
{
    mpm_hybrid_events_t from;

    if (hybrid_events_in(&from) != APR_SUCCESS) {
        return;
    }
    segment_set(&to->saturations, from.saturations);
    segment_set(&to->children_stuck, from.stuck);
    segment_set(&to->processes_suspected, from.suspected);
    segment_set(&to->shortages_files, from.shortages[MPM_HYBRID_SHORT_FILES]);
    segment_set(&to->shortages_memory, from.shortages[MPM_HYBRID_SHORT_MEMORY]);
    segment_set(&to->shortages_processes, from.shortages[MPM_HYBRID_SHORT_PROCESSES]);
    segment_set(&to->shortages_threads, from.shortages[MPM_HYBRID_SHORT_THREADS]);
    segment_set(&to->shortages_log_space, from.shortages[MPM_HYBRID_SHORT_LOG_SPACE]);
    segment_set(&to->shortages_accept_queue, from.shortages[MPM_HYBRID_SHORT_ACCEPT_QUEUE]);
    segment_set(&to->clock_jumps, from.shortages[MPM_HYBRID_CLOCK_SET]);
}

static unsigned look_hybrid(void)
{
    uint64_t slots = segment_get(&record.segment->server->slots);
    segment_server_rec_t *server = record.segment->server;
    mpm_hybrid_process_t process;
    segment_process_rec_t *to;
    unsigned busy = 0, hung = 0, finishing = 0;

    for (int slot = 0; hybrid_process_in(slot, &process) == APR_SUCCESS; slot++) {
        if (process.pid <= 0) {
            continue;
        }
        busy += process.workers_busy;
        hung += process.workers_hung;
        finishing += (uint64_t)slot >= slots && process.quiescing;
        to = record_of((uint64_t)process.pid, slot);
        if (to == NULL && (uint64_t)slot >= slots && !process.quiescing && !record.in_child) {
            to = record_for_lobby(&process);
        }
        if (to != NULL) {
            copy_hybrid(to, &process, slot);
            if (is_lobby(to)) {
                copy_connections_of_lobby(to, &process);
            }
        }
    }
    segment_set(&server->workers_hung, hung);
    segment_set(&server->processes_finishing, finishing);
    copy_events(server);
    return busy;
}

typedef struct {
    int slots;
    int threads;
    bool async;
    bool waitio;
} scoreboard_t;

static scoreboard_t ask_scoreboard(void)
{
    scoreboard_t board = {
        .slots = mpm_answer_count(AP_MPMQ_HARD_LIMIT_DAEMONS),
        .threads = mpm_answer_count(AP_MPMQ_HARD_LIMIT_THREADS),
        .async = mpm_answer_count(AP_MPMQ_IS_ASYNC) != 0,
    };

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
    board.waitio = mpm_answer_count(AP_MPMQ_CAN_WAITIO) != 0;
#endif
    return board;
}

static bool is_busy(const worker_score *score)
{
    return score != NULL && score->status >= SERVER_BUSY_READ && score->status <= SERVER_CLOSING;
}

static void count_workers(const scoreboard_t *board, int slot, unsigned *workers, unsigned *busy)
{
    *workers = *busy = 0;
    for (int thread = 0; thread < board->threads; thread++) {
        const worker_score *score = ap_get_scoreboard_worker_from_indexes(slot, thread);
        int status = score != NULL ? score->status : SERVER_DEAD;

        *workers += status != SERVER_DEAD && status != SERVER_STARTING;
        *busy += is_busy(score);
    }
}

static void copy_score(segment_process_rec_t *to, const process_score *from,
                       const scoreboard_t *board)
{
    segment_set(&to->quiescing, from->quiescing != 0);
    segment_set(&to->not_accepting, from->not_accepting != 0);
    if (!board->async) {
        return;
    }
    segment_set(&to->conn_keepalive, from->keep_alive);
    segment_set(&to->conn_write, from->write_completion);
    segment_set(&to->conn_linger, from->lingering_close);
    segment_set(&to->conn_suspended, from->suspended);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 136)
    if (board->waitio) {
        segment_set(&to->conn_waitio, from->wait_io);
    }
#endif
}

static unsigned look_scoreboard(void)
{
    scoreboard_t board = ask_scoreboard();
    unsigned total = 0, workers, busy;

    for (int slot = 0; ap_exists_scoreboard_image() && slot < board.slots; slot++) {
        const process_score *score = ap_get_scoreboard_process(slot);
        segment_process_rec_t *to;

        if (score == NULL || score->pid <= 0) {
            continue;
        }
        count_workers(&board, slot, &workers, &busy);
        total += busy;
        to = record_of((uint64_t)score->pid, slot);
        if (to != NULL) {
            segment_set(&to->slot, (uint64_t)slot);
            segment_set(&to->workers, workers);
            segment_set(&to->workers_busy, busy);
            segment_set(&to->workers_busy_peak, SEGMENT_UNKNOWN);
            copy_score(to, score, &board);
        }
    }
    return total;
}

/* Busy workers of a process that only drive an HTTP/2 connection. */
static unsigned count_drivers(const segment_process_rec_t *process)
{
    int threads = mpm_answer_count(AP_MPMQ_HARD_LIMIT_THREADS);
    uint64_t slot = segment_get(&process->slot);
    unsigned drivers = 0;

    /* Unknown is the largest number: a process that begins has no workers, or not yet. */
    if (!ap_exists_scoreboard_image() || segment_get(&process->workers_busy) + 1 <= 1
        || slot >= (uint64_t)mpm_answer_count(AP_MPMQ_HARD_LIMIT_DAEMONS)) {
        return 0;
    }
    for (int thread = 0; thread < threads; thread++) {
        drivers += segment_worker_is_driver(record.segment,
                                            (size_t)slot * (size_t)threads + (size_t)thread)
            && is_busy(ap_get_scoreboard_worker_from_indexes((int)slot, thread));
    }
    return drivers;
}

/* The load of both kinds of threads. */
typedef struct {
    uint64_t serving;                          /* workers that have a connection */
    uint64_t driving;                          /* of those, that only drive an HTTP/2 connection */
    uint64_t streams;                          /* running */
    uint64_t streams_accepting, streams_limit; /* of those processes that accept */
} load_t;

static void add_streams(load_t *load, const segment_process_rec_t *process)
{
    uint64_t streams = segment_get(&process->streams_running);

    if (streams == SEGMENT_UNKNOWN) {
        return; /* no mod_http2 */
    }
    load->streams += streams;
    load->driving += count_drivers(process);
    if (segment_get(&process->left) == 0 && segment_get(&process->quiescing) == 0
        && segment_get(&process->workers) + 1 > 1) {
        load->streams_accepting += streams;
        load->streams_limit += segment_get(&record.segment->server->stream_threads);
    }
}

static void add_up_processes(segment_server_rec_t *server, load_t *load)
{
    uint64_t processes = 0, connections = 0;

    for (unsigned i = 0; i < record.segment->shape.processes; i++) {
        const segment_process_rec_t *process = &record.segment->process[i];

        if (segment_get(&process->pid) != 0) {
            add_streams(load, process);
            processes += !is_lobby(process);
            connections += segment_get(&process->connections);
        }
    }
    segment_set(&server->processes, processes);
    segment_set(&server->connections, connections);
    segment_raise(&server->connections_peak, connections);
}

/* ---- saturation ------------------------------------------------------------------------ */

static uint64_t queued(void)
{
    uint64_t most = 0;

    for (unsigned i = 0; i < record.segment->shape.listeners; i++) {
        uint64_t queue = segment_get(&record.segment->listener[i].queue);

        most = queue != SEGMENT_UNKNOWN && queue > most ? queue : most;
    }
    return most;
}

static void saturation_begins(segment_server_rec_t *server, uint64_t busy, uint64_t limit,
                              uint64_t now)
{
    uint64_t none = 0;

    if (atomic_compare_exchange_strong_explicit(&server->saturated_since, &none, now,
                                                memory_order_relaxed, memory_order_relaxed)) {
        if (!hybrid_present()) {
            segment_add(&server->saturations, 1);
        }
        segment_ring_put(record.segment, SEGMENT_EVENT_SATURATED, now, 0, busy, limit, "");
    }
}

static void saturation_ends(segment_server_rec_t *server, uint64_t since)
{
    uint64_t seen = segment_get(&server->saturated_seen);
    uint64_t lasted = seen > since ? seen - since : 0;

    if (atomic_compare_exchange_strong_explicit(&server->saturated_since, &since, 0,
                                                memory_order_relaxed, memory_order_relaxed)) {
        segment_add(&server->saturated_time, lasted);
        segment_ring_put(record.segment, SEGMENT_EVENT_RELIEVED, (uint64_t)apr_time_now(), 0,
                         lasted, queued(), "");
    }
}

static void note_saturation(segment_server_rec_t *server, const load_t *load, uint64_t now)
{
    uint64_t limit = segment_get(&server->max_request_workers);
    uint64_t since = segment_get(&server->saturated_since);
    bool no_stream = load->streams_limit > 0 && load->streams_accepting >= load->streams_limit;

    if (limit == SEGMENT_UNKNOWN || limit == 0) {
        return;
    }
    if (load->serving >= limit || no_stream) {
        segment_set(&server->saturated_seen, now);
        saturation_begins(server, load->serving - load->driving + load->streams, limit, now);
    }
    else if (since != 0 && now > segment_get(&server->saturated_seen) + QUIET_TIME) {
        saturation_ends(server, since);
    }
    if (load->streams_accepting * limit > load->serving * load->streams_limit) {
        record_summary_threshold(load->streams_accepting, load->streams_limit,
                                 "threads of mod_http2 (H2MaxWorkers)", now);
    }
    else {
        record_summary_threshold(load->serving, limit, "workers (MaxRequestWorkers)", now);
    }
}

/* ---- samples ----------------------------------------------------------------------------- */

static void look(uint64_t level_for, unsigned less)
{
    segment_server_rec_t *server = record.segment->server;
    uint64_t now = (uint64_t)apr_time_now();
    load_t load = { .serving = hybrid_present() ? look_hybrid() : look_scoreboard() };
    uint64_t busy;

    add_up_processes(server, &load);
    load.driving = load.driving < load.serving ? load.driving : load.serving;
    busy = load.serving - load.driving + load.streams;
    if (level_for > 0 && level_for < LONGEST_LEVEL) {
        histogram_add(&server->workers_busy_time, busy > less ? busy - less : 0, level_for);
    }
    segment_set(&server->workers_busy, busy);
    segment_raise(&server->workers_busy_peak, busy);
    record_listen_look();
    note_saturation(server, &load, now);
    segment_set(&server->sampled, now);
}

bool record_sample_look(int64_t now, unsigned less)
{
    _Atomic uint64_t *clock = &record.segment->head->sample_clock;
    uint64_t seen = segment_get(clock);

    if ((uint64_t)now <= seen
        || !atomic_compare_exchange_strong_explicit(clock, &seen, (uint64_t)now,
                                                    memory_order_relaxed, memory_order_relaxed)) {
        return false;
    }
    look(seen != 0 ? (uint64_t)now - seen : 0, less);
    record_streams_look(now);
    return true;
}

void record_sample_refresh(void)
{
    /* A concurrent sample may not be completely written yet. */
    for (int tries = 0; tries < 3 && !record_sample_look(record_clock(), 1); tries++) {
        continue;
    }
}

void record_sample_due(int64_t now, bool begins)
{
    uint64_t seen = segment_get(&record.segment->head->sample_clock);

    if ((uint64_t)now > seen + RECORD_SAMPLE_INTERVAL) {
        /*
         * The level is that of the time before: without the caller's worker if its request begins.
         * After a gap in samples, a worker whose request ends was busy all the time.
         */
        record_sample_look(now,
                           begins || (uint64_t)now <= seen + 3 * RECORD_SAMPLE_INTERVAL ? 1 : 0);
        seen = (uint64_t)now;
    }
    else if (begins) {
        record_sample_full(now);
    }
    atomic_store_explicit(&record.look_due, (int64_t)seen + RECORD_SAMPLE_INTERVAL,
                          memory_order_relaxed);
}

void record_sample_full(int64_t now)
{
    const segment_server_rec_t *server = record.segment->server;
    uint64_t seen = segment_get(&record.segment->head->sample_clock);

    if (segment_get(&server->requests_in_flight) >= segment_get(&server->max_request_workers)
        && segment_get(&server->saturated_since) == 0 && (uint64_t)now > seen + FULL_INTERVAL) {
        record_sample_look(now, 1);
    }
}

int record_sample_monitor(apr_pool_t *pool, server_rec *s)
{
    segment_server_rec_t *server;

    (void)pool;
    if (record.segment == NULL) {
        return DECLINED;
    }
    server = record.segment->server;
    segment_set(&server->generation, (uint64_t)mpm_answer(AP_MPMQ_GENERATION, 0));
    segment_set(&server->heartbeat, (uint64_t)apr_time_now());
    record_child_sweep();
    record_memory_look();
    record_sample_look(record_clock(), 0);
    record_listen_overflows();
    record_summary_due(s);
    return DECLINED;
}
