/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status at the time of the first response bytes decides whether a tunnel begins.
 * A connection filter checks it, as a tunnel removes the filters of the request.
 */
#include "mpm/threads/tunnel.h"

#include "http_request.h"
#include "util_filter.h"
#include "mpm/conn/here.h"
#include "mpm/conn/streams.h"
#include "mpm/process/child.h"
#include "mpm/threads/hung.h"

#define FILTER_NAME "HYBRID_TUNNEL"
#define STREAM_FILTER_NAME "HYBRID_STREAM_TUNNEL"

static ap_filter_rec_t *tunnel_filter_rec, *stream_filter_rec;

/* After internal redirects the status is that of the last request. */
static bool is_tunnel(const request_rec *r)
{
    bool connects = r->method_number == M_CONNECT;

    while (r->next != NULL) {
        r = r->next;
    }
    return r->status == HTTP_SWITCHING_PROTOCOLS || (connects && r->status < 300);
}

static apr_status_t tunnel_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    conn_t *k = f->ctx;

    if (k->r != NULL && is_tunnel(k->r)) {
        hung_is_connection(k->times.worker);
        if (here_conn() == k) {
            shared_note_since(child.slot, k->times.worker, 0);
        }
    }
    return ap_pass_brigade(f->next, bb);
}

/* Its request may be destroyed as soon as its end (EOR), in a brigade of its own, is passed on. */
static apr_status_t stream_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    const request_rec *r = f->ctx;
    bool ends = !APR_BRIGADE_EMPTY(bb) && AP_BUCKET_IS_EOR(APR_BRIGADE_FIRST(bb));
    bool tunnel = !ends && is_tunnel(r);

    if (tunnel) {
        streams_note_tunnel(r);
    }
    if (ends || tunnel) {
        ap_remove_output_filter(f);
    }
    return ap_pass_brigade(f->next, bb);
}

static bool may_become_tunnel(const request_rec *r)
{
    return r->method_number == M_CONNECT || apr_table_get(r->headers_in, "Upgrade") != NULL;
}

void tunnel_watch_stream(request_rec *r)
{
    if (may_become_tunnel(r)) {
        while (r->prev != NULL) {
            r = r->prev;
        }
        ap_add_output_filter_handle(stream_filter_rec, r, NULL, r->connection);
    }
}

void tunnel_watch(conn_t *k, const request_rec *r)
{
    if (!k->watched && may_become_tunnel(r)) {
        k->watched = 1;
        ap_add_output_filter_handle(tunnel_filter_rec, k, NULL, k->c);
    }
}

void tunnel_register(void)
{
    tunnel_filter_rec = ap_register_output_filter(FILTER_NAME, tunnel_filter, NULL,
                                                  AP_FTYPE_CONNECTION);
    stream_filter_rec = ap_register_output_filter(STREAM_FILTER_NAME, stream_filter, NULL,
                                                  AP_FTYPE_CONNECTION);
}
