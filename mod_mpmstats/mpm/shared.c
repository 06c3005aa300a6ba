/* SPDX-License-Identifier: Apache-2.0 */
/* The shared counters, and the optional functions that read them. */
#include "mpm/shared.h"

#include <sys/mman.h>

#include "mpm/hybrid.h"
#include "mpm/lane.h"

static size_t size_of(int records)
{
    return sizeof(shared_t) + (size_t)records * sizeof(shared_process_t);
}

shared_t *shared_create(int slots)
{
    int records = slots + SHARED_EXTRA;
    size_t size = size_of(records);
    shared_t *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED) {
        return NULL;
    }
    shared->slots = records;
    return shared;
}

void shared_destroy(shared_t *shared)
{
    if (shared != NULL) {
        munmap(shared, size_of(shared->slots));
    }
}

void shared_begin(shared_t *shared, int slot, int generation)
{
    shared_process_t *p = &shared->process[slot];
    int i;

    shared_set(p->quiescing, 0);
    shared_set(p->crashed_worker, 0);
    shared_set(p->not_accepting, 0);
    shared_set(p->workers, 0);
    shared_set(p->workers_busy, 0);
    shared_set(p->workers_peak, 0);
    shared_set(p->hung, 0);
    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        shared_set(p->connections[i], 0);
    }
    shared_set(p->accepted, 0);
    shared_set(p->dispatched, 0);
    shared_set(p->promotions, 0);
    shared_set(p->shed, 0);
    shared_set(p->generation, generation);
    shared_set(p->started, apr_time_now());
}

void shared_end(shared_t *shared, int slot)
{
    shared_set(shared->process[slot].pid, 0);
}

apr_status_t mpm_hybrid_limits_get(int lane, mpm_hybrid_limits_t *out)
{
    if (lane != 0) {
        return APR_ENOENT;
    }
    lane_export(&lane_default, out);
    return APR_SUCCESS;
}

apr_status_t mpm_hybrid_process_get(int slot, mpm_hybrid_process_t *out)
{
    const shared_t *shared = hybrid_retained ? hybrid_retained->shared : NULL;
    shared_process_t *p;
    int i;

    if (shared == NULL || slot < 0 || slot >= shared->slots) {
        return APR_ENOENT;
    }
    p = &hybrid_retained->shared->process[slot];
    out->pid = shared_get(p->pid);
    out->generation = shared_get(p->generation);
    out->quiescing = shared_get(p->quiescing);
    out->not_accepting = shared_get(p->not_accepting);
    out->started = shared_get(p->started);
    out->workers = shared_get(p->workers);
    out->workers_busy = shared_get(p->workers_busy);
    out->workers_peak = shared_get(p->workers_peak);
    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        out->connections[i] = shared_get(p->connections[i]);
    }
    out->accepted = shared_get(p->accepted);
    out->requests_dispatched = shared_get(p->dispatched);
    out->promotions = shared_get(p->promotions);
    out->shed = shared_get(p->shed);
    out->workers_hung = shared_get(p->hung);
    return APR_SUCCESS;
}
