/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/threads/poll.h"

#include <stdbool.h>
#include <unistd.h>

#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/threads/accept.h"
#include "mpm/threads/adopt.h"
#include "mpm/threads/park.h"
#include "mpm/threads/steps.h"
#include "mpm/threads/tags.h"
#include "mpm/threads/timers.h"

_Atomic int poll_leaving;

static void drain_wake_fd(void)
{
    uint64_t n;

    if (read(park_wake_fd(), &n, sizeof(n)) < 0) {
        /* EAGAIN: another poller has drained it. */
    }
}

/* Accept at most as many connections as there are events. True if we keep the polling slot. */
static bool serve_listener(worker_state_t *w, const poll_slot_t *poll_slot, unsigned listener)
{
    int most = poll_slot->count;
    bool accepted;

    do {
        run_begins(w);
        accepted = accept_ready(&w->pub, listener);
        if (!run_ends(w)) {
            return false;
        }
    } while (accepted && --most > 0);
    return true;
}

/* Serve the next event. True if we keep the polling slot. */
static bool serve_event(worker_state_t *w, poll_slot_t *poll_slot)
{
    const struct epoll_event *event = &poll_slot->events[poll_slot->next++];
    uint64_t tag = event->data.u64;
    conn_t *k;

    if (TAG_IS_CONN(tag)) {
        k = park_claim(tag, event->events);
        if (k == NULL) {
            return true;
        }
        run_begins(w);
        steps_run(&w->pub, k);
        return run_ends(w);
    }
    if (TAG_IS_LISTENER(tag)) {
        return serve_listener(w, poll_slot, TAG_LOW(tag));
    }
    if (tag == TAG_HANDOVER) {
        run_begins(w);
        adopt_take(&w->pub);
        return run_ends(w);
    }
    if (!atomic_load(&poll_leaving)) {
        drain_wake_fd();
    }
    return true;
}

/*
 * Serve one item that does not come from epoll: the last connections to accept, callbacks due at
 * @a begun, the run queue. false: none.
 */
static bool serve_one(worker_state_t *w, apr_time_t begun)
{
    const void *of;
    conn_t *k;

    if (accept_has_last()) {
        run_begins(w);
        accept_last(&w->pub);
        return true;
    }
    if (begun != 0 && timers_due(begun)) {
        run_begins(w);
        ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_BUSY_WRITE, NULL);
        if (timers_run_due(begun, &of)) {
            park_check_suspended(of);
        }
        return true;
    }
    k = park_take_ready();
    if (k != NULL) {
        run_begins(w);
        steps_run(&w->pub, k);
        return true;
    }
    return false;
}

/* Serve all of them: each was announced by one wake-up. True if we keep the polling slot. */
static bool serve_queue(worker_state_t *w)
{
    apr_time_t begun = timers_next() != 0 ? clock_now() : 0;

    while (serve_one(w, begun)) {
        if (!run_ends(w)) {
            return false;
        }
    }
    return true;
}

void poll_serve(worker_state_t *w, poll_slot_t *poll_slot)
{
    w->held = poll_slot;
    ap_update_child_status_from_indexes(child.slot, w->pub.index, SERVER_READY, NULL);
    for (;;) {
        while (poll_slot->next < poll_slot->count) {
            if (!serve_event(w, poll_slot)) {
                return;
            }
        }
        if (!serve_queue(w)) {
            return;
        }
        if (atomic_load_explicit(&poll_leaving, memory_order_relaxed)) {
            return;
        }
        ap_update_child_status_from_indexes(child.slot, w->pub.index,
                                            atomic_load(&child.stopping) ? SERVER_GRACEFUL
                                                                         : SERVER_READY,
                                            NULL);
        poll_slot->next = 0;
        poll_slot->count = epoll_wait(child.epoll_fd, poll_slot->events, RUN_BATCH,
                                      timers_next() != 0 && timers_due(clock_now()) ? 0 : -1);
        if (poll_slot->count < 0) {
            poll_slot->count = 0;
        }
    }
}
