/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observations, and the advisor's input from them. A server that does not answer
 * while requests wait counts as saturated: all its workers were busy.
 */
#include "tune/tuning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/procfs.h"
#include "source/sockets.h"
#include "tune/tuning_processes.h"
#include "tune/tuning_recorded.h"

#define BUDGET_SHARE 0.8 /* of free memory: leaves some to the rest of the machine */
#define BURST_S 1.2      /* "within about a second" */

typedef struct {
    double at, busy, waiting, held;
    bool saturated;
} look_t;

struct tuning {
    tuning_wishes_t wishes;
    bool local;
    double began, ended;
    bool history; /* no observations: the records since the server's start */
    sample_t *first, *last;
    look_t *looks;
    size_t count, room;
    long samples; /* our own requests */
    double queue_most, queue_limit, overflows_began;
    sockets_t *sockets;
    processes_t *processes;
};

bool tuning_is_here(const snapshot_t *snap)
{
    if (snap->server.pid == SNAPSHOT_UNKNOWN || snap->server.pid <= 1) {
        return false;
    }
    for (int i = 0; i < snap->process_count; i++) {
        if (snap->processes[i].pid > 0
            && procfs_parent((pid_t)snap->processes[i].pid) == (pid_t)snap->server.pid) {
            return true;
        }
    }
    return false;
}

tuning_t *tuning_begin(sample_t *first, const tuning_wishes_t *wishes, double now)
{
    tuning_t *tuning = memory_get(1, sizeof(*tuning));
    pid_t parent = (pid_t)first->snap.server.pid;

    tuning->wishes = *wishes;
    tuning->local = tuning_is_here(&first->snap);
    tuning->began = tuning->ended = now;
    tuning->first = sample_hold(first);
    tuning->last = sample_hold(first);
    tuning->queue_most = tuning->queue_limit = NAN;
    tuning->overflows_began = sockets_overflows();
    if (tuning->local) {
        tuning->sockets = sockets_open(parent,
                                       wishes->port > 0 ? wishes->port
                                                        : recorded_port(&first->snap));
        tuning->processes = processes_begin(parent);
        processes_look(tuning->processes, &first->snap);
        processes_mark(tuning->processes);
    }
    return tuning;
}

tuning_t *tuning_of_history(sample_t *sample, const tuning_wishes_t *wishes, double now)
{
    tuning_t *tuning;

    if (!recorded_has_history(sample)) {
        return NULL;
    }
    tuning = tuning_begin(sample, wishes, now);
    tuning->history = true;
    return tuning;
}

void tuning_end(tuning_t *tuning)
{
    if (tuning == NULL) {
        return;
    }
    sample_free(tuning->first);
    sample_free(tuning->last);
    sockets_close(tuning->sockets);
    processes_end(tuning->processes);
    free(tuning->looks);
    free(tuning);
}

/* ---- observing ---- */

static double number(apr_int64_t value)
{
    return value == SNAPSHOT_UNKNOWN ? NAN : (double)value;
}

static double held_workers(const snapshot_t *snap)
{
    int held = 0;

    for (int i = 0; i < snap->worker_count; i++) {
        held += snap->workers[i].state != NULL && snap->workers[i].state[0] == 'K';
    }
    return held;
}

static void add_look(tuning_t *tuning, look_t look)
{
    if (tuning->count == tuning->room) {
        tuning->room = tuning->room * 2 + 256;
        tuning->looks = memory_resize(tuning->looks, tuning->room, sizeof(*tuning->looks));
    }
    tuning->looks[tuning->count++] = look;
}

static double look_at_sockets(tuning_t *tuning)
{
    sockets_look_t look;

    if (tuning->sockets == NULL || !sockets_look(tuning->sockets, &look)) {
        return NAN;
    }
    if (isnan(tuning->queue_most) || look.fullest > tuning->queue_most) {
        tuning->queue_most = look.fullest;
        tuning->queue_limit = look.limit;
    }
    return look.queue + look.unread;
}

static bool is_restarted(const snapshot_t *a, const snapshot_t *b)
{
    return a->server.pid != b->server.pid || a->server.restarted_us != b->server.restarted_us;
}

