/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the running server and the CLI, whose totals must agree.
 */
#include "figures/sums.h"

#include "figures/metrics.h"

void sums_begin(sums_t *sums, snapshot_totals_t *totals)
{
    *sums = (sums_t){ 0, 0, 0, 0 };
    totals->processes = totals->processes_quiescing = 0;
    totals->workers_busy = totals->workers_idle = totals->workers_starting =
        totals->workers_finishing = totals->workers_driving = 0;
}

void sums_add(apr_int64_t *sum, apr_int64_t value)
{
    apr_int64_t before = *sum == SNAPSHOT_UNKNOWN ? 0 : *sum;

    if (value >= 0) {
        *sum = before > APR_INT64_MAX - value ? APR_INT64_MAX : before + value;
    }
}

/* The generation is written with the first worker: until then it is the previous process's. */
const char *sums_process_state(const apr_int64_t *roles, bool quiescing, bool other_generation,
                               bool not_accepting)
{
    apr_int64_t begun = roles[SUMS_IDLE] + roles[SUMS_BUSY] + roles[SUMS_DRIVING]
        + roles[SUMS_FINISHING];

    if (quiescing) {
        return "quiescing";
    }
    if (begun == 0) {
        return "starting";
    }
    if (other_generation) {
        return "quiescing";
    }
    return not_accepting ? "not_accepting" : "ready";
}

apr_int64_t sums_of_connections(const snapshot_connections_t *by_state)
{
    int count;
    const metric_t *kinds = metrics_of(METRICS_CONNECTIONS, &count);
    apr_int64_t sum = 0;

    for (int i = 0; i < count; i++) {
        sums_add(&sum, metric_number(&kinds[i], by_state));
    }
    return sum;
}

void sums_connections(snapshot_t *snapshot, const snapshot_process_t *process)
{
    int count;
    const metric_t *kinds = metrics_of(METRICS_CONNECTIONS, &count);

    sums_add(&snapshot->totals.connections, process->connections);
    for (int i = 0; i < count; i++) {
        sums_add((apr_int64_t *)(void *)((char *)&snapshot->connections + kinds[i].offset),
                 metric_number(&kinds[i], &process->connections_by_state));
    }
}

/* Idle workers of a quiescing process count as finishing: they take no new connection. */
void sums_process(sums_t *sums, snapshot_t *snapshot, const snapshot_process_t *process,
                  const apr_int64_t *roles)
{
    snapshot_totals_t *totals = &snapshot->totals;
    bool leaving = process->state[0] == 'q';

    sums_add(&totals->processes, 1);
    sums_add(&totals->processes_quiescing, leaving);
    sums_add(&totals->workers_busy, roles[SUMS_BUSY]);
    sums_add(&totals->workers_busy, process->streams_running);
    sums_add(&totals->workers_driving, roles[SUMS_DRIVING]);
    sums_add(&totals->streams_running, process->streams_running);
    sums_add(&totals->workers_starting, roles[SUMS_STARTING]);
    sums_add(&totals->workers_finishing, roles[SUMS_FINISHING]);
    sums_add(leaving ? &totals->workers_finishing : &totals->workers_idle, roles[SUMS_IDLE]);
    if (process->state[0] == 'r' || process->state[0] == 'n') {
        sums->accepting++;
        sums_add(&sums->streams, process->streams_running);
    }
    sums->full += process->state[0] == 'n';
    sums_add(&sums->serving, leaving ? 0 : roles[SUMS_BUSY] + roles[SUMS_DRIVING]);
    sums_connections(snapshot, process);
}

/*
 * No worker is available for the next client: MaxRequestWorkers workers have a connection, or every
 * process is at its connection limit and no further one may be started. Or no thread of mod_http2
 * is available for the next stream.
 */
static bool is_saturated(const sums_t *sums, const snapshot_totals_t *totals,
                         const snapshot_limits_t *limits)
{
    apr_int64_t allowed = limits->max_request_workers, per_process = limits->threads_per_child;

    if (totals->streams_limit > 0 && sums->streams >= totals->streams_limit) {
        return true;
    }
    if (allowed == SNAPSHOT_UNKNOWN) {
        return false;
    }
    if (sums->serving >= allowed) {
        return true;
    }
    return sums->accepting > 0 && sums->full == sums->accepting && per_process > 0
        && per_process < APR_INT32_MAX && (sums->accepting + 1) * per_process > allowed;
}

void sums_end(const sums_t *sums, snapshot_t *snapshot)
{
    apr_int64_t per_process = snapshot->limits.connections_per_process;
    apr_int64_t streams = snapshot->limits.stream_threads;

    if (per_process >= 0 && per_process < APR_INT32_MAX) {
        snapshot->totals.connections_limit = per_process * sums->accepting;
    }
    if (streams >= 0 && streams < APR_INT32_MAX) {
        snapshot->totals.streams_limit = streams * sums->accepting;
    }
    snapshot->totals.saturated = is_saturated(sums, &snapshot->totals, &snapshot->limits);
}

apr_int64_t sums_in_state(const snapshot_t *snapshot, const state_t *state)
{
    apr_int64_t count = 0;

    for (int i = 0; i < snapshot->process_count; i++) {
        const char *at = snapshot->processes[i].scoreboard;

        for (; at != NULL && *at != '\0'; at++) {
            count += *at == state->letter[0];
        }
    }
    return count;
}
