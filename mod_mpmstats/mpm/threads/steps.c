/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps a worker takes with a connection it owns. Each step returns the next
 * one, or parks or closes the connection, which ends the ownership (STEP_DONE).
 *
 * The states, and those that process_connection hooks may leave, are those of
 * conn_state_e in httpd.h.
 */
#include "mpm/threads/steps.h"

#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "apr_portable.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_ssl.h"
#include "http_vhost.h"
#include "mpm_common.h"
#include "scoreboard.h"
#include "util_filter.h"

#include "base/clock.h"
#include "base/must_hold.h"
#include "mpm/conn/counted.h"
#include "mpm/conn/heads.h"
#include "mpm/conn/here.h"
#include "mpm/conn/inbound.h"
#include "mpm/conn/linger.h"
#include "mpm/conn/network.h"
#include "mpm/conn/outbound.h"
#include "mpm/conn/passing.h"
#include "mpm/conn/pools.h"
#include "mpm/module.h"
#include "mpm/process/child.h"
#include "mpm/process/handover.h"
#include "mpm/process/rarely.h"
#include "mpm/conn/server.h"
#include "mpm/threads/park.h"
#include "mpm/threads/timers.h"

typedef enum {
    STEP_READ,    /* read a complete head, or park */
    STEP_PROCESS, /* run the process_connection hooks */
    STEP_WRITE,   /* flush the rest of the response, or park */
    STEP_LINGER,  /* close with lingering */
    STEP_CLOSE,   /* close at once */
    STEP_DONE     /* parked or closed */
} step_e;

/* Set in steps_child_init, constant afterwards. */
static void (*when_gone)(void);

/* ---- suspend and resume ------------------------------------------------ */

static void notify_suspend(conn_t *k)
{
    ap_run_suspend_connection(k->c, k->r);
    k->c->sbh = NULL;
    k->suspended = 1;
}

static void notify_resume(conn_t *k, ap_sb_handle_t *sbh)
{
    k->suspended = 0;
    k->c->sbh = sbh;
    ap_run_resume_connection(k->c, k->r);
}

/* Bytes the client has acknowledged, or sent: the number changes when the client makes progress. */
static apr_uint64_t progress_of(const conn_t *k, mpm_hybrid_conn_e kind)
{
    if (kind == MPM_HYBRID_CONN_WRITE) {
        return network_bytes_taken(k->fd);
    }
    return k->network != NULL ? k->network->received : 0;
}

/*
 * A wait that continues one without progress (a spurious wake-up, a shortage of epoll watches)
 * keeps its deadline.
 */
static apr_interval_time_t time_left(conn_t *k, apr_time_t now, mpm_hybrid_conn_e kind,
                                     apr_interval_time_t timeout)
{
    apr_uint64_t progress = progress_of(k, kind);
    apr_interval_time_t left = k->deadline - now;

    if (k->waited == kind && progress == k->progress && left < timeout) {
        timeout = left > 0 ? left : 0;
    }
    k->waited = kind;
    k->progress = progress;
    return timeout;
}

/* Returns STEP_DONE, or how to end the connection when it cannot wait. */
static step_e park(conn_t *k, apr_time_t now, mpm_hybrid_conn_e kind, park_for_e what,
                   apr_interval_time_t timeout, apr_interval_time_t look)
{
    apr_status_t rv;
    conn_rec *c = k->c;

    timeout = time_left(k, now, kind, timeout);
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, c,
                  "waits %s, for %s, %" APR_TIME_T_FMT " ms at most", counted_name(kind),
                  what == PARK_FOR_ROOM ? "room" : "bytes", apr_time_as_msec(timeout));
    counted_as(k, kind);
    if (!k->suspended) {
        notify_suspend(k);
    }
    rv = park_wait(k, what, now, timeout, look);
    if (rv == APR_SUCCESS) {
        return STEP_DONE;
    }
    ap_log_cerror(APLOG_MARK, APLOG_ERR, rv, c,
                  "cannot wait for the connection in epoll, closing it");
    return STEP_CLOSE;
}

