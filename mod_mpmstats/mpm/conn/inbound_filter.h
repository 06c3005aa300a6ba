/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/inbound_filter.h
 * @brief The input filter above mod_ssl, from which httpd reads. For inbound.c.
 *
 * Readers get the stash first, then the status that ended reading ahead, or data from below.
 */
#ifndef MPMSTATS_MPM_CONN_INBOUND_FILTER_H
#define MPMSTATS_MPM_CONN_INBOUND_FILTER_H

#include <stdbool.h>

#include "util_filter.h"

#include "http/body.h"
#include "http/frames.h"
#include "http/head.h"
#include "mpm/conn/conn.h"
#include "mpm/conn/reqtimeout.h"

typedef struct inbound_t {
    conn_t *k;
    ap_filter_t *filter;       /* our place in the chain */
    apr_bucket_brigade *stash; /* read ahead, not yet consumed */
    apr_bucket_brigade *fresh; /* scratch */
    head_scan_t scan;
    head_limits_t limits;
    body_scan_t body;
    reqtimeout_body_t budget;  /* of this stage; a head's begins in charge_head() */
    apr_uint64_t budget_bytes; /* network->received when the head's was last extended */
    enum { STAGE_HEAD, STAGE_BODY } stage;
    /* not APR_SUCCESS: readers get it after the stash, nothing is read from below */
    apr_status_t ended;
    apr_time_t now;           /* of this advance, monotonic */
    apr_uint64_t bytes;       /* plain bytes seen since the last dispatch */
    apr_uint64_t passed;      /* bytes from the filter below, total */
    unsigned async : 1;       /* between accept or keep-alive and dispatch */
    unsigned handshake : 1;   /* TLS, and no plain byte seen yet */
    unsigned plain : 1;       /* no filter below buffers bytes */
    unsigned head_budget : 1; /* the budget of a head has begun */
    /* given up: readers get no incomplete line, only the status in `ended` */
    unsigned late : 1;
    unsigned overdue : 1;      /* a budget ended head or body; not logged yet */
    unsigned overdue_body : 1; /* it was the body's */
    unsigned line_begun : 1;   /* a byte of the request line was seen */
    unsigned asked_below : 1;  /* by let_remoteip_say() */
    unsigned unscanned : 1;    /* the stash holds bytes of the next request */
    unsigned aside : 1;        /* removed from the chain: the worker reads the next heads itself */
    unsigned read_dry : 1;     /* with `frames`: the last read found no bytes */
    frames_t *frames;          /* of an HTTP/2 connection, from its reader's first read on */
} inbound_t;

/** Once, in register_hooks. */
void inbound_filter_register(void);

/** Prepare this child. */
void inbound_filter_child_init(void);

/** Insert the filter into the chain, below those of its type that are there. */
void inbound_filter_add(inbound_t *in);

/**
 * A worker that keeps its connection removes the filter: put it back on top before the connection
 * waits without a worker. Only between requests, while no request filter is in the chain.
 */
void inbound_filter_step_back(inbound_t *in);

/** Record that @a bytes moved from below into the stash. */
void inbound_filter_read_ahead(inbound_t *in, apr_off_t bytes);

/**
 * Whether the core's input filter buffers bytes read from the socket: it reads more than a
 * reader requests, and keeps the rest. Plain connections only: other filters change byte counts.
 */
bool inbound_filter_held_below(const inbound_t *in, const network_t *net);

/** See inbound_refuse_streams(). */
bool inbound_filter_refuse_streams(inbound_t *in);

/** Data bytes of @a e, 0 if the length is unknown. */
static inline apr_uint64_t inbound_filter_bytes(const apr_bucket *e)
{
    return APR_BUCKET_IS_METADATA(e) || e->length == (apr_size_t)-1 ? 0 : e->length;
}

#endif
