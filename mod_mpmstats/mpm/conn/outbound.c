/* SPDX-License-Identifier: Apache-2.0 */
/* Files for slow clients, in portions; see outbound.h. */
#include "mpm/conn/outbound.h"

#include "http_ssl.h"
#include "util_filter.h"
#include "mpm/conn/direct.h"
#include "mpm/conn/join.h"
#include "mpm/module.h"

#define FILTER_NAME "HYBRID_OUTBOUND"

/* Bytes per portion. Less than the 64 KB the core's output filter buffers
 * before it waits for the client. */
#define PORTION (32 * 1024)

/* Hold a response only if at least this much of it is in files, */
#define WORTHWHILE (128 * 1024)

/* and at most this much in memory. */
#define MEMORY_MAX (64 * 1024)

typedef struct outbound_t {
    conn_t *k;
    ap_filter_t *filter;
    apr_bucket_brigade *head; /* short beginning of a response: direct_keeps(), join_keeps() */
    apr_bucket_brigade *held;
    apr_bucket_brigade *portion;
    int tls;
    /* of `held`; NULL while that is empty, since a pool takes 8 KB */
    apr_pool_t *pool;
} outbound_t;

static ap_filter_rec_t *outbound_filter_rec;

#if APR_HAS_SENDFILE
static int goes_by_sendfile(const apr_bucket *e)
{
    const apr_bucket_file *file = e->data;

    return apr_file_flags_get(file->fd) & APR_SENDFILE_ENABLED;
}
#else
#define goes_by_sendfile(e) 0
#endif

/* Whether the bytes of @a e take no memory until read, and have to be read to be sent. */
static int is_lazy(const outbound_t *out, const apr_bucket *e)
{
#if APR_HAS_MMAP
    if (APR_BUCKET_IS_MMAP(e)) {
        return 1;
    }
#endif
    return APR_BUCKET_IS_FILE(e) && (out->tls || !goes_by_sendfile(e));
}

/* Add up the bytes in files and in memory. True if all of @a bb may be held. */
static bool measure(const outbound_t *out, apr_bucket_brigade *bb, apr_off_t *lazy,
                    apr_off_t *memory)
{
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        if (APR_BUCKET_IS_METADATA(e)) {
            if (APR_BUCKET_IS_FLUSH(e)) {
                return false;
            }
        }
        else if (e->length == (apr_size_t)-1) {
            return false;
        }
        else if (is_lazy(out, e)) {
            *lazy += e->length;
        }
        else if (!APR_BUCKET_IS_FILE(e)) {
            *memory += e->length;
        }
    }
    return true;
}

/*
 * APR maps file buckets of a portion's size when it reads them, but not the whole of a large file.
 * If a mapped file is truncated, SIGBUS kills the process; and each portion would cost a mapping.
 */
static void never_map(apr_bucket_brigade *bb)
{
#if APR_HAS_MMAP
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        if (APR_BUCKET_IS_FILE(e)) {
            apr_bucket_file_enable_mmap(e, 0);
        }
    }
#else
    (void)bb;
#endif
}

static void drop_pool(outbound_t *out)
{
    if (out->pool != NULL) {
        apr_pool_destroy(out->pool);
        out->pool = NULL;
    }
}

static apr_status_t pass(outbound_t *out, apr_bucket_brigade *bb)
{
    if (out->tls) {
        join_beginning(bb);
    }
    return ap_pass_brigade(out->filter->next, bb);
}

static apr_status_t push(outbound_t *out)
{
    conn_rec *c = out->filter->c;

    while (!APR_BRIGADE_EMPTY(out->held) && !c->data_in_output_filters) {
        apr_bucket *after;
        apr_status_t rv = apr_brigade_partition(out->held, PORTION, &after);

        if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
            return rv;
        }
        while (!APR_BRIGADE_EMPTY(out->held) && APR_BRIGADE_FIRST(out->held) != after) {
            apr_bucket *e = APR_BRIGADE_FIRST(out->held);

            APR_BUCKET_REMOVE(e);
            APR_BRIGADE_INSERT_TAIL(out->portion, e);
        }
        rv = pass(out, out->portion);
        apr_brigade_cleanup(out->portion);
        if (rv != APR_SUCCESS) {
            apr_brigade_cleanup(out->held);
            return rv;
        }
    }
    if (APR_BRIGADE_EMPTY(out->held)) {
        drop_pool(out);
    }
    return APR_SUCCESS;
}

static apr_status_t pass_all(outbound_t *out, apr_bucket_brigade *bb)
{
    apr_status_t rv;

    APR_BRIGADE_PREPEND(bb, out->held);
    rv = pass(out, bb);
    apr_brigade_cleanup(bb);
    drop_pool(out);
    return rv;
}

static apr_status_t outbound_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    outbound_t *out = f->ctx;
    apr_off_t lazy = 0, memory = 0;
    apr_status_t rv;

    if (f->c->aborted) {
        apr_brigade_cleanup(out->head);
        apr_brigade_cleanup(out->held);
        apr_brigade_cleanup(bb);
        return APR_ECONNABORTED;
    }
    APR_BRIGADE_PREPEND(bb, out->head);
    if (APR_BRIGADE_EMPTY(out->held)) {
        if (!measure(out, bb, &lazy, &memory) || lazy < WORTHWHILE || memory > MEMORY_MAX) {
            if (out->tls ? join_keeps(bb) : direct_keeps(out->k, f->next, bb)) {
                APR_BRIGADE_CONCAT(out->head, bb);
                return APR_SUCCESS;
            }
            if (!out->tls) {
                direct_write(out->k, f->next, bb);
            }
            return pass(out, bb);
        }
    }
    else if (!measure(out, out->held, &lazy, &memory) || !measure(out, bb, &lazy, &memory)
             || memory > MEMORY_MAX) {
        return pass_all(out, bb);
    }
    if (out->pool == NULL) {
        apr_pool_create(&out->pool, f->c->pool);
        apr_pool_tag(out->pool, "hybrid_outbound");
    }
    never_map(bb);
    rv = ap_save_brigade(f, &out->held, &bb, out->pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return push(out);
}

void outbound_attach(conn_t *k)
{
    conn_rec *c = k->c;
    outbound_t *out = apr_pcalloc(c->pool, sizeof(*out));

    out->k = k;
    out->tls = ap_ssl_conn_is_ssl(c);
    out->head = apr_brigade_create(c->pool, c->bucket_alloc);
    out->held = apr_brigade_create(c->pool, c->bucket_alloc);
    out->portion = apr_brigade_create(c->pool, c->bucket_alloc);
    out->filter = ap_add_output_filter_handle(outbound_filter_rec, out, NULL, c);
    k->outbound = out;
    if (out->tls) {
        direct_attach(k);
    }
}

bool outbound_pending(const conn_t *k)
{
    const outbound_t *out = k->outbound;

    return out != NULL && !(APR_BRIGADE_EMPTY(out->head) && APR_BRIGADE_EMPTY(out->held));
}

apr_status_t outbound_push(conn_t *k)
{
    outbound_t *out = k->outbound;

    if (!APR_BRIGADE_EMPTY(out->head)) {
        apr_status_t rv = pass(out, out->head);

        apr_brigade_cleanup(out->head);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return push(out);
}

void outbound_register(void)
{
    outbound_filter_rec = ap_register_output_filter(FILTER_NAME, outbound_filter, NULL,
                                                    AP_FTYPE_CONNECTION);
}
