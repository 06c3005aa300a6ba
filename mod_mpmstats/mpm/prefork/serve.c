/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/prefork/serve.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "apr_portable.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_vhost.h"
#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/conn/here.h"
#include "mpm/conn/inbound.h"
#include "mpm/conn/linger.h"
#include "mpm/conn/pools.h"
#include "mpm/conn/server.h"
#include "mpm/module.h"
#include "mpm/prefork/pending_tls.h"
#include "mpm/prefork/told.h"
#include "mpm/prefork/watch.h"
#include "mpm/process/child.h"
#include "mpm/process/handover.h"

/* Time an idle child waits for the client's close before it uses the lobby. */
#define LINGER_HERE_MS 50

/* Used by the only thread. */
static ap_sb_handle_t *sbh; /* constant after serve_init() */
static unsigned served;
static conn_t conn; /* the current connection without TLS */

void serve_init(ap_sb_handle_t *handle)
{
    sbh = handle;
}

unsigned serve_count(void)
{
    return served;
}

/* ---- one connection ----------------------------------------------------- */

/* Timed out in the lobby: serve what has arrived, or the time-out. */
static void take_overdue(conn_t *k, int over_budget)
{
    if (inbound_advance(k) == INBOUND_READY) {
        return;
    }
    k->end = inbound_kind(k) == MPM_HYBRID_CONN_BODY ? MPM_HYBRID_END_BODY_TIMEOUT
                                                     : MPM_HYBRID_END_HEAD_TIMEOUT;
    if (over_budget) {
        inbound_over_budget(k);
    }
    else {
        inbound_give_up(k, APR_TIMEUP);
    }
}

static bool may_be_held(const conn_t *k, const handoff_t *what)
{
    return what->is_tls && !what->at_once && server_async_head(k->c->base_server);
}

/* Zero if a module rejects the connection. */
static bool prepare(conn_t *k, const handoff_t *what)
{
    int rc;

    ap_update_vhost_given_ip(k->c);
    k->timeout = k->c->base_server->timeout;
    if (what->overdue || may_be_held(k, what)) {
        inbound_attach(k);
    }
    rc = ap_pre_connection(k->c, k->sock);
    if (rc != OK && rc != DONE) {
        k->c->aborted = 1;
        return false;
    }
    if (k->inbound != NULL) {
        inbound_prepare(k);
    }
    return true;
}

static void process(conn_t *k)
{
    if (k->inbound != NULL) {
        inbound_dispatched(k);
    }
    here_runs(k);
    ap_run_process_connection(k->c);
    here_runs(NULL);
}

/* ---- its end ------------------------------------------------------------- */

/* True once the client has closed, or the connection is broken. */
static bool drained(int fd)
{
    return linger_drain(fd) == LINGER_OVER;
}

/* Lingering close in this process, as httpd does it, if the lobby cannot take the connection. */
static void linger_to_the_end(int fd, apr_interval_time_t time)
{
    apr_time_t until = clock_now() + time;

    while (!drained(fd) && told.terms == 0) {
        struct pollfd one = { .fd = fd, .events = POLLIN };
        apr_interval_time_t left = until - clock_now();

        if (left <= 0 || poll(&one, 1, (int)(left / 1000) + 1) == 0) {
            return;
        }
    }
}

/*
 * The server's side is shut down; the socket stays open until the client has the whole response.
 * Most clients close at once.
 */
static void linger(int fd, bool is_short)
{
    struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = watch_fd, .events = POLLIN } };
    apr_time_t until = clock_now() + apr_time_from_msec(LINGER_HERE_MS);
    apr_interval_time_t left;
    handoff_t what;

    if (drained(fd)) {
        return;
    }
    /* In all: one that sends in pieces would keep this process for ever. */
    while ((left = until - clock_now()) > 0 && poll(fds, 2, (int)((left + 999) / 1000)) > 0
           && fds[1].revents == 0) {
        if (drained(fd)) {
            return;
        }
    }
    is_short = is_short || told.ending != TOLD_RUN;
    what = (handoff_t){ .is_short = is_short != 0 };
    if (told.terms == 0 && handoff_send(watch_pairs.lingering[1], fd, &what) != 0) {
        linger_to_the_end(fd, is_short ? LINGER_SHORT_TIME : LINGER_NORMAL_TIME);
    }
}

