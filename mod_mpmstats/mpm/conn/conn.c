/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection, as steps a worker takes while it owns it. Each
 * step either says which comes next, or parks or ends the connection; then it
 * is no longer ours.
 *
 * The states and what process_connection hooks may leave behind are those of
 * conn_state_e in httpd.h.
 */
#include "mpm/conn/conn.h"

#include <poll.h>
#include <sys/epoll.h>

#include "apr_portable.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_ssl.h"
#include "http_vhost.h"
#include "mpm_common.h"
#include "scoreboard.h"
#include "util_filter.h"

#include "base/must_hold.h"
#include "mpm/threads/accept.h"
#include "mpm/threads/child.h"
#include "mpm/conn/direct.h"
#include "mpm/process/handover.h"
#include "mpm/threads/heads.h"
#include "mpm/threads/hung.h"
#include "mpm/module.h"
#include "mpm/conn/inbound.h"
#include "mpm/server.h"
#include "mpm/conn/linger.h"
#include "mpm/conn/network.h"
#include "mpm/conn/outbound.h"
#include "mpm/threads/park.h"
#include "mpm/conn/pools.h"
#include "mpm/conn/streams.h"
#include "mpm/threads/timers.h"
#include "mpm/conn/tunnel.h"

/* A parked head is looked at this often, so that mod_reqtimeout can end it. */
#define LOOK_INTERVAL apr_time_from_sec(1)

typedef enum {
    STEP_READ,    /* get a whole head, or park */
    STEP_PROCESS, /* run the process_connection hooks */
    STEP_WRITE,   /* flush what is left of the response, or park */
    STEP_LINGER,  /* close with lingering */
    STEP_CLOSE,   /* close at once */
    STEP_DONE     /* parked or gone */
} step_e;

/* Of the thread. */
static _Thread_local conn_t *runs_here;

/* Set in conn_child_init, constant afterwards. */
static apr_interval_time_t look_interval;

void conn_child_init(void)
{
    direct_init();
    inbound_child_init();
    look_interval = ap_find_linked_module("mod_reqtimeout.c") != NULL ? LOOK_INTERVAL : 0;
}

apr_interval_time_t conn_look_interval(void)
{
    return look_interval;
}

conn_t *conn_of(conn_rec *c)
{
    return c->master != NULL || c->outgoing
        ? NULL
        : ap_get_module_config(c->conn_config, &mpm_hybrid_module);
}

void conn_runs_here(conn_t *k)
{
    runs_here = k;
}

const conn_t *conn_here(void)
{
    return runs_here;
}

int conn_promised_keepalive(void)
{
    const conn_t *k = runs_here;

    return k != NULL && k->c->keepalive == AP_CONN_KEEPALIVE && inbound_has_heads(k);
}

int conn_is_here(void)
{
    return runs_here != NULL;
}

int conn_is_passed_on(void)
{
    const conn_t *k = runs_here;

    return handover_state() != HANDOVER_OFF && !handover_keeps() && k != NULL && !k->stays
        && inbound_has_heads(k) && inbound_is_plain(k->c);
}

int conn_is_to_end(void)
{
    return runs_here != NULL && runs_here->is_last_request;
}

int conn_was_spoken_to(void)
{
    conn_t *k = runs_here;
    struct pollfd pfd = { .events = POLLIN };

    if (k == NULL || k->heard_out || inbound_has_heads(k)) {
        return 0;
    }
    k->heard_out = 1;
    pfd.fd = k->fd;
    return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN);
}

/* What it does, in the log. */
static const char *const kind_names[MPM_HYBRID_CONN_KINDS] = {
    [MPM_HYBRID_CONN_NEW] = "for the first byte",
    [MPM_HYBRID_CONN_HANDSHAKE] = "in the TLS handshake",
    [MPM_HYBRID_CONN_HEAD] = "in a head",
    [MPM_HYBRID_CONN_BODY] = "in a small body",
    [MPM_HYBRID_CONN_KEEPALIVE] = "for the next request",
    [MPM_HYBRID_CONN_RUNNING] = "with a worker",
    [MPM_HYBRID_CONN_WAITIO] = "for a module",
    [MPM_HYBRID_CONN_WRITE] = "in the response",
    [MPM_HYBRID_CONN_LINGER] = "for the client to close",
    [MPM_HYBRID_CONN_SUSPENDED] = "until a module resumes it"
};

