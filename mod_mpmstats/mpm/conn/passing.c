/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/passing.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>

#include "base/clock.h"
#include "mpm/conn/inbound.h"
#include "mpm/module.h"
#include "mpm/process/child.h"
#include "mpm/process/handover.h"

/* Poll interval of a worker that waits for the end of a hold. */
#define LOOK_INTERVAL apr_time_from_msec(1)

bool passing_give(conn_t *k)
{
    handover_t what;
    char *bytes = NULL;

    if (handover_state() != HANDOVER_GIVE || k->stays || !inbound_has_heads(k)
        || !inbound_is_plain(k->c)) {
        return false;
    }
    memset(&what, 0, sizeof(what));
    what.keepalives = k->c->keepalives;
    what.used = k->used;
    if (k->inbound != NULL && !inbound_pack(k, &what, &bytes)) {
        k->stays = 1;
        return false;
    }
    what.deadline = what.bytes == 0 ? k->keepalive_until : 0;
    if (handover_send(k->fd, &what, bytes) != 0) {
        k->stays = 1;
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, errno, k->c,
                      "cannot pass the connection on to the next generation, it stays");
        return false;
    }
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c,
                  "passed on to the next generation with %u bytes", (unsigned)what.bytes);
    k->passed_on = 1;
    k->end = MPM_HYBRID_END_STOPPING;
    return true;
}

/* 1: bytes are there; 0: timeout; -1: a hold has begun. @a quick: do not wait. */
static int wait_for_bytes(const conn_t *k, apr_interval_time_t timeout, apr_time_t until,
                          bool quick)
{
    struct pollfd fds[2] = { { .fd = k->fd, .events = POLLIN },
                             { .fd = handover_hold_fd(), .events = POLLIN } };
    /* a hold that begins after this check is reported by the eventfd */
    bool watch = handover_state() == HANDOVER_OFF && handover_hold_fd() >= 0;
    int n;

    do {
        apr_interval_time_t left = until - clock_now();

        n = poll(fds, watch ? 2 : 1,
                 quick             ? 0
                     : timeout < 0 ? -1
                     : left <= 0   ? 0
                                   : (int)((left + 999) / 1000));
        if (n > 0 && fds[0].revents == 0) {
            return -1;
        }
    } while (n < 0 && errno == EINTR);
    return n != 0;
}

/* The prefork model has no ticker: end an overdue hold here. */
static bool is_held(void)
{
    if (!child.lane->is_threaded && handover_is_overdue()) {
        handover_go_on();
        shared_set(child.stats->holding, 0);
    }
    return handover_state() == HANDOVER_HOLD && atomic_load(&child.stopping) != CHILD_NOW;
}

/* As wait_for_bytes(), but returns after the end of a hold. */
static int wait_and_hold(const conn_t *k, apr_interval_time_t timeout, apr_time_t until)
{
    int n;

    do {
        /* During a hold only poll: its end is not reported; idle connections are passed on then. */
        bool begun = child.lane->is_threaded && handover_state() == HANDOVER_HOLD;

        shared_note_since(child.slot, k->times.worker, 0);
        n = wait_for_bytes(k, timeout, until, begun);
        if (begun && n == 0) {
            n = -1;
        }
        while (is_held()) {
            apr_sleep(LOOK_INTERVAL);
        }
        shared_note_since(child.slot, k->times.worker, clock_now());
        /* A hold that began before this check has counted this worker as idle. */
        atomic_thread_fence(memory_order_seq_cst);
    } while (is_held());
    return n;
}

/*
 * TLS connections cannot be passed on: run a request that has arrived at once, while this
 * generation can; close an idle connection.
 */
static apr_status_t between_over_tls(const conn_t *k, apr_interval_time_t timeout, apr_time_t until)
{
    int n;

    shared_note_since(child.slot, k->times.worker, 0);
    n = handover_state() == HANDOVER_OFF ? wait_for_bytes(k, timeout, until, false) : -1;
    if (handover_state() != HANDOVER_OFF) {
        n = wait_for_bytes(k, timeout, until, true);
    }
    shared_note_since(child.slot, k->times.worker, clock_now());
    if (n > 0) {
        return APR_SUCCESS;
    }
    return handover_state() != HANDOVER_OFF ? APR_EOF : APR_TIMEUP;
}

apr_status_t passing_wait(conn_t *k, apr_interval_time_t timeout)
{
    apr_time_t until = clock_now() + timeout;
    int n;

    if (!inbound_is_plain(k->c)) {
        return between_over_tls(k, timeout, until);
    }
    k->keepalive_until = timeout < 0 ? 0 : until;
    do {
        n = wait_and_hold(k, timeout, until);
        /* In the prefork model the next generation gets only connections with bytes to read. */
        if ((n > 0 || (n < 0 && child.lane->is_threaded)) && passing_give(k)) {
            return APR_EOF;
        }
    } while (n < 0);
    k->keepalive_until = 0; /* the next wait gets a new deadline */
    return n == 0 ? APR_TIMEUP : APR_SUCCESS;
}