static void close_connection(conn_t *k)
{
    conn_rec *c = k->c;

    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, c, "to be closed%s",
                  k->passed_on ? ", another process has it" : "");
    if (k->passed_on) {
        c->aborted = 1; /* another process has it: write nothing to the client */
        told.current_fd = -1;
        apr_socket_close(k->sock);
        return;
    }
    if (ap_get_conn_socket(c) == NULL) {
        c->aborted = 1; /* a module has taken the socket */
        return;
    }
    if (!ap_start_lingering_close(c)) {
        shared_set(child.stats->connections[MPM_HYBRID_CONN_RUNNING], 0);
        shared_set(child.stats->connections[MPM_HYBRID_CONN_LINGER], 1);
        told_be_idle();
        linger(k->fd,
               told.ending != TOLD_RUN || apr_table_get(c->notes, "short-lingering-close") != NULL);
        shared_set(child.stats->connections[MPM_HYBRID_CONN_LINGER], 0);
    }
    told.current_fd = -1;
    apr_socket_close(k->sock);
}

/*
 * Run a prepared connection from its first request to its end. Between told_begin_run() and
 * told_end_run().
 */
static void run(conn_t *k)
{
    shared_add(child.stats->dispatched, 1);
    k->times.dispatched_us = clock_now();
    k->is_last_request = pending_tls_count() > 0;
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "this process runs it%s",
                  k->end == MPM_HYBRID_END_HEAD_TIMEOUT ? ", its time is up" : "");
    process(k);
    close_connection(k);
}

void serve_close_dropped(conn_t *k)
{
    if (k != NULL) {
        apr_socket_close(k->sock);
        pools_put(k->pool);
    }
}

/* True if the request is incomplete and the connection is now pending (pending_tls.h). */
static bool hold(conn_t *k)
{
    if (k->inbound == NULL || pending_tls_is_ready(k)) {
        return false;
    }
    serve_close_dropped(pending_tls_to_drop());
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "waits in the TLS handshake or a head");
    return pending_tls_keep(k);
}

/* For TLS only the begin of the handshake is known. httpd reads requests after the first. */
static void take_times(mpm_hybrid_times_t *times, const handoff_t *what)
{
    if (what->is_tls) {
        times->handshake_begin_us = what->first_us;
        return;
    }
    times->first_byte_us = what->first_us;
    times->head_us = what->whole_us;
}

/* Unique among the server's live connections, although this child may have pending ones. */
static long conn_id(void)
{
    static long held;

    held = pending_tls_count() > 0 ? held + 1 : 0;
    return held * CHILD_NUMBERS(child.lane) + child.number;
}

/* The first byte's time stands for the request line's, which the lobby does not record. */
static void take_date(conn_t *k, const handoff_t *what)
{
    k->line_us = what->is_tls ? 0 : what->first_us;
}

void serve_new(apr_pool_t *pool, apr_socket_t *sock, int fd, const handoff_t *what)
{
    conn_t *k = what->is_tls ? apr_palloc(pool, sizeof(*k)) : &conn;
    bool is_held = false;

    memset(k, 0, sizeof(*k));
    k->pool = pool;
    k->sock = sock;
    k->fd = fd;
    k->sbh = sbh;
    k->pub.state = HYBRID_STATE_PROCESSING;
    k->timeout = ap_server_conf->timeout;
    k->keepalive_timeout = ap_server_conf->keep_alive_timeout;
    k->times.slot = &child.slot;
    take_times(&k->times, what);
    take_date(k, what);
    served++;
    told_begin_run(fd);
    conn_own(k);
    k->c = ap_run_create_connection(pool, ap_server_conf, sock, conn_id(), sbh,
                                    apr_bucket_alloc_create(pool));
    if (k->c != NULL) {
        conn_attach(k);
        k->c->keepalives = what->keepalives;
        k->c->current_thread = ap_thread_current();
        if (!prepare(k, what)) {
            close_connection(k);
        }
        else if (what->overdue) {
            take_overdue(k, what->over_budget);
            if (k->line_us != 0) {
                take_date(k, what);
            }
            run(k);
        }
        else if (!(is_held = hold(k))) {
            run(k);
        }
    }
    if (!is_held) {
        pools_put(pool);
    }
    told_end_run();
    if (is_held) {
        watch_stand_aside();
    }
}

void serve_held(conn_t *k)
{
    told_begin_run(k->fd);
    run(k);
    pools_put(k->pool);
    told_end_run();
}

void serve_handed_over(apr_pool_t *pool, int fd, const handoff_t *what)
{
    apr_socket_t *sock = handover_socket(fd, pool);

    if (sock == NULL) {
        pools_put(pool); /* the client has disconnected */
        return;
    }
    serve_new(pool, sock, fd, what);
}
