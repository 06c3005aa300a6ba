/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/threads/begin.h"

#include "apr_portable.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_vhost.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/conn/counted.h"
#include "mpm/conn/inbound.h"
#include "mpm/conn/outbound.h"
#include "mpm/conn/pools.h"
#include "mpm/conn/server.h"
#include "mpm/module.h"
#include "mpm/process/child.h"
#include "mpm/process/handover.h"
#include "mpm/threads/park.h"
#include "mpm/threads/steps.h"

/* Unique among the open connections of this server. */
static long conn_id(const conn_t *k)
{
    return (long)k->index * CHILD_NUMBERS(child.lane) + child.number;
}

static conn_t *conn_create(conn_worker_t *w, apr_pool_t *pool, apr_socket_t *sock, int fd)
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
    k->hearings = k->files = 0;
    k->whole = k->passed_on = k->stays = k->watched = k->multiplexed = 0;
    k->waited = MPM_HYBRID_CONN_RUNNING;
    k->keepalive_until = k->line_us = 0;
    memset(&k->times, 0, sizeof(k->times));
    k->times.accepted_us = clock_now();
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
    conn_attach(k);
    c->current_thread = w->thread;
    apr_pool_pre_cleanup_register(pool, k, steps_resume_before_cleanup);
    counted_in(k, MPM_HYBRID_CONN_RUNNING);
    __atomic_fetch_add(&child.score->connections, 1, __ATOMIC_RELAXED);
    return k;
}

/*
 * Set up a connection and its filters; NULL: closed. @a has_bytes: the previous generation has
 * read some, so the inbound filter is needed in any case, to deliver them.
 */
static conn_t *set_up(conn_worker_t *w, apr_pool_t *pool, apr_socket_t *sock, int async_ok,
                      bool has_bytes)
{
    apr_os_sock_t fd;
    conn_t *k;
    int rc;

    apr_os_sock_get(&fd, sock);
    k = conn_create(w, pool, sock, fd);
    if (k == NULL) {
        apr_socket_close(sock);
        pools_put(pool);
        steps_note_gone();
        return NULL;
    }
    ap_update_vhost_given_ip(k->c);
    conn_use_server(k, k->c->base_server, k->c->base_server);
    if ((async_ok && server_async_head(k->c->base_server)) || has_bytes) {
        inbound_attach(k);
    }
    rc = ap_pre_connection(k->c, sock);
    if (rc != OK && rc != DONE) {
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, k->c, "connection refused by a module");
        steps_close(k);
        return NULL;
    }
    counted_files(k, counted_files_at_first(k));
    if (k->inbound != NULL) {
        inbound_prepare(k);
    }
    /* In the worker model httpd waits for the client after each response. */
    if (child.lane->is_async) {
        outbound_attach(k);
    }
    return k;
}

void begin_accepted(conn_worker_t *w, apr_pool_t *pool, apr_socket_t *sock, int async_ok)
{
    conn_t *k = set_up(w, pool, sock, async_ok, false);

    if (k != NULL) {
        ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c, "accepted, %s",
                      k->inbound != NULL ? "read without a worker" : "a worker reads it");
        steps_read(w, k);
    }
}

void begin_adopted(conn_worker_t *w, apr_pool_t *pool, apr_socket_t *sock,
                   const struct handover_t *what, const char *bytes)
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
            "closed: it began as a plain connection, and the new configuration has TLS, the "
            "PROXY protocol or another input filter on its address");
        steps_close(k);
        return;
    }
    if (k->inbound != NULL && inbound_unpack(k, what, bytes) != APR_SUCCESS) {
        steps_close(k);
        return;
    }
    steps_read(w, k);
}
