/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/stash.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Largest merged bucket, in bytes. */
#define MERGE_MAX 1024

bool stash_has_line(const apr_bucket_brigade *stash)
{
    apr_bucket *e;
    const char *data;
    apr_size_t len;

    for (e = APR_BRIGADE_FIRST(stash); e != APR_BRIGADE_SENTINEL(stash); e = APR_BUCKET_NEXT(e)) {
        if (APR_BUCKET_IS_METADATA(e)
            || apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS
            || memchr(data, '\n', len) != NULL) {
            return true;
        }
    }
    return false;
}

/* One line, or a partial one in two pieces (its last byte alone): see head_limits_httpd(). */
static apr_status_t get_line(apr_bucket_brigade *stash, apr_bucket_brigade *bb)
{
    apr_bucket *last;
    apr_status_t rv;
    const char *data;
    apr_size_t len;

    rv = apr_brigade_split_line(bb, stash, APR_NONBLOCK_READ, HUGE_STRING_LEN);
    last = APR_BRIGADE_LAST(bb);
    if (rv != APR_SUCCESS || APR_BRIGADE_EMPTY(bb) || !APR_BRIGADE_EMPTY(stash)
        || APR_BUCKET_IS_METADATA(last)
        || apr_bucket_read(last, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS || len == 0
        || data[len - 1] == '\n') {
        return rv;
    }
    if (len > 1 || APR_BRIGADE_FIRST(bb) != last) {
        if (len > 1) {
            apr_bucket_split(last, len - 1);
            last = APR_BUCKET_NEXT(last);
        }
        APR_BUCKET_REMOVE(last);
        APR_BRIGADE_INSERT_HEAD(stash, last);
    }
    return rv;
}

static apr_status_t take(apr_bucket_brigade *stash, apr_bucket_brigade *bb, apr_off_t readbytes)
{
    apr_bucket *after;
    apr_status_t rv = apr_brigade_partition(stash, readbytes, &after);

    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
        return rv;
    }
    while (APR_BRIGADE_FIRST(stash) != after && !APR_BRIGADE_EMPTY(stash)) {
        apr_bucket *e = APR_BRIGADE_FIRST(stash);

        APR_BUCKET_REMOVE(e);
        APR_BRIGADE_INSERT_TAIL(bb, e);
    }
    return APR_SUCCESS;
}

static apr_status_t peek(apr_bucket_brigade *stash, apr_bucket_brigade *bb, apr_off_t readbytes)
{
    apr_bucket *after, *e, *copy;
    apr_status_t rv = apr_brigade_partition(stash, readbytes, &after);

    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
        return rv;
    }
    for (e = APR_BRIGADE_FIRST(stash); e != after && e != APR_BRIGADE_SENTINEL(stash);
         e = APR_BUCKET_NEXT(e)) {
        rv = apr_bucket_copy(e, &copy);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        APR_BRIGADE_INSERT_TAIL(bb, copy);
    }
    return APR_SUCCESS;
}

apr_status_t stash_eat_crlf(apr_bucket_brigade *stash, apr_size_t *dropped)
{
    while (!APR_BRIGADE_EMPTY(stash)) {
        apr_bucket *e = APR_BRIGADE_FIRST(stash);
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_METADATA(e)) {
            return APR_SUCCESS;
        }
        if (apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS) {
            return APR_SUCCESS;
        }
        if (len > 0 && *data != '\r' && *data != '\n') {
            return APR_SUCCESS;
        }
        if (len > 1) {
            apr_bucket_split(e, 1);
        }
        *dropped += len > 0;
        apr_bucket_delete(e);
    }
    return APR_EAGAIN;
}

/* Splitting at the end leaves an empty bucket, which the next reader would take for the end. */
static void drop_empty(apr_bucket_brigade *stash)
{
    while (!APR_BRIGADE_EMPTY(stash)) {
        apr_bucket *e = APR_BRIGADE_FIRST(stash);

        if (APR_BUCKET_IS_METADATA(e) || e->length != 0) {
            return;
        }
        apr_bucket_delete(e);
    }
}

apr_status_t stash_read(apr_bucket_brigade *stash, apr_bucket_brigade *bb, ap_input_mode_t mode,
                        apr_off_t readbytes)
{
    apr_status_t rv = APR_SUCCESS;

    switch (mode) {
    case AP_MODE_GETLINE:
        rv = get_line(stash, bb);
        break;
    case AP_MODE_SPECULATIVE:
        rv = peek(stash, bb, readbytes);
        break;
    case AP_MODE_EXHAUSTIVE:
        APR_BRIGADE_CONCAT(bb, stash);
        break;
    default:
        rv = take(stash, bb, readbytes);
    }
    drop_empty(stash);
    return rv;
}

apr_status_t stash_keep(apr_bucket *e)
{
    const char *data;
    char *copy;
    apr_size_t len;
    apr_status_t rv = apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ);

    if (rv != APR_SUCCESS || APR_BUCKET_IS_HEAP(e) || APR_BUCKET_IS_IMMORTAL(e)) {
        return rv;
    }
    copy = malloc(len);
    if (copy == NULL) {
        return APR_ENOMEM;
    }
    memcpy(copy, data, len);
    e->type->destroy(e->data);
    apr_bucket_heap_make(e, copy, len, free);
    return APR_SUCCESS;
}

void stash_copy(const apr_bucket_brigade *stash, apr_uint64_t offset, char *to, apr_size_t size)
{
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(stash); e != APR_BRIGADE_SENTINEL(stash) && size > 0;
         e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_METADATA(e)
            || apr_bucket_read(e, &data, &len, APR_NONBLOCK_READ) != APR_SUCCESS) {
            continue;
        }
        if (len <= offset) {
            offset -= len;
            continue;
        }
        len -= (apr_size_t)offset;
        len = len < size ? len : size;
        memcpy(to, data + offset, len);
        to += len;
        size -= len;
        offset = 0;
    }
}

void stash_merge_last(apr_bucket_brigade *stash)
{
    apr_bucket *last = APR_BRIGADE_LAST(stash), *before;
    const char *a, *b;
    apr_size_t a_len, b_len;
    char *both;

    if (APR_BRIGADE_EMPTY(stash) || last == APR_BRIGADE_FIRST(stash)) {
        return;
    }
    before = APR_BUCKET_PREV(last);
    if (!APR_BUCKET_IS_HEAP(last) || !APR_BUCKET_IS_HEAP(before)
        || last->length + before->length > MERGE_MAX
        || apr_bucket_read(before, &a, &a_len, APR_NONBLOCK_READ) != APR_SUCCESS
        || apr_bucket_read(last, &b, &b_len, APR_NONBLOCK_READ) != APR_SUCCESS) {
        return;
    }
    both = malloc(a_len + b_len);
    if (both == NULL) {
        return;
    }
    memcpy(both, a, a_len);
    memcpy(both + a_len, b, b_len);
    before->type->destroy(before->data);
    apr_bucket_heap_make(before, both, a_len + b_len, free);
    apr_bucket_delete(last);
}