/* ---- what the scoreboard shows ----------------------------------------- */

static apr_uint32_t *score_field(mpm_hybrid_conn_e kind)
{
    switch (kind) {
    case MPM_HYBRID_CONN_KEEPALIVE:
        return &child.score->keep_alive;
    case MPM_HYBRID_CONN_WRITE:
        return &child.score->write_completion;
    case MPM_HYBRID_CONN_LINGER:
        return &child.score->lingering_close;
    case MPM_HYBRID_CONN_SUSPENDED:
        return &child.score->suspended;
#if HYBRID_HAVE_WAITIO
    case MPM_HYBRID_CONN_WAITIO:
        return &child.score->wait_io;
#endif
    default:
        return NULL;
    }
}

static void count_in(conn_t *k, mpm_hybrid_conn_e kind)
{
    apr_uint32_t *field = score_field(kind);

    k->kind = kind;
    shared_add(child.stats->connections[kind], 1);
    if (field != NULL) {
        __atomic_fetch_add(field, 1, __ATOMIC_RELAXED);
    }
}

static void count_out(conn_t *k)
{
    apr_uint32_t *field = score_field(k->kind);

    shared_sub(child.stats->connections[k->kind], 1);
    if (field != NULL) {
        __atomic_fetch_sub(field, 1, __ATOMIC_RELAXED);
    }
}

static void count_as(conn_t *k, mpm_hybrid_conn_e kind)
{
    if (k->kind != kind) {
        count_out(k);
        count_in(k, kind);
    }
}

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

/* The connection's pool goes: modules must see a resume before their cleanups run. */
static apr_status_t resume_before_cleanup(void *data)
{
    conn_t *k = data;

    if (k->suspended) {
        notify_resume(k, NULL);
    }
    return APR_SUCCESS;
}

/* Bytes the client has taken, or sent: as long as the number is the same, it has done nothing. */
static apr_uint64_t progress_of(const conn_t *k, mpm_hybrid_conn_e kind)
{
    if (kind == MPM_HYBRID_CONN_WRITE) {
        return network_bytes_taken(k->fd);
    }
    return k->network != NULL ? k->network->received : 0;
}

/*
 * A wait that goes on after one that ended for nothing (a wake-up, a shortage of epoll's) has no
 * time of its own.
 */
static apr_interval_time_t time_left(conn_t *k, mpm_hybrid_conn_e kind, apr_interval_time_t timeout)
{
    apr_uint64_t progress = progress_of(k, kind);
    apr_interval_time_t left = k->deadline - child_now();

    if (k->waited == kind && progress == k->progress && left < timeout) {
        timeout = left > 0 ? left : 0;
    }
    k->waited = kind;
    k->progress = progress;
    return timeout;
}

/* Returns STEP_DONE, or how to end the connection when it cannot wait. */
static step_e park(conn_t *k, mpm_hybrid_conn_e kind, park_for_e what, apr_interval_time_t timeout,
                   apr_interval_time_t look)
{
    apr_status_t rv;
    conn_rec *c = k->c;

    timeout = time_left(k, kind, timeout);
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, c,
                  "waits %s, for %s, %" APR_TIME_T_FMT " ms at most", kind_names[kind],
                  what == PARK_FOR_ROOM ? "room" : "bytes", apr_time_as_msec(timeout));
    count_as(k, kind);
    if (!k->suspended) {
        notify_suspend(k);
    }
    rv = park_wait(k, what, timeout, look);
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

/* For the next bytes of a request: inbound_advance() does not mind if there are none. */
static park_for_e more(const conn_t *k)
{
    return inbound_drained(k) ? PARK_FOR_MORE : PARK_FOR_BYTES;
}

/*
 * An idle TLS connection that cannot be passed on: what its client asks for next may need what is
 * gone. It is closed, as the stock MPMs do at each restart.
 */
static int is_abandoned(const conn_t *k)
{
    return handover_state() != HANDOVER_OFF && !k->multiplexed && !inbound_is_plain(k->c);
}