bool tuning_look(tuning_t *tuning, sample_t *sample, double now)
{
    look_t look = { .at = now, .busy = NAN, .held = NAN, .waiting = look_at_sockets(tuning) };
    double limit = number(tuning->first->snap.limits.max_request_workers);

    tuning->ended = now;
    if (sample != NULL) {
        const snapshot_t *snap = &sample->snap;

        if (is_restarted(&tuning->first->snap, snap)) {
            return false;
        }
        look.busy = number(snap->totals.workers_busy);
        look.held = held_workers(snap);
        look.saturated = snap->totals.saturated == 1
            || (snap->totals.saturated == SNAPSHOT_UNKNOWN && look.busy >= limit);
        tuning->samples += sample->origin == NULL;
        if (tuning->processes != NULL) {
            processes_look(tuning->processes, snap);
        }
        sample_free(tuning->last);
        tuning->last = sample_hold(sample);
    }
    else if (look.waiting > 0) {
        look.busy = limit;
        look.saturated = true;
    }
    if (!isnan(look.busy)) {
        add_look(tuning, look);
    }
    return true;
}

void tuning_mark(tuning_t *tuning)
{
    if (tuning->processes != NULL) {
        processes_mark(tuning->processes);
    }
}

/* Requests served, minus our own. */
static double requests_served(const tuning_t *tuning)
{
    double served = number(tuning->last->snap.totals.requests)
        - number(tuning->first->snap.totals.requests);

    return isnan(served) ? NAN : fmax(0, served - (double)tuning->samples);
}

tuning_now_t tuning_now(const tuning_t *tuning)
{
    const look_t *look = tuning->count > 0 ? &tuning->looks[tuning->count - 1] : NULL;
    double seconds = tuning->ended - tuning->began;

    return (tuning_now_t){
        .busy = look != NULL ? look->busy : NAN,
        .limit = number(tuning->first->snap.limits.max_request_workers),
        .waiting = look != NULL ? look->waiting : NAN,
        .requests_per_s = seconds > 0 ? requests_served(tuning) / seconds : NAN,
    };
}

/* ---- distributions ---- */

static int ascending(const void *a, const void *b)
{
    const double *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

/* Quantile of sorted values. */
static double quantile(const double *sorted, size_t count, double share)
{
    size_t rank = (size_t)ceil(share * (double)count);

    return sorted[rank > 0 ? rank - 1 : 0];
}

/* Sorts the values, all known. */
static advisor_spread_t spread_of(double *values, size_t count)
{
    advisor_spread_t spread = { NAN, NAN, NAN, NAN };
    double sum = 0;

    if (count == 0) {
        return spread;
    }
    qsort(values, count, sizeof(*values), ascending);
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
    }
    spread.mean = sum / (double)count;
    spread.p50 = quantile(values, count, 0.5);
    spread.p99 = quantile(values, count, 0.99);
    spread.max = values[count - 1];
    return spread;
}

static double demand_of(const look_t *look)
{
    return look->busy + look->waiting;
}

static void fill_spreads(const tuning_t *tuning, advisor_input_t *in)
{
    double *busy = memory_get(tuning->count, sizeof(*busy)),
           *demand = memory_get(tuning->count, sizeof(*demand));
    size_t known = 0;

    for (size_t i = 0; i < tuning->count; i++) {
        busy[i] = tuning->looks[i].busy;
        if (!isnan(tuning->looks[i].waiting)) {
            demand[known++] = demand_of(&tuning->looks[i]);
        }
    }
    in->busy = spread_of(busy, tuning->count);
    in->demand = spread_of(demand, known);
    free(busy);
    free(demand);
}

/* The largest growth within BURST_S of the demand, or if unknown of the busy workers. */
static double burst_of(const tuning_t *tuning)
{
    double burst = 0;

    for (size_t i = 0, from = 0; i < tuning->count; i++) {
        const look_t *now = &tuning->looks[i];

        while (now->at - tuning->looks[from].at > BURST_S) {
            from++;
        }
        for (size_t k = from; k < i; k++) {
            const look_t *then = &tuning->looks[k];
            bool seen = !isnan(now->waiting) && !isnan(then->waiting);

            burst = fmax(burst, seen ? demand_of(now) - demand_of(then) : now->busy - then->busy);
        }
    }
    return tuning->count > 1 ? burst : NAN;
}

static void fill_shares(const tuning_t *tuning, advisor_input_t *in)
{
    double saturated = 0, held = 0, busy = 0;

    for (size_t i = 0; i < tuning->count; i++) {
        saturated += tuning->looks[i].saturated;
        if (!isnan(tuning->looks[i].held)) {
            held += tuning->looks[i].held;
            busy += tuning->looks[i].busy;
        }
    }
    if (tuning->count > 0) {
        in->saturated_share = saturated / (double)tuning->count;
    }
    if (busy > 0) {
        in->held_share = fmin(1, held / busy);
    }
}

/* ---- MPM and limits ---- */

static bool is(const char *text, const char *word)
{
    return text != NULL && strcmp(text, word) == 0;
}