/* ---- steps ------------------------------------------------------------- */

static park_for_e wanted(conn_t *k, park_for_e by_default)
{
    conn_sense_e sense = k->pub.sense;

    k->pub.sense = CONN_SENSE_DEFAULT;
    if (sense == CONN_SENSE_WANT_READ) {
        return PARK_FOR_BYTES;
    }
    if (sense == CONN_SENSE_WANT_WRITE) {
        return PARK_FOR_ROOM;
    }
    return by_default;
}

/* How to park for the next bytes of a request. */
static park_for_e more(const conn_t *k)
{
    return inbound_drained(k) ? PARK_FOR_MORE : PARK_FOR_BYTES;
}

/*
 * An idle TLS connection, which cannot be passed on. It is closed, as the stock MPMs do at each
 * restart, since its next request may need resources that the restart removes.
 */
static bool is_abandoned(const conn_t *k)
{
    return handover_state() != HANDOVER_OFF && !k->multiplexed && !inbound_is_plain(k->c);
}

static step_e step_keepalive(conn_t *k)
{
    apr_time_t now = clock_now();
    apr_interval_time_t left = k->keepalive_until - now;

    k->pub.state = HYBRID_STATE_KEEPALIVE;
    k->pub.sense = CONN_SENSE_DEFAULT;
    counted_files(k, counted_files_of(k));
    k->multiplexed = k->files != 0;
    if (k->keepalive_until == 0) {
        k->keepalive_until = now + k->keepalive_timeout;
        left = k->keepalive_timeout;
    }
    if (passing_give(k)) {
        return STEP_CLOSE;
    }
    if (is_abandoned(k)) {
        k->end = MPM_HYBRID_END_STOPPING;
        return STEP_LINGER;
    }
    return park(k, now, MPM_HYBRID_CONN_KEEPALIVE, more(k), left > 0 ? left : 0, 0);
}

/*
 * The request is complete. On a connection that cannot be passed on it begins at once, hold or
 * not: the restart waits for running requests.
 */
static step_e begin_if_allowed(conn_t *k)
{
    k->whole = 0;
    if (handover_state() == HANDOVER_OFF || inbound_ended(k) || !inbound_has_heads(k)
        || !inbound_is_plain(k->c)) {
        return STEP_PROCESS;
    }
    if (handover_state() == HANDOVER_HOLD) {
        k->whole = 1;
        counted_as(k, MPM_HYBRID_CONN_HEAD);
        if (!k->suspended) {
            notify_suspend(k);
        }
        park_hold(k);
        return STEP_DONE;
    }
    return passing_give(k) ? STEP_CLOSE : STEP_PROCESS;
}

static step_e step_read(conn_t *k)
{
    mpm_hybrid_conn_e kind;

    if (k->inbound == NULL || k->c->clogging_input_filters) {
        return STEP_PROCESS;
    }
    k->pub.state = HYBRID_STATE_PROCESSING;
    if (inbound_advance(k) == INBOUND_READY) {
        return begin_if_allowed(k);
    }
    kind = inbound_kind(k);
    if (kind == MPM_HYBRID_CONN_KEEPALIVE) {
        return step_keepalive(k);
    }
    k->pub.state = HYBRID_STATE_KEEPALIVE;
    if (passing_give(k)) {
        return STEP_CLOSE;
    }
    if (!inbound_is_to_be_looked_at(k) && ap_ssl_conn_is_ssl(k->c)) {
        counted_files(k, counted_files_of(k)); /* the handshake has chosen */
    }
    return park(k, clock_now(), kind, more(k), inbound_patience(k),
                inbound_is_to_be_looked_at(k) ? inbound_look_interval() : 0);
}

