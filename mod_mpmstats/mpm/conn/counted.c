/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/counted.h"

#include "http_protocol.h"
#include "http_ssl.h"
#include "mpm/conn/inbound.h"
#include "mpm/process/child.h"

static const char *const names[MPM_HYBRID_CONN_KINDS] = {
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

const char *counted_name(mpm_hybrid_conn_e kind)
{
    return names[kind];
}

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

void counted_in(conn_t *k, mpm_hybrid_conn_e kind)
{
    apr_uint32_t *field = score_field(kind);

    k->kind = kind;
    shared_add(child.stats->connections[kind], 1);
    if (field != NULL) {
        __atomic_fetch_add(field, 1, __ATOMIC_RELAXED);
    }
}

void counted_out(conn_t *k)
{
    apr_uint32_t *field = score_field(k->kind);

    shared_sub(child.stats->connections[k->kind], 1);
    if (field != NULL) {
        __atomic_fetch_sub(field, 1, __ATOMIC_RELAXED);
    }
}

void counted_as(conn_t *k, mpm_hybrid_conn_e kind)
{
    if (k->kind != kind) {
        counted_out(k);
        counted_in(k, kind);
    }
}

void counted_files(conn_t *k, unsigned char more)
{
    if (k->files != more) {
        shared_add(child.stats->files, (apr_uint32_t)more - k->files);
        k->files = more;
    }
}

unsigned char counted_files_at_first(const conn_t *k)
{
    const char *protocol = ap_ssl_conn_is_ssl(k->c) ? "h2" : "h2c";

    return ap_is_allowed_protocol(k->c, NULL, k->c->base_server, protocol) ? COUNTED_HTTP2_FILES
                                                                           : 0;
}

unsigned char counted_files_of(const conn_t *k)
{
    return inbound_has_heads(k) ? 0 : COUNTED_HTTP2_FILES;
}
