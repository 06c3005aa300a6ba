/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/join.h"

#include <stdbool.h>
#include <string.h>

#include "httpd.h"

/* The size of mod_ssl's buffer, and so of the record that a response begins with. */
#define RECORD AP_IOBUFSIZE

/* Each call looks at what is kept: beyond this number of buckets mod_ssl's buffer takes them. */
#define PIECES 16

bool join_keeps(const apr_bucket_brigade *bb)
{
    apr_size_t bytes = 0;
    int pieces = 0;

    for (const apr_bucket *e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb);
         e = APR_BUCKET_NEXT(e)) {
        if (!(APR_BUCKET_IS_HEAP(e) || APR_BUCKET_IS_IMMORTAL(e)) || e->length >= RECORD - bytes
            || ++pieces > PIECES) {
            return false;
        }
        bytes += e->length;
    }
    return pieces > 0;
}

/* Bytes and number of the data buckets at the beginning that fit. Returns the bucket after them. */
static apr_bucket *measure(apr_bucket_brigade *bb, apr_size_t *bytes, int *pieces)
{
    apr_bucket *e = APR_BRIGADE_FIRST(bb);

    while (e != APR_BRIGADE_SENTINEL(bb) && !APR_BUCKET_IS_METADATA(e)
           && e->length <= RECORD - *bytes) {
        *bytes += e->length;
        ++*pieces;
        e = APR_BUCKET_NEXT(e);
    }
    return e;
}

/* A read may split its bucket; the bytes up to @a end stay the same. */
static bool copy(char *to, apr_size_t bytes, apr_bucket_brigade *bb, const apr_bucket *end)
{
    for (apr_bucket *e = APR_BRIGADE_FIRST(bb); e != end; e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t len;

        if (apr_bucket_read(e, &data, &len, APR_BLOCK_READ) != APR_SUCCESS || len > bytes) {
            return false;
        }
        memcpy(to, data, len);
        to += len;
        bytes -= len;
    }
    return bytes == 0;
}

void join_beginning(apr_bucket_brigade *bb)
{
    apr_size_t bytes = 0;
    int pieces = 0;
    apr_bucket *end = measure(bb, &bytes, &pieces), *joined;
    char *memory;

    if (bytes > 0 && bytes < RECORD && end != APR_BRIGADE_SENTINEL(bb)
        && !APR_BUCKET_IS_METADATA(end) && end->length != (apr_size_t)-1
        && apr_bucket_split(end, RECORD - bytes) == APR_SUCCESS) {
        bytes = RECORD;
        pieces++;
        end = APR_BUCKET_NEXT(end);
    }
    if (pieces < 2 || bytes == 0) {
        return;
    }
    memory = apr_bucket_alloc(bytes, bb->bucket_alloc);
    if (memory == NULL) {
        return;
    }
    if (!copy(memory, bytes, bb, end)) {
        apr_bucket_free(memory);
        return;
    }
    while (APR_BRIGADE_FIRST(bb) != end) {
        apr_bucket_delete(APR_BRIGADE_FIRST(bb));
    }
    joined = apr_bucket_heap_create(memory, bytes, apr_bucket_free, bb->bucket_alloc);
    APR_BRIGADE_INSERT_HEAD(bb, joined);
}