/* The next step, from the state that the hooks have left. */
static step_e after_processing(conn_t *k, int rc)
{
    conn_rec *c = k->c;

    /* Before any other check: a suspended connection belongs to a module, even if its client has
     * closed it. A callback registered in this run may have changed the state already. Without
     * async there are no callbacks to resume it: httpd's loop has given it up. */
    if (child.lane->is_async
        && (k->pub.state == CONN_STATE_SUSPENDED || timers_registered_here())) {
        counted_as(k, MPM_HYBRID_CONN_SUSPENDED);
        notify_suspend(k);
        park_suspend(k);
        return STEP_DONE;
    }
    if (rc != OK && rc != DONE) {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, c,
                      "process_connection returned %d in state %d, closing", rc, (int)k->pub.state);
        return STEP_LINGER;
    }
    if (c->aborted) {
        return STEP_LINGER;
    }
    switch (k->pub.state) {
    case HYBRID_STATE_KEEPALIVE:
    case CONN_STATE_WRITE_COMPLETION:
        return STEP_WRITE;
#if HYBRID_HAVE_WAITIO
    case CONN_STATE_ASYNC_WAITIO:
        counted_files(k, counted_files_of(k));
        return park(k, clock_now(), MPM_HYBRID_CONN_WAITIO, wanted(k, PARK_FOR_BYTES), k->timeout,
                    0);
#endif
    case CONN_STATE_LINGER:
    case HYBRID_STATE_PROCESSING: /* no hook has set a state */
        return STEP_LINGER;
    default:
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, c,
                      "process_connection left the unexpected state %d, closing",
                      (int)k->pub.state);
        return STEP_LINGER;
    }
}

static step_e step_process(conn_t *k)
{
    int rc;

    counted_as(k, MPM_HYBRID_CONN_RUNNING);
    k->waited = MPM_HYBRID_CONN_RUNNING;
    park_head_done(k);
    if (k->inbound != NULL) {
        inbound_dispatched(k);
    }
    k->used = 1;
    k->keepalive_until = 0;
    shared_add(child.stats->dispatched, 1);
    k->times.dispatched_us = clock_now();
    k->pub.state = HYBRID_STATE_PROCESSING;
    (void)timers_registered_here();
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "worker %d runs it", k->times.worker);
    here_runs(k);
    rc = ap_run_process_connection(k->c);
    here_runs(NULL);
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "worker %d has run it: %d, state %d",
                  k->times.worker, rc, (int)k->pub.state);
    if (k->passed_on) {
        return STEP_CLOSE;
    }
    return after_processing(k, rc);
}

/* Write what the client accepts now, without waiting. */
static apr_status_t flush_output(conn_t *k)
{
    ap_filter_t *f = k->c->output_filters;
    apr_status_t rv;

    while (f->next != NULL) {
        f = f->next;
    }
    for (;;) {
        rv = f->frec->filter_func.out_func(f, NULL);
        if (rv != APR_SUCCESS || k->c->data_in_output_filters || !outbound_pending(k)) {
            return rv;
        }
        rv = outbound_push(k);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
}

static bool output_held(const conn_t *k)
{
    return k->c->data_in_output_filters || outbound_pending(k);
}

static step_e step_write(conn_t *k)
{
    conn_rec *c = k->c;
    apr_status_t rv;

    k->pub.state = CONN_STATE_WRITE_COMPLETION;
    rv = flush_output(k);
    if (rv != APR_SUCCESS) {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, rv, c, "cannot write to the client");
        return STEP_LINGER;
    }
    if (output_held(k) || k->pub.sense == CONN_SENSE_WANT_READ) {
        return park(k, clock_now(), MPM_HYBRID_CONN_WRITE, wanted(k, PARK_FOR_ROOM), k->timeout, 0);
    }
    if (c->keepalive != AP_CONN_KEEPALIVE || c->aborted) {
        return STEP_LINGER;
    }
    if (c->data_in_input_filters || (k->inbound != NULL && inbound_buffered(k))) {
        return STEP_READ;
    }
    return step_keepalive(k);
}

