/* SPDX-License-Identifier: Apache-2.0 */
/* Short responses and TLS records, written at once; see direct.h. */
#include "mpm/conn/direct.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "apr_optional.h"
#include "apr_portable.h"
#include "http_core.h"
#include "mpm/module.h"
#include "mpm/conn/inbound.h"

/* Limits of a short response, in iovecs and bytes. */
#define PIECES 16
#define RESPONSE (16 * 1024)

/* Bytes of its beginning, for whose rest a handler may take long, and of a short TLS record. */
#define SHORT 4096

#define FILTER_NAME "HYBRID_RECORD"

/* Set in direct_init, constant afterwards. */
static APR_OPTIONAL_FN_TYPE(ap_logio_add_bytes_out) * count_bytes;
static const ap_filter_rec_t *reqtimeout; /* NULL: not loaded */
static ap_filter_rec_t *record_filter_rec;

void direct_init(void)
{
    count_bytes = APR_RETRIEVE_OPTIONAL_FN(ap_logio_add_bytes_out);
    reqtimeout = ap_get_output_filter_handle("reqtimeout");
}

/* Files for sendfile(2) go through the core, those with a buffer through APR. */
#if APR_HAS_SENDFILE
#define NOT_HERE (APR_SENDFILE_ENABLED | APR_FOPEN_BUFFERED)
#else
#define NOT_HERE APR_FOPEN_BUFFERED
#endif

/*
 * Read a file bucket. APR would map it: mmap(2), page faults and munmap(2) cost more than a copy of
 * RESPONSE bytes. Zero: the core reads it, and reports the error.
 */
static bool read_file(const apr_bucket *e, char *room)
{
    const apr_bucket_file *file = e->data;
    apr_os_file_t fd;

    return !(apr_file_flags_get(file->fd) & NOT_HERE)
        && apr_os_file_get(&fd, file->fd) == APR_SUCCESS
        && pread(fd, room, e->length, e->start) == (ssize_t)e->length;
}

static int in_memory(const apr_bucket *e)
{
    return APR_BUCKET_IS_HEAP(e) || APR_BUCKET_IS_POOL(e) || APR_BUCKET_IS_IMMORTAL(e)
#if APR_HAS_MMAP
        || APR_BUCKET_IS_MMAP(e)
#endif
        || APR_BUCKET_IS_TRANSIENT(e);
}

/*
 * The iovecs of a short response that ends in @a bb; 0 if it is not one. Files are read into
 * @a room, RESPONSE bytes.
 */
static int pieces_of(apr_bucket_brigade *bb, struct iovec *vec, char *room, apr_size_t *bytes)
{
    apr_bucket *e;
    int n = 0;

    *bytes = 0;
    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_EOS(e)) {
            return n;
        }
        if (n == PIECES || APR_BUCKET_IS_METADATA(e) || e->length > RESPONSE - *bytes) {
            return 0;
        }
        if (APR_BUCKET_IS_FILE(e)) {
            data = room + *bytes;
            len = e->length;
            if (!read_file(e, room + *bytes)) {
                return 0;
            }
        }
        else if (!in_memory(e)
                 || apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS) {
            return 0;
        }
        vec[n].iov_base = (void *)data;
        vec[n++].iov_len = len;
        *bytes += len;
    }
    return 0;
}

static void remove_written(apr_bucket_brigade *bb, apr_size_t bytes)
{
    while (bytes > 0) {
        apr_bucket *e = APR_BRIGADE_FIRST(bb);

        if (e->length > bytes) {
            apr_bucket_split(e, bytes);
        }
        bytes -= e->length;
        apr_bucket_delete(e);
    }
}

/*
 * Whether only the core's filter is below, no output is pending and no request is pipelined.
 * mod_reqtimeout's filter passes on what it gets; it looks for the EOR bucket alone.
 */
static bool is_free(const conn_t *k, const ap_filter_t *next)
{
    if (next->frec == reqtimeout) {
        next = next->next;
    }
    return next->next == NULL && next->frec == ap_core_output_filter_handle
        && !k->c->data_in_output_filters && inbound_is_empty(k);
}

bool direct_keeps(conn_t *k, ap_filter_t *next, apr_bucket_brigade *bb)
{
    apr_size_t bytes = 0;
    apr_bucket *e;

    if (APR_BRIGADE_EMPTY(bb)) {
        return false;
    }
    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        if (!(APR_BUCKET_IS_HEAP(e) || APR_BUCKET_IS_IMMORTAL(e)) || e->length > SHORT) {
            return false;
        }
        bytes += e->length;
        if (bytes > SHORT) {
            return false;
        }
    }
    return is_free(k, next);
}

/* Write without waiting, and remove from @a bb what was written. */
static void send_now(conn_t *k, struct iovec *vec, int pieces, apr_bucket_brigade *bb)
{
    const struct msghdr message = { .msg_iov = vec, .msg_iovlen = (size_t)pieces };
    ssize_t n;

    do {
        n = sendmsg(k->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return;
    }
    if (count_bytes != NULL) {
        count_bytes(k->c, n);
    }
    remove_written(bb, (apr_size_t)n);
}

void direct_write(conn_t *k, ap_filter_t *next, apr_bucket_brigade *bb)
{
    struct iovec vec[PIECES];
    char room[RESPONSE];
    apr_size_t bytes;
    int pieces;

    if (APR_BRIGADE_EMPTY(bb) || APR_BUCKET_IS_METADATA(APR_BRIGADE_FIRST(bb))
        || !is_free(k, next)) {
        return;
    }
    pieces = pieces_of(bb, vec, room, &bytes);
    if (pieces > 0 && bytes > 0) {
        send_now(k, vec, pieces, bb);
    }
}

/* mod_ssl passes each record alone, in its own memory. */
static apr_status_t record_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket *e = APR_BRIGADE_FIRST(bb);
    struct iovec record;
    const char *data;

    if (!APR_BRIGADE_EMPTY(bb) && APR_BUCKET_IS_TRANSIENT(e) && e->length > 0 && e->length <= SHORT
        && !f->c->aborted && is_free(f->ctx, f->next)
        && apr_bucket_read(e, &data, &record.iov_len, APR_NONBLOCK_READ) == APR_SUCCESS) {
        record.iov_base = (void *)data;
        send_now(f->ctx, &record, 1, bb);
        if (APR_BRIGADE_EMPTY(bb)) {
            return APR_SUCCESS;
        }
    }
    return ap_pass_brigade(f->next, bb);
}

void direct_attach(conn_t *k)
{
    ap_add_output_filter_handle(record_filter_rec, k, NULL, k->c);
}

void direct_register(void)
{
    /* below mod_ssl's filter, which is AP_FTYPE_CONNECTION + 5 */
    record_filter_rec = ap_register_output_filter(FILTER_NAME, record_filter, NULL,
                                                  AP_FTYPE_CONNECTION + 6);
}
