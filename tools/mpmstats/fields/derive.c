/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values derived from those that the server reports.
 */
#include "fields/derive.h"

#include <math.h>
#include <string.h>

static double known(apr_int64_t number)
{
    return number == SNAPSHOT_UNKNOWN ? 0 : (double)number;
}

/* Workers of the MPM that have a connection: without streams, which run on other threads. */
static double serving_workers(const snapshot_totals_t *totals)
{
    return (double)totals->workers_busy - known(totals->streams_running)
        + known(totals->workers_driving);
}

double derive_workers(const snapshot_t *snap)
{
    /* idle and busy are required, starting and finishing optional */
    const apr_int64_t optional[] = { snap->totals.workers_starting,
                                     snap->totals.workers_finishing };
    double sum = serving_workers(&snap->totals) + (double)snap->totals.workers_idle;

    if (snap->totals.workers_busy == SNAPSHOT_UNKNOWN
        || snap->totals.workers_idle == SNAPSHOT_UNKNOWN) {
        return NAN;
    }
    for (size_t i = 0; i < 2; i++) {
        sum += known(optional[i]);
    }
    return sum;
}

double derive_workers_free(const snapshot_t *snap)
{
    apr_int64_t limit = snap->limits.max_request_workers;

    if (limit == SNAPSHOT_UNKNOWN || snap->totals.workers_busy == SNAPSHOT_UNKNOWN) {
        return NAN;
    }
    return fmax(0, (double)limit - serving_workers(&snap->totals));
}

double derive_connections_max(const snapshot_t *snap)
{
    double workers = (double)snap->limits.max_request_workers;
    double per_child = (double)snap->limits.threads_per_child;

    if (snap->limits.connections_per_process == SNAPSHOT_UNKNOWN || workers < 1 || per_child < 1) {
        return NAN;
    }
    return ceil(workers / per_child) * (double)snap->limits.connections_per_process;
}

double derive_oldest(const snapshot_t *snap)
{
    apr_int64_t oldest = 0;

    for (int i = 0; i < snap->worker_count; i++) {
        const snapshot_worker_t *worker = &snap->workers[i];

        if (derive_worker_busy(worker) && worker->state[0] != 'K' && worker->tunnel != 1
            && worker->since_us > oldest) {
            oldest = worker->since_us;
        }
    }
    return (double)oldest;
}

static double count_state(const snapshot_t *snap, char letter)
{
    int count = 0;

    for (int i = 0; i < snap->worker_count; i++) {
        const char *state = snap->workers[i].state;

        count += state != NULL && state[0] == letter;
    }
    return count;
}

#define STATE(letter, character) \
    double derive_state_##letter(const snapshot_t *snap) \
    { \
        return count_state(snap, character); \
    }
STATE(S, 'S')
STATE(R, 'R')
STATE(W, 'W')
STATE(K, 'K')
STATE(D, 'D')
STATE(C, 'C')
STATE(L, 'L')
STATE(G, 'G')
STATE(I, 'I')

bool derive_worker_busy(const snapshot_worker_t *worker)
{
    return worker->state != NULL && strlen(worker->state) == 1
        && strchr("_SIG.", worker->state[0]) == NULL;
}