static void close_connection(conn_t *k)
{
    apr_pool_t *pool = k->pool;
    apr_socket_t *sock = k->sock;

    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "closed after it was %s",
                  counted_name(k->kind));
    counted_out(k);
    park_forget_fd(k);
    MUST_HOLD(!k->passed_on || handover_state() == HANDOVER_GIVE);
    apr_socket_timeout_set(sock, 0);
    apr_socket_close(sock);
    pools_put(pool);
    counted_files(k, 0);
    park_conn_free(k);
    __atomic_fetch_sub(&child.score->connections, 1, __ATOMIC_RELAXED);
    when_gone();
}

static int writable_now(const conn_t *k)
{
    struct pollfd pfd = { .fd = k->fd, .events = POLLOUT };

    return poll(&pfd, 1, 0) == 1;
}

/* Whether to park for writability before our side is shut: output is pending, or
 * the socket has no room for TLS's close_notify. */
static bool output_pending(conn_t *k)
{
    return !k->linger_started && !k->expired && !k->c->aborted
        && (output_held(k) || (ap_ssl_conn_is_ssl(k->c) && !writable_now(k)));
}

static step_e step_linger(conn_t *k)
{
    if (output_pending(k)) {
        if (output_held(k) && flush_output(k) != APR_SUCCESS) {
            k->c->aborted = 1;
        }
        /* after the flush, which logs the request with %X */
        k->c->keepalive = AP_CONN_CLOSE;
        if (output_pending(k)) {
            k->pub.state = CONN_STATE_WRITE_COMPLETION;
            k->pub.sense = CONN_SENSE_DEFAULT;
            return park(k, clock_now(), MPM_HYBRID_CONN_WRITE, PARK_FOR_ROOM, k->timeout, 0);
        }
    }
    if (!k->linger_started) {
        ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "our side is to be closed");
    }
    counted_as(k, MPM_HYBRID_CONN_LINGER);
    switch (linger_step(k)) {
    case LINGER_WAIT:
        return park(k, clock_now(), MPM_HYBRID_CONN_LINGER, PARK_FOR_BYTES, linger_time_left(k), 0);
    default:
        return STEP_CLOSE;
    }
}

static void take_steps(conn_t *k, step_e step)
{
    while (step != STEP_DONE) {
        MUST_HOLD(conn_is_mine(k) && !k->parked);
        switch (step) {
        case STEP_READ:
            step = step_read(k);
            break;
        case STEP_PROCESS:
            step = step_process(k);
            break;
        case STEP_WRITE:
            step = step_write(k);
            break;
        case STEP_LINGER:
            step = step_linger(k);
            break;
        default:
            close_connection(k);
            step = STEP_DONE;
        }
    }
}

/* ---- entry points ------------------------------------------------------ */

/* The deadline has passed. Modules get the status of a blocking read that timed out. */
static step_e step_overdue(conn_t *k)
{
    if (k->linger_started) {
        return STEP_CLOSE;
    }
    k->end = k->kind == MPM_HYBRID_CONN_KEEPALIVE ? MPM_HYBRID_END_KEEPALIVE_TIMEOUT
        : k->kind == MPM_HYBRID_CONN_BODY         ? MPM_HYBRID_END_BODY_TIMEOUT
        : k->pub.state == HYBRID_STATE_KEEPALIVE  ? MPM_HYBRID_END_HEAD_TIMEOUT
                                                  : MPM_HYBRID_END_ERROR;
    if (k->pub.state == HYBRID_STATE_KEEPALIVE && k->kind != MPM_HYBRID_CONN_KEEPALIVE
        && k->inbound != NULL) {
        inbound_give_up(k, APR_TIMEUP);
        return STEP_PROCESS;
    }
    apr_table_setn(k->c->notes, "short-lingering-close", "1");
    return STEP_LINGER;
}