static step_e step_keepalive(conn_t *k)
{
    apr_time_t now = child_now();
    apr_interval_time_t left = k->keepalive_until - now;

    k->pub.state = HYBRID_STATE_KEEPALIVE;
    k->pub.sense = CONN_SENSE_DEFAULT;
    k->multiplexed = !inbound_has_heads(k);
    if (k->keepalive_until == 0) {
        k->keepalive_until = now + k->keepalive_timeout;
        left = k->keepalive_timeout;
    }
    if (handover_conn(k)) {
        return STEP_CLOSE;
    }
    if (is_abandoned(k)) {
        k->end = MPM_HYBRID_END_STOPPING;
        return STEP_LINGER;
    }
    return park(k, MPM_HYBRID_CONN_KEEPALIVE, more(k), left > 0 ? left : 0, 0);
}

/*
 * Its request is whole. One that cannot be passed on is begun at once: the restart waits for those
 * that run, and later it would find even less of what it needs.
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
        count_as(k, MPM_HYBRID_CONN_HEAD);
        if (!k->suspended) {
            notify_suspend(k);
        }
        park_hold(k);
        return STEP_DONE;
    }
    return handover_conn(k) ? STEP_CLOSE : STEP_PROCESS;
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
    if (handover_conn(k)) {
        return STEP_CLOSE;
    }
    return park(k, kind, more(k), inbound_patience(k),
                inbound_is_to_be_looked_at(k) ? look_interval : 0);
}

/* What the hooks have left, as the next step. */
static step_e after_processing(conn_t *k, int rc)
{
    conn_rec *c = k->c;

    /* First of all: then the connection is a module's, even if its client has gone. A callback
     * registered in this run may have been quicker than we are. Without async there are none, and
     * nobody to resume what a handler has suspended nevertheless: httpd's loop has given it up. */
    if (child.lane->is_async
        && (k->pub.state == CONN_STATE_SUSPENDED || timers_registered_here())) {
        count_as(k, MPM_HYBRID_CONN_SUSPENDED);
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
        return park(k, MPM_HYBRID_CONN_WAITIO, wanted(k, PARK_FOR_BYTES), k->timeout, 0);
#endif
    case CONN_STATE_LINGER:
    case HYBRID_STATE_PROCESSING: /* no hook cared to say */
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

    count_as(k, MPM_HYBRID_CONN_RUNNING);
    k->waited = MPM_HYBRID_CONN_RUNNING;
    park_head_done(k);
    if (k->inbound != NULL) {
        inbound_dispatched(k);
    }
    k->used = 1;
    k->keepalive_until = 0;
    shared_add(child.stats->dispatched, 1);
    k->times.dispatched_us = child_now();
    k->pub.state = HYBRID_STATE_PROCESSING;
    (void)timers_registered_here();
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "worker %d runs it", k->times.worker);
    conn_runs_here(k);
    rc = ap_run_process_connection(k->c);
    conn_runs_here(NULL);
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "worker %d has run it: %d, state %d",
                  k->times.worker, rc, (int)k->pub.state);
    if (k->passed_on) {
        return STEP_CLOSE;
    }
    return after_processing(k, rc);
}

/* Write what the client takes now, without waiting for it. */
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

static int output_held(const conn_t *k)
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
        return park(k, MPM_HYBRID_CONN_WRITE, wanted(k, PARK_FOR_ROOM), k->timeout, 0);
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

    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "closed after it was %s", kind_names[k->kind]);
    count_out(k);
    park_forget_fd(k);
    MUST_HOLD(!k->passed_on || handover_state() == HANDOVER_GIVE);
    apr_socket_timeout_set(sock, 0);
    apr_socket_close(sock);
    pools_put(pool);
    park_conn_free(k);
    __atomic_fetch_sub(&child.score->connections, 1, __ATOMIC_RELAXED);
    accept_room();
}

static int writable_now(const conn_t *k)
{
    struct pollfd pfd = { .fd = k->fd, .events = POLLOUT };

    return poll(&pfd, 1, 0) == 1;
}

/* Before our side is shut: is there something the client has not taken yet, or
 * would TLS's last word find no room? Then that is waited for first, parked. */
