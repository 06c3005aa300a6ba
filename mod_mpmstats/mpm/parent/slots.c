/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/parent/slots.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/module.h"
#include "mpm/parent/tell.h"
#include "mpm/process/control.h"
#include "mpm/process/shared.h"

/* Time a child has to give up its slot. */
#define MOVE_PATIENCE_MS 200

void slots_clear(int slot)
{
    process_score *ps = &ap_scoreboard_image->parent[slot];
    int i;

    ps->quiescing = ps->not_accepting = 0;
    ps->connections = ps->write_completion = ps->lingering_close = 0;
    ps->keep_alive = ps->suspended = 0;
#if HYBRID_HAVE_WAITIO
    ps->wait_io = 0;
#endif
    for (i = 0; i < hybrid_retained->shared->threads; i++) {
        ap_update_child_status_from_indexes(slot, i, SERVER_DEAD, NULL);
    }
    shared_begin(hybrid_retained->shared, slot, hybrid_retained->mpm->my_generation);
}

/* Its slot can be reclaimed: the child is only draining. */
static bool is_movable(const proc_t *p)
{
    return p->pid != 0 && p->told && (p->has_mail || p->control_fd >= 0);
}

int slots_free(void)
{
    procs_t *t = procs_table();
    int i, n = 0;

    for (i = 0; i < t->slots; i++) {
        n += procs_is_free(&t->proc[i]) || is_movable(&t->proc[i]);
    }
    return n;
}

/* A child whose answer is late may still move there. */
static bool is_destination(int entry)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->slots; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].destination == entry) {
            return true;
        }
    }
    return false;
}

int slots_free_entry(int from, int to)
{
    int i;

    for (i = from; i < to; i++) {
        if (procs_is_free(&procs_table()->proc[i]) && !is_destination(i)) {
            return i;
        }
    }
    return -1;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info;

    info.si_pid = 0;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

static bool has_moved_by_mail(const proc_t *p, int patience_ms)
{
    while (!shared_get(procs_mail(p)->moved)) {
        if (patience_ms-- <= 0 || has_ended(p->pid)) {
            return false;
        }
        apr_sleep(1000);
    }
    return true;
}

/* Whether the child confirms within @a patience_ms that it no longer writes to its slot. */
static bool has_moved(proc_t *p, int patience_ms)
{
    struct pollfd fd = { .fd = p->control_fd, .events = POLLIN };
    char answer[8];

    if (p->has_mail) {
        return has_moved_by_mail(p, patience_ms);
    }
    if (poll(&fd, 1, patience_ms) != 1) {
        return false;
    }
    return recv(p->control_fd, answer, sizeof(answer), MSG_DONTWAIT) > 0;
}

/* The child has left @a slot: move its entry to its destination. */
static void note_moved(int slot)
{
    proc_t *p = &procs_table()->proc[slot];
    int entry = p->destination;
    proc_t *to = &procs_table()->proc[entry];

    *to = *p;
    to->slot = -1;
    to->record = entry + 1;
    to->destination = 0;
    memset(p, 0, sizeof(*p));
    p->control_fd = -1;
    ap_run_child_status(ap_server_conf, to->pid, to->generation, slot, MPM_CHILD_LOST_SLOT);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "draining child %d of generation %d has given slot %d up", (int)to->pid,
                 to->generation, slot);
}

/*
 * Reclaim @a slot from its draining child. If the answer is late, the child may still move at any
 * moment, so its entry and record stay reserved.
 */
static bool move_away(int slot)
{
    procs_t *t = procs_table();
    proc_t *p = &t->proc[slot];

    if (p->destination == 0) {
        int entry = slots_free_entry(t->slots, t->entries);

        if (entry < 0) {
            return false;
        }
        p->destination = entry;
        /* Entry and record numbers differ by one: the overflow slot has a record, but no entry. */
        shared_begin(hybrid_retained->shared, entry + 1, p->generation);
    }
    tell_one(p, CONTROL_MOVE, p->destination + 1);
    if (!has_moved(p, MOVE_PATIENCE_MS)) {
        return false;
    }
    note_moved(slot);
    return true;
}

/* A child that answers late has left its slot, too. */
static void take_late_moves(void)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->slots; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].destination != 0 && has_moved(&t->proc[i], 0)) {
            note_moved(i);
            slots_clear(i);
            ap_scoreboard_image->parent[i].pid = 0;
            shared_end(hybrid_retained->shared, i);
        }
    }
}

int slots_get(void)
{
    procs_t *t = procs_table();
    int slot = slots_free_entry(0, t->slots);
    int tries;

    for (tries = 0; slot < 0 && tries < 3; tries++) {
        int i, oldest = -1;

        for (i = 0; i < t->slots; i++) {
            if (is_movable(&t->proc[i])
                && (oldest < 0 || t->proc[i].started < t->proc[oldest].started)) {
                oldest = i;
            }
        }
        if (oldest < 0) {
            return -1;
        }
        if (move_away(oldest)) {
            return oldest;
        }
        t->proc[oldest].started = clock_now(); /* the next try picks another child */
    }
    return slot;
}

int slots_tell_again(void)
{
    take_late_moves();
    return tell_again();
}