static step_e step_resumed(conn_t *k)
{
    if (k->expired) {
        return step_overdue(k);
    }
    if (k->linger_started) {
        return STEP_LINGER;
    }
    if (k->whole) {
        return begin_if_allowed(k);
    }
    if (k->kind == MPM_HYBRID_CONN_SUSPENDED) {
        (void)timers_registered_here();
        return after_processing(k, OK);
    }
    switch (k->pub.state) {
    case HYBRID_STATE_KEEPALIVE:
        return STEP_READ;
    case CONN_STATE_WRITE_COMPLETION:
        return STEP_WRITE;
    case CONN_STATE_LINGER:
        return STEP_LINGER;
    default:
        return STEP_PROCESS;
    }
}

void steps_shed(conn_worker_t *w, conn_t *k)
{
    k->c->current_thread = w->thread;
    shared_add(child.stats->shed, 1);
    k->end = MPM_HYBRID_END_SHED;
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "given up for others, was waiting %s",
                  counted_name(k->kind));
    take_steps(k, STEP_CLOSE);
}

void steps_shed_idle(conn_worker_t *w, conn_t *k)
{
    k->c->current_thread = w->thread;
    shared_add(child.stats->shed, 1);
    k->end = MPM_HYBRID_END_SHED;
    k->times.worker = w->index;
    ap_update_sb_handle(k->sbh, child.slot, w->index);
    if (k->suspended) {
        notify_resume(k, k->sbh);
    }
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "given up for others, was waiting %s",
                  counted_name(k->kind));
    (void)linger_step(
        k); /* GOAWAY, as far as the socket takes it; its descriptors are needed now */
    take_steps(k, STEP_CLOSE);
}

/* While MPMHeadMemory is exceeded, drop the connections that hold most. */
static void keep_budget(conn_worker_t *w)
{
    static rarely_t dropped;
    apr_int64_t most = child.lane->head_memory;
    unsigned n;
    conn_t *k;

    while (most > 0 && heads_bytes() > most && (k = park_largest_head()) != NULL) {
        steps_shed(w, k);
        n = rarely_say(&dropped);
        if (n > 0) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                         "child %d holds more than MPMHeadMemory (%" APR_INT64_T_FMT
                         " bytes) of requests that are not whole: dropped %u connections that "
                         "held most. Raise MPMHeadMemory, or lower LimitRequestFieldSize, "
                         "LimitRequestFields or MPMBodyBuffer",
                         (int)getpid(), most, n);
        }
    }
}

void steps_run(conn_worker_t *w, conn_t *k)
{
    conn_rec *c = k->c;

    k->times.worker = w->index;
    ap_update_sb_handle(k->sbh, child.slot, w->index);
    c->current_thread = w->thread;
    if (k->suspended) {
        notify_resume(k, k->sbh);
    }
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, c, "%s%s, was waiting %s",
                  k->expired ? "its time is up" : "goes on", k->hangup ? " after a hang-up" : "",
                  counted_name(k->kind));
    take_steps(k, step_resumed(k));
    keep_budget(w);
}

bool steps_look(conn_t *k, apr_thread_t *ticker)
{
    bool found;

    k->c->current_thread = ticker;
    found = inbound_look(k) == INBOUND_READY;
    return found;
}

void steps_read(conn_worker_t *w, conn_t *k)
{
    take_steps(k, STEP_READ);
    keep_budget(w);
}

void steps_close(conn_t *k)
{
    take_steps(k, STEP_CLOSE);
}

apr_status_t steps_resume_before_cleanup(void *data)
{
    conn_t *k = data;

    if (k->suspended) {
        notify_resume(k, NULL);
    }
    return APR_SUCCESS;
}

void steps_note_gone(void)
{
    when_gone();
}

void steps_child_init(void (*gone)(void))
{
    when_gone = gone;
}