static int output_pending(conn_t *k)
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
        /* not earlier: the log line that the flush writes has it (%X) */
        k->c->keepalive = AP_CONN_CLOSE;
        if (output_pending(k)) {
            k->pub.state = CONN_STATE_WRITE_COMPLETION;
            k->pub.sense = CONN_SENSE_DEFAULT;
            return park(k, MPM_HYBRID_CONN_WRITE, PARK_FOR_ROOM, k->timeout, 0);
        }
    }
    if (!k->linger_started) {
        ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "our side is to be closed");
    }
    count_as(k, MPM_HYBRID_CONN_LINGER);
    switch (linger_step(k)) {
    case LINGER_WAIT:
        return park(k, MPM_HYBRID_CONN_LINGER, PARK_FOR_BYTES, linger_time_left(k), 0);
    default:
        return STEP_CLOSE;
    }
}

static void take_steps(conn_t *k, step_e step)
{
    while (step != STEP_DONE) {
        MUST_HOLD(park_is_mine(k) && !k->parked);
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

/* Its time was up. Modules get what they would get from a blocking read that timed out. */
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
        /* What a module has made of it. */
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

void conn_run(worker_t *w, conn_t *k)
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
                  kind_names[k->kind]);
    take_steps(k, step_resumed(k));
    heads_keep_budget(w);
}

void conn_shed(worker_t *w, conn_t *k)
{
    k->c->current_thread = w->thread;
    shared_add(child.stats->shed, 1);
    k->end = MPM_HYBRID_END_SHED;
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "given up for others, was waiting %s",
                  kind_names[k->kind]);
    take_steps(k, STEP_CLOSE);
}

int conn_look(conn_t *k, apr_thread_t *ticker)
{
    int found;

    k->c->current_thread = ticker;
    found = inbound_look(k) == INBOUND_READY;
    return found;
}

const mpm_hybrid_times_t *mpm_hybrid_conn_times(conn_rec *c)
{
    const conn_t *k = conn_of(c);

    return k == NULL ? NULL : &k->times;
}

mpm_hybrid_end_e mpm_hybrid_conn_end(conn_rec *c)
{
    const conn_t *k = conn_of(c);

    if (k == NULL || k->end != MPM_HYBRID_END_UNKNOWN) {
        return k == NULL ? MPM_HYBRID_END_UNKNOWN : k->end;
    }
    if (k->inbound != NULL && inbound_ended(k)) {
        return inbound_begun(k) ? MPM_HYBRID_END_ERROR : MPM_HYBRID_END_CLIENT;
    }
    if (c->aborted) {
        return MPM_HYBRID_END_ERROR;
    }
    return atomic_load(&child.stopping) != CHILD_RUNNING ? MPM_HYBRID_END_STOPPING
                                                         : MPM_HYBRID_END_SERVER;
}

/* Unique among the connections of this server at one time, and constant for one. */
static long conn_id(const conn_t *k)
{
    return (long)k->index * CHILD_NUMBERS(child.lane) + child.number;
}

static conn_t *conn_create(worker_t *w, apr_pool_t *pool, apr_socket_t *sock, int fd)
{
    conn_t *k = park_conn_new(fd);
    conn_rec *c = NULL;

    if (k == NULL) {
        return NULL;
    }
    k->pool = pool;
    k->sock = sock;
    k->r = NULL;
    k->inbound = NULL;
    k->outbound = NULL;
    k->network = NULL;
    k->suspended = k->linger_started = k->expired = k->used = k->heard_out = k->is_last_request = 0;
    k->whole = k->passed_on = k->stays = k->watched = 0;
    k->waited = MPM_HYBRID_CONN_RUNNING;
    k->keepalive_until = 0;
    memset(&k->times, 0, sizeof(k->times));
    k->times.accepted_us = child_now();
    k->times.slot = &child.slot;
    k->end = MPM_HYBRID_END_UNKNOWN;
    k->timeout = ap_server_conf->timeout;
    k->keepalive_timeout = ap_server_conf->keep_alive_timeout;
    k->pub.state = HYBRID_STATE_PROCESSING;
    k->pub.sense = CONN_SENSE_DEFAULT;
    k->times.worker = w->index;
    ap_create_sb_handle(&k->sbh, pool, child.slot, w->index);
    c = ap_run_create_connection(pool, ap_server_conf, sock, conn_id(k), k->sbh,
                                 pools_bucket_list(pool));
    if (c == NULL) {
        park_conn_free(k);
        return NULL;
    }
    k->c = c;
    c->cs = &k->pub;
    c->current_thread = w->thread;
    ap_set_module_config(c->conn_config, &mpm_hybrid_module, k);
    apr_pool_pre_cleanup_register(pool, k, resume_before_cleanup);
    count_in(k, MPM_HYBRID_CONN_RUNNING);
    __atomic_fetch_add(&child.score->connections, 1, __ATOMIC_RELAXED);
    return k;
}

