/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/inbound_filter.h
 * @brief The input filter above mod_ssl: what httpd's readers get of a connection. For inbound.c.
 *
 * They are served from the stash first, then told how reading ahead has ended, or served from
 * below.
 */
#ifndef MPMSTATS_MPM_CONN_INBOUND_FILTER_H
#define MPMSTATS_MPM_CONN_INBOUND_FILTER_H

#include "util_filter.h"

#include "http/body.h"
#include "http/head.h"
#include "mpm/conn/conn.h"
#include "mpm/conn/reqtimeout.h"

typedef struct inbound_t {
    conn_t *k;
    ap_filter_t *filter;       /* our place in the chain */
    apr_bucket_brigade *stash; /* read, not yet asked for by anybody */
    apr_bucket_brigade *fresh; /* working space of take_fresh */
    head_scan_t scan;
    head_limits_t limits;
    body_scan_t body;
    reqtimeout_body_t budget;  /* of this stage; for a head, once some of it has come */
    apr_uint64_t budget_bytes; /* received when the head's was extended last */
    enum { STAGE_HEAD, STAGE_BODY } stage;
    /* not APR_SUCCESS: what follows the stash; nothing below is asked any more */
    apr_status_t ended;
    apr_time_t now;           /* of this advance, monotonic */
    apr_uint64_t bytes;       /* plain bytes seen since the last dispatch */
    apr_uint64_t passed;      /* bytes that have come from the filter below, in all */
    unsigned async : 1;       /* between accept or keep-alive and dispatch */
    unsigned handshake : 1;   /* TLS, and no plain byte seen yet */
    unsigned plain : 1;       /* no filter below keeps bytes back */
    unsigned head_budget : 1; /* the budget of a head has begun */
    /* time ended it: whoever asks for more is told so, and not for a part of it */
    unsigned late : 1;
    unsigned overdue : 1;      /* the budget ended head or body; not said yet */
    unsigned overdue_body : 1; /* it was the body's */
    unsigned line_begun : 1;   /* a byte of the request line was seen */
    unsigned asked_below : 1;  /* let_remoteip_say() has */
    unsigned unscanned : 1;    /* the stash holds bytes of the next request */
    unsigned aside : 1;        /* out of the chain: its worker reads the next heads itself */
} inbound_t;

/** Once, in register_hooks. */
void inbound_filter_register(void);

/** Prepare this child. */
void inbound_filter_child_init(void);

/** Put the filter into the chain, below those that are there. */
void inbound_filter_add(inbound_t *in);

/**
 * Where a connection stays with its worker the filter leaves the chain: put it back on top, the
 * connection is to wait without a worker after all. Between requests: no filter of a request stands
 * in the chain.
 */
void inbound_filter_step_back(inbound_t *in);

/** These @a bytes come from below into the stash. */
void inbound_filter_read_ahead(inbound_t *in, apr_off_t bytes);

/**
 * Whether the core's input filter keeps bytes back that were read from the socket. It reads more
 * than it is asked for, and a blocking reader leaves the rest there. Plain connections only:
 * elsewhere the filters between count in bytes of their own.
 */
int inbound_filter_held_below(const inbound_t *in, const network_t *net);

/** As many bytes of @a e as are known of. */
static inline apr_uint64_t inbound_filter_bytes(const apr_bucket *e)
{
    return APR_BUCKET_IS_METADATA(e) || e->length == (apr_size_t)-1 ? 0 : e->length;
}

#endif
