/* SPDX-License-Identifier: Apache-2.0 */
/* Connection and request hooks of all models. */
#include "mpm/hooks.h"

#include "base/clock.h"
#include "mpm/conn/conn.h"
#include "mpm/conn/inbound.h"
#include "mpm/conn/streams.h"
#include "mpm/module.h"
#include "mpm/process/child.h"
#include "mpm/threads/hung.h"
#include "mpm/threads/tunnel.h"
#include "mpm/threads/worker.h"

/* A secondary connection (mod_http2's streams) needs a state of its own. */
int hooks_pre_connection(conn_rec *c, void *csd)
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

/* A prefork child never parks a connection, so it needs neither k->r nor the server's time-outs. */
void hooks_pre_read_request(request_rec *r, conn_rec *c)
{
    conn_t *k = conn_of(c);

    if (k != NULL && k->network != NULL) {
        k->network->got = 0;
    }
    if (k != NULL && !child.lane->is_async) {
        /* the worker runs the whole connection: the run begins again with each request */
        shared_note_since(child.slot, k->times.worker, clock_now());
    }
    if (k == NULL || !child.lane->is_threaded) {
        return;
    }
    k->r = r;
    hung_request_begins(k->times.worker);
    conn_use_server(k, c->base_server, c->base_server);
    apr_pool_cleanup_register(r->pool, k, forget_request, apr_pool_cleanup_null);
}

/*
 * httpd's time of a request (%t, %D, REQUEST_TIME) is that of its request line, but it reads the
 * clock after the dispatch, when the line was already read without a worker: correct it by the
 * difference. A pipelined request begins when the last response was written, as in stock MPMs.
 */
static void date_request(request_rec *r, conn_t *k)
{
    if (k->line_us != 0 && r->main == NULL && r->prev == NULL) {
        r->request_time -= k->times.dispatched_us - k->line_us;
        k->line_us = 0;
    }
}

/*
 * A worker stays with an HTTP/2 connection while mod_http2's threads run its requests, so its run
 * is not that of a request. A connection that waits in the park has no worker.
 */
static void note_carrier(conn_rec *stream)
{
    const conn_t *k = conn_of(stream->master);

    if (k != NULL && child.lane->is_threaded
        && __atomic_load_n(&k->kind, __ATOMIC_RELAXED) == MPM_HYBRID_CONN_RUNNING) {
        hung_is_connection(k->times.worker);
    }
}

int hooks_post_read_request(request_rec *r)
{
    conn_t *k = conn_of(r->connection);

    if (r->connection->master != NULL) {
        note_carrier(r->connection);
        if (r->prev == NULL) { /* an internal redirect goes on with the same request */
            streams_begin(r);
        }
    }
    if (k != NULL) {
        date_request(r, k);
    }
    if (k != NULL && child.lane->is_threaded) {
        conn_use_server(k, r->server, r->connection->base_server);
    }
    return OK;
}

/* A request that could not be read completely skips post_read_request: date it here. */
int hooks_log_transaction(request_rec *r)
{
    conn_t *k = conn_of(r->connection);

    if (k != NULL) {
        date_request(r, k);
    }
    return DECLINED;
}

void hooks_insert_filter(request_rec *r)
{
    const conn_t *k = child.lane->is_threaded ? conn_of(r->connection) : NULL;

    if (k != NULL) {
        workers_about_to_run(k->times.worker, r->handler != NULL ? r->handler : r->content_type);
    }
}

/* mod_proxy's backends are not part of httpd and outlive a restart. */
static bool is_proxied(const char *handler)
{
    return handler != NULL
        && (strcmp(handler, "proxy-server") == 0 || strncmp(handler, "proxy:", 6) == 0);
}

/* Record the handler that is about to run, for status reports and restarts. */
int hooks_handler(request_rec *r)
{
    conn_t *k = conn_of(r->connection);

    if (r->connection->master != NULL && r->main == NULL) {
        streams_note_handler(r);
        tunnel_watch_stream(r);
    }
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

/* All modules' handlers declined: the core serves a file. Not subrequests, which may be CGI. */
int hooks_last_handler(request_rec *r)
{
    const conn_t *k = conn_of(r->connection);

    if (k != NULL && r->main == NULL) {
        shared_note_needs(child.slot, k->times.worker, SHARED_NEEDS_CLIENT);
    }
    return DECLINED;
}

/* Other protocols than HTTP/1 may never read a request, so take over the server here. */
int hooks_protocol_switch(conn_rec *c, request_rec *r, server_rec *s, const char *protocol)
{
    conn_t *k = conn_of(c);

    (void)protocol;
    if (r == NULL && s != NULL && k != NULL) {
        conn_use_server(k, s, c->base_server);
    }
    return DECLINED;
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