/* The vhost of the address: its timeouts hold until a request names another. */
static void use_server(conn_t *k, const server_rec *s, const server_rec *base)
{
    k->timeout = s->timeout;
    k->keepalive_timeout = s->keep_alive_timeout_set ? s->keep_alive_timeout
                                                     : base->keep_alive_timeout;
}

/*
 * The connection, with its filters, as it is before its first byte is read; NULL: it is gone. @a
 * has_bytes: some have been read elsewhere, so what reads without a worker is there in any case.
 */
static conn_t *set_up(worker_t *w, apr_pool_t *pool, apr_socket_t *sock, int async_ok,
                      int has_bytes)
{
    apr_os_sock_t fd;
    conn_t *k;
    int rc;

    apr_os_sock_get(&fd, sock);
    k = conn_create(w, pool, sock, fd);
    if (k == NULL) {
        apr_socket_close(sock);
        pools_put(pool);
        accept_room();
        return NULL;
    }
    ap_update_vhost_given_ip(k->c);
    use_server(k, k->c->base_server, k->c->base_server);
    if ((async_ok && server_async_head(k->c->base_server)) || has_bytes) {
        inbound_attach(k);
    }
    rc = ap_pre_connection(k->c, sock);
    if (rc != OK && rc != DONE) {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, k->c, "connection refused by a module");
        take_steps(k, STEP_CLOSE);
        return NULL;
    }
    if (k->inbound != NULL) {
        inbound_prepare(k);
    }
    /* Elsewhere httpd waits for the client after each response: nothing would be held back. */
    if (child.lane->is_async) {
        outbound_attach(k);
    }
    return k;
}

void conn_begin(worker_t *w, apr_pool_t *pool, apr_socket_t *sock, int async_ok)
{
    conn_t *k = set_up(w, pool, sock, async_ok, 0);

    if (k != NULL) {
        ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "accepted, %s",
                      k->inbound != NULL ? "read without a worker" : "a worker reads it");
        take_steps(k, STEP_READ);
        heads_keep_budget(w);
    }
}

void conn_adopt(worker_t *w, apr_pool_t *pool, apr_socket_t *sock, const struct handover_t *what,
                const char *bytes)
{
    conn_t *k = set_up(w, pool, sock, 1, what->bytes > 0);

    if (k == NULL) {
        return;
    }
    k->used = what->used != 0;
    k->c->keepalives = what->keepalives;
    k->keepalive_until = what->deadline;
    if (!inbound_is_plain(k->c)) {
        ap_log_cerror(
            APLOG_MARK, APLOG_INFO, 0, k->c,
            "closed: it began as a plain connection, and the new "
            "configuration has TLS, the PROXY protocol or another filter of input where it came in");
        take_steps(k, STEP_CLOSE);
        return;
    }
    if (k->inbound != NULL && inbound_unpack(k, what, bytes) != APR_SUCCESS) {
        take_steps(k, STEP_CLOSE);
        return;
    }
    take_steps(k, STEP_READ);
    heads_keep_budget(w);
}

/* ---- hooks ------------------------------------------------------------- */

/* A secondary connection (mod_http2's streams) needs a state of its own. */
int conn_pre_connection(conn_rec *c, void *csd)
{
    (void)csd;
    if (c->master != NULL && (c->cs == NULL || c->cs == c->master->cs)) {
        c->cs = apr_pcalloc(c->pool, sizeof(*c->cs));
        c->cs->state = HYBRID_STATE_PROCESSING;
        c->cs->sense = CONN_SENSE_DEFAULT;
    }
    return OK;
}

