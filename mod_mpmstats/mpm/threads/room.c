/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ROOM_AT_NEED: the process can take a connection only by ending an idle HTTP/2 connection or
 * dropping one without a complete head (MPMMaxConnections, open files), or, in the worker model,
 * when incomplete heads will need the idle workers. Such a process leaves new connections to the
 * others while one of them is free; a full one also to a process that can still be started.
 */
#include "mpm/threads/room.h"

#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/module.h"
#include "mpm/threads/park.h"

/* A process whose ticker has not run for this long counts as not serving. */
#define TICKED_LEAST apr_time_from_sec(3)

/* This part of the connections' descriptors is freed when they have more than is counted. */
#define SHORT_PART 16

static int limit_at_first; /* of descriptors; constant after room_child_init() */

static int heads_of(const shared_process_t *p)
{
    return (int)(shared_get(p->connections[MPM_HYBRID_CONN_NEW])
                 + shared_get(p->connections[MPM_HYBRID_CONN_HANDSHAKE])
                 + shared_get(p->connections[MPM_HYBRID_CONN_HEAD])
                 + shared_get(p->connections[MPM_HYBRID_CONN_BODY]));
}

/* Whether AsyncRequestWorkerFactor's limit of connections per process is reached. */
static bool above_factor(int connections, int busy)
{
    const lane_t *lane = child.lane;
    int idle = lane->threads_per_child - busy;

    return lane->worker_factor > 0
        && connections >= lane->threads_per_child + lane->worker_factor * (idle > 0 ? idle : 0);
}

/*
 * In the worker model a connection keeps its worker: one accepted while all workers are busy would
 * wait for another client to leave, though another process may have idle workers. Incomplete heads
 * will need workers too; at most a quarter of the workers is reserved for them.
 */
static room_e room_of(const shared_process_t *p, int connections, int busy, bool is_full)
{
    int heads = heads_of(p);
    int all = child.lane->threads_per_child;
    int awaited = heads < all / 4 ? heads : all / 4;

    if (above_factor(connections, busy) || (!child.lane->is_async && busy >= all)) {
        return ROOM_NONE;
    }
    if (is_full) {
        return heads > 0 || shared_get(p->idle_http2) > 0 ? ROOM_AT_NEED : ROOM_NONE;
    }
    return !child.lane->is_async && busy + awaited >= all ? ROOM_AT_NEED : ROOM_FREE;
}

static void set_limit(int files)
{
    atomic_store(&child.max_files, files);
    shared_set(child.stats->most_files, (apr_uint32_t)files);
}

/* Descriptors of connections, as counted. */
static int held(void)
{
    return park_count() + (int)shared_get(child.stats->files);
}

void room_child_init(void)
{
    limit_at_first = lane_files_for_connections(child.lane);
    set_limit(limit_at_first);
}

void room_was_short(void)
{
    int now = held(), most = atomic_load(&child.max_files);
    int less = now - now / SHORT_PART;

    if (now >= most / 2 && less < most) {
        set_limit(less);
    }
}

void room_look(void)
{
    int most = atomic_load(&child.max_files);

    if (most < limit_at_first && held() < most / 2) {
        set_limit(limit_at_first);
    }
}

bool room_is_full(void)
{
    return park_count() >= child.max_connections || held() >= atomic_load(&child.max_files);
}

room_e room_here(bool by_worker)
{
    return room_of(child.stats, park_count(),
                   atomic_load_explicit(&child.busy, memory_order_relaxed) - by_worker,
                   room_is_full());
}

static bool serves(int slot, const shared_process_t *p, apr_time_t now)
{
    return slot != child.slot && shared_get(p->pid) != 0 && !shared_get(p->quiescing)
        && shared_get(p->workers) != 0 && now - shared_get(p->ticked) < TICKED_LEAST;
}

room_e room_elsewhere(void)
{
    apr_time_t now = clock_now();
    room_e most = ROOM_NONE;
    int slot;

    for (slot = 0; slot < child.lane->slots && most != ROOM_FREE; slot++) {
        const shared_process_t *p = &hybrid_retained->shared->process[slot];
        room_e room;

        if (!serves(slot, p, now)) {
            continue;
        }
        room = room_of(p, (int)shared_connections(p), (int)shared_get(p->workers_busy),
                       shared_is_full(p));
        if (room == ROOM_FREE && shared_get(p->not_accepting)) {
            /* short of another resource, descriptors for instance */
            room = ROOM_AT_NEED;
        }
        most = room > most ? room : most;
    }
    return most;
}

/* Every process is full, and the parent can start another, or does: it does so when all are. */
static bool another_comes(void)
{
    apr_time_t now = clock_now();
    int slot;

    if (!shared_get(hybrid_retained->shared->server->has_more) || !room_is_full()) {
        return false;
    }
    for (slot = 0; slot < child.lane->slots; slot++) {
        const shared_process_t *p = &hybrid_retained->shared->process[slot];

        if (serves(slot, p, now) && !shared_is_full(p)) {
            return false;
        }
    }
    return true;
}

bool room_to_accept(bool by_worker)
{
    room_e here = room_here(by_worker);

    return here == ROOM_FREE
        || (here == ROOM_AT_NEED && room_elsewhere() != ROOM_FREE && !another_comes());
}