static void fill_mpm(const snapshot_t *snap, advisor_input_t *in)
{
    const char *mpm = snap->server.mpm, *model = is(mpm, "hybrid") ? snap->server.model : mpm;

    in->mpm = is(mpm, "hybrid") ? ADVISOR_HYBRID
        : is(mpm, "event")      ? ADVISOR_EVENT
        : is(mpm, "worker")     ? ADVISOR_WORKER
        : is(mpm, "prefork")    ? ADVISOR_PREFORK
                                : ADVISOR_OTHER;
    in->wait = is(model, "prefork") ? ADVISOR_WAIT_PROCESS
        : is(model, "worker")       ? ADVISOR_WAIT_THREAD
                                    : ADVISOR_WAIT_FREE;
    in->prefork_only = snap->server.prefork_only;
}

static int limit(apr_int64_t value)
{
    return value == SNAPSHOT_UNKNOWN || value < 0 || value > 1000000000 ? 0 : (int)value;
}

static void fill_limits(const snapshot_t *snap, advisor_input_t *in)
{
    const snapshot_limits_t *limits = &snap->limits;

    in->max_request_workers = limit(limits->max_request_workers);
    in->threads_per_child = limit(limits->threads_per_child);
    in->thread_limit = limit(limits->thread_limit);
    in->server_limit = limit(limits->server_limit);
    in->start_servers = limit(limits->start_servers);
    in->min_spare_threads = limit(limits->min_spare_threads);
    in->max_spare_threads = limit(limits->max_spare_threads);
    in->min_spare_servers = limit(limits->min_spare_servers);
    in->max_spare_servers = limit(limits->max_spare_servers);
    if (limits->max_connections_per_child != SNAPSHOT_UNKNOWN) {
        in->max_connections_per_child = limit(limits->max_connections_per_child);
    }
    in->max_memory_per_child_bytes = number(limits->max_memory_per_child_bytes);
}

static void fill_memory(const tuning_t *tuning, advisor_input_t *in)
{
    machine_memory_t memory;

    in->budget_bytes = tuning->wishes.memory_bytes;
    if (!tuning->local) {
        return;
    }
    processes_input(tuning->processes, in);
    if (tuning->history) { /* measured only now, not over the history */
        in->cpu_cores = in->cpu_delay_cores = NAN;
    }
    memory = machine_memory((pid_t)tuning->first->snap.server.pid);
    if (!isnan(tuning->wishes.memory_share)) {
        in->budget_bytes = tuning->wishes.memory_share * memory.limit;
    }
    else if (isnan(in->budget_bytes)) {
        in->budget_bytes = processes_memory(tuning->processes) + BUDGET_SHARE * memory.available;
    }
    in->cores = machine_cores((pid_t)tuning->first->snap.server.pid);
    if (!tuning->history) {
        in->overflows = fmax(0, sockets_overflows() - tuning->overflows_began);
    }
    in->somaxconn = sockets_somaxconn();
}

static void fill_looks(const tuning_t *tuning, advisor_input_t *in)
{
    in->seconds = tuning->ended - tuning->began;
    in->looks = (int)tuning->count;
    in->requests = requests_served(tuning);
    fill_spreads(tuning, in);
    fill_shares(tuning, in);
    in->burst = burst_of(tuning);
    in->backlog_max = tuning->queue_most;
    in->listen_backlog = isnan(tuning->queue_limit) ? 0 : (int)tuning->queue_limit;
    recorded_input(tuning->first, tuning->last, in);
}

void tuning_input(tuning_t *tuning, advisor_input_t *in)
{
    tuning_mark(tuning);
    advisor_input_init(in);
    fill_mpm(&tuning->first->snap, in);
    fill_limits(&tuning->first->snap, in);
    in->target_queue_p99_us = tuning->wishes.target_queue_p99_us;
    in->waiting_mean = number(tuning->last->snap.connections.keepalive);
    if (tuning->history) {
        recorded_history(tuning->last, in);
    }
    else {
        fill_looks(tuning, in);
    }
    fill_memory(tuning, in);
}

double tuning_memory_used(const tuning_t *tuning)
{
    return tuning->local ? processes_memory(tuning->processes) : NAN;
}

const char *tuning_memory_source(const tuning_t *tuning)
{
    static machine_memory_t memory;

    if (!isnan(tuning->wishes.memory_bytes) || !isnan(tuning->wishes.memory_share)) {
        return "--memory";
    }
    if (!tuning->local) {
        return NULL;
    }
    memory = machine_memory((pid_t)tuning->first->snap.server.pid);
    return memory.what;
}

bool tuning_is_local(const tuning_t *tuning)
{
    return tuning->local;
}