static apr_status_t forget_request(void *data)
{
    conn_t *k = data;

    k->r = NULL;
    return APR_SUCCESS;
}

/* A prefork child never parks: nobody asks for time-outs, or for the request. */
void conn_pre_read_request(request_rec *r, conn_rec *c)
{
    conn_t *k = conn_of(c);

    if (k != NULL && k->network != NULL) {
        k->network->got = 0;
    }
    if (k != NULL && !child.lane->is_async) {
        /* the process runs the whole connection */
        shared_note_since(child.slot, k->times.worker, child_now());
    }
    if (k == NULL || !child.lane->is_threaded) {
        return;
    }
    k->r = r;
    hung_request_begins(k->times.worker);
    use_server(k, c->base_server, c->base_server);
    apr_pool_cleanup_register(r->pool, k, forget_request, apr_pool_cleanup_null);
}

/*
 * The time of a request, from which httpd counts (%t, %D, REQUEST_TIME), is that of its line. What
 * was read without a worker came before httpd looked at the clock. One that was already there when
 * the last answer was written begins with it, as where nothing is read ahead.
 */
static void date_request(request_rec *r, conn_t *k)
{
    if (k->line_us != 0 && r->main == NULL && r->prev == NULL) {
        r->request_time = apr_time_now() - (child_now() - k->line_us);
        k->line_us = 0;
    }
}

/*
 * Where a worker stays with an HTTP/2 connection, which outlives its streams, mod_http2's own
 * workers run the requests.
 */
static void note_carrier(conn_rec *stream)
{
    const conn_t *k = conn_of(stream->master);

    if (k != NULL && child.lane->is_threaded && !child.lane->is_async) {
        hung_is_connection(k->times.worker);
    }
}

int conn_post_read_request(request_rec *r)
{
    conn_t *k = conn_of(r->connection);

    if (r->connection->master != NULL) {
        note_carrier(r->connection);
        streams_begin(r);
    }
    if (k != NULL) {
        date_request(r, k);
    }
    if (k != NULL && child.lane->is_threaded) {
        use_server(k, r->server, r->connection->base_server);
    }
    return OK;
}

/* One that could not be read to its end is only logged. */
int conn_log_transaction(request_rec *r)
{
    conn_t *k = conn_of(r->connection);

    if (k != NULL) {
        date_request(r, k);
    }
    return DECLINED;
}

void conn_insert_filter(request_rec *r)
{
    const conn_t *k = child.lane->is_threaded ? conn_of(r->connection) : NULL;

    if (k != NULL) {
        workers_about_to_run(k->times.worker, r->handler != NULL ? r->handler : r->content_type);
    }
}

/* mod_proxy asks servers that are not httpd's, and that no restart ends. */
static int is_proxied(const char *handler)
{
    return handler != NULL
        && (strcmp(handler, "proxy-server") == 0 || strncmp(handler, "proxy:", 6) == 0);
}

/* Which handler is about to run, for those who look at a worker from outside. */
int conn_handler(request_rec *r)
{
    conn_t *k = conn_of(r->connection);

    if (k != NULL) {
        shared_note_handler(child.slot, k->times.worker, r->handler ? r->handler : "");
        shared_note_needs(child.slot, k->times.worker,
                          r->main == NULL && is_proxied(r->handler) ? SHARED_NEEDS_LOG
                                                                    : SHARED_NEEDS_ALL);
        if (child.lane->is_threaded && r->main == NULL) {
            tunnel_watch(k, r);
        }
    }
    return DECLINED;
}

/* No module's handler has taken it: the core serves a file. Included ones may be programs. */
int conn_last_handler(request_rec *r)
{
    const conn_t *k = conn_of(r->connection);

    if (k != NULL && r->main == NULL) {
        shared_note_needs(child.slot, k->times.worker, SHARED_NEEDS_CLIENT);
    }
    return DECLINED;
}

/* A protocol other than HTTP/1 may never read a request: its server is known now. */
int conn_protocol_switch(conn_rec *c, request_rec *r, server_rec *s, const char *protocol)
{
    conn_t *k = conn_of(c);

    (void)protocol;
    if (r == NULL && s != NULL && k != NULL) {
        use_server(k, s, c->base_server);
    }
    return DECLINED;
}
