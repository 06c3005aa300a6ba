/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/parent/procs.h"

#include <stdbool.h>
#include <unistd.h>

#include "mpm/module.h"
#include "mpm/process/shared.h"

procs_t *procs_create(int slots)
{
    int entries = slots + SHARED_EXTRA;
    procs_t *t = ap_calloc(1, sizeof(*t) + sizeof(proc_t) * (size_t)entries);
    int i;

    t->slots = slots - 1; /* the last is the overflow slot */
    t->entries = entries;
    for (i = 0; i < entries; i++) {
        t->proc[i].control_fd = -1;
    }
    return t;
}

procs_t *procs_table(void)
{
    return hybrid_retained->procs;
}

int procs_max_used(void)
{
    return hybrid_retained->shared ? shared_get(hybrid_retained->shared->server->max_used) : 0;
}

int procs_count(int (*is_one)(const proc_t *))
{
    procs_t *t = procs_table();
    int i, n = 0;

    for (i = 0; i < t->entries; i++) {
        n += is_one(&t->proc[i]);
    }
    return n;
}

int procs_is_active(const proc_t *p)
{
    return p->pid != 0 && !p->told && !p->is_lobby
        && p->generation == hybrid_retained->mpm->my_generation;
}

static int is_used(const proc_t *p)
{
    return p->pid != 0;
}

bool procs_is_free(const proc_t *p)
{
    return p->pid == 0;
}

int procs_active(void)
{
    return procs_count(procs_is_active);
}

int procs_total(void)
{
    return procs_count(is_used);
}

pid_t procs_accepting(int slot)
{
    return slot < procs_table()->slots && procs_is_active(&procs_table()->proc[slot])
        ? procs_table()->proc[slot].pid
        : 0;
}

void procs_forget_inherited(void)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].control_fd >= 0) {
            close(t->proc[i].control_fd);
            t->proc[i].control_fd = -1;
        }
    }
}

int procs_entry(pid_t pid)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid == pid) {
            return i;
        }
    }
    return -1;
}

bool procs_is_ours(pid_t pid)
{
    return procs_entry(pid) >= 0;
}

bool procs_is_lobby(pid_t pid)
{
    int entry = procs_entry(pid);

    return entry >= 0 && procs_table()->proc[entry].is_lobby;
}

int procs_find(pid_t pid)
{
    int entry = procs_entry(pid);

    return entry < 0 ? -1 : procs_table()->proc[entry].slot;
}

int procs_generation(pid_t pid)
{
    int entry = procs_entry(pid);

    return entry < 0 ? -1 : procs_table()->proc[entry].generation;
}

pid_t procs_lobby(int *entry, int *record)
{
    procs_t *t = procs_table();
    int i;

    for (i = t->slots; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].is_lobby && !t->proc[i].told
            && t->proc[i].generation == hybrid_retained->mpm->my_generation) {
            *entry = i;
            *record = t->proc[i].record;
            return t->proc[i].pid;
        }
    }
    return 0;
}

bool procs_has_lobby(void)
{
    int ignored[2];

    return procs_lobby(&ignored[0], &ignored[1]) != 0;
}

static bool is_waited_for(apr_time_t since, apr_time_t begun_after, unsigned needs)
{
    return since != 0 && since > begun_after && (needs & 1u << SHARED_SINCE_NEEDS(since));
}

/* The child writes these values: wrong ones can delay a restart up to the restart's limit. */
static bool runs_something(const proc_t *p, apr_time_t begun_after, unsigned needs)
{
    const shared_process_t *s = &hybrid_retained->shared->process[p->record];
    int i;

    if (p->pid == 0 || !p->held || p->told || p->is_lobby) {
        return false;
    }
    if (!atomic_load_explicit(&s->holding, memory_order_acquire)) {
        return true;
    }
    for (i = 0; i < hybrid_retained->shared->threads; i++) {
        if (is_waited_for(shared_since(p->slot, i), begun_after, needs)) {
            return true;
        }
    }
    return is_waited_for(shared_get(s->stream_since), begun_after, needs)
        || ((needs & 1u << SHARED_NEEDS_CLIENT)
            && (shared_get(s->connections[MPM_HYBRID_CONN_WAITIO]) > 0
                || shared_get(s->connections[MPM_HYBRID_CONN_WRITE]) > 0
                || shared_get(s->connections[MPM_HYBRID_CONN_HANDSHAKE]) > 0
                || shared_get(s->connections[MPM_HYBRID_CONN_SUSPENDED]) > 0));
}

int procs_running(apr_time_t begun_after, unsigned needs)
{
    procs_t *t = procs_table();
    int i, n = 0;

    for (i = 0; i < t->entries; i++) {
        n += runs_something(&t->proc[i], begun_after, needs);
    }
    return n;
}

shared_mail_t *procs_mail(const proc_t *p)
{
    return &hybrid_retained->shared->mail[p->number];
}
