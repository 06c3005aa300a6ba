/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second, slow reading of http/body.c's chunked rules, for comparison: of
 * every prefix, shortest first, it asks whether that one is decided, and reads it
 * from the start each time, chunk by chunk, with the whole prefix in hand.
 */
#ifndef TESTS_BODY_REFERENCE_H
#define TESTS_BODY_REFERENCE_H

#include "http/body.h"

#include <ctype.h>
#include <string.h>

/* Length of a line end at b[at]: 1 or 2; 0: needs more; -1: is none. */
static inline int ref_line_end(const char *b, size_t n, size_t at, bool strict)
{
    if (at >= n) {
        return 0;
    }
    if (b[at] == '\n') {
        return strict ? -1 : 1;
    }
    if (b[at] != '\r') {
        return -1;
    }
    if (at + 1 >= n) {
        return 0;
    }
    return b[at + 1] == '\n' ? 2 : -1;
}

/* Trailers from @a at on; they end with an empty line. */
static inline body_verdict_e ref_trailers(const char *b, size_t n, size_t at, bool strict)
{
    while (at < n) {
        const char *lf = memchr(b + at, '\n', n - at);
        size_t len;

        if (!lf) {
            return BODY_MORE;
        }
        len = (size_t)(lf - (b + at));
        if (strict && (len == 0 || lf[-1] != '\r')) {
            return BODY_BAD;
        }
        if (len == 0 || (len == 1 && b[at] == '\r')) {
            return BODY_COMPLETE;
        }
        at += len + 1;
    }
    return BODY_MORE;
}

static inline body_verdict_e ref_chunked_prefix(const char *b, size_t n, uint64_t limit,
                                                bool strict)
{
    size_t at = 0;

    for (;;) {
        unsigned __int128 size = 0;
        size_t digits = 0, blanks = 0;
        int end;

        for (; at < n && isxdigit((unsigned char)b[at]); at++, digits++) {
            char c = (char)tolower((unsigned char)b[at]);

            size = size * 16 + (unsigned)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
            if (size > UINT64_MAX) {
                size = UINT64_MAX;
            }
        }
        if (at == n) {
            return BODY_MORE;
        }
        if (!digits) {
            return BODY_BAD;
        }
        for (; at < n && (b[at] == ' ' || b[at] == '\t'); at++) {
            if (++blanks > BODY_CHUNK_BLANKS_MAX) {
                return BODY_BAD;
            }
        }
        if (at < n && b[at] == ';') {
            while (at < n && (((unsigned char)b[at] >= 0x20 && b[at] != 0x7f) || b[at] == '\t')) {
                at++;
            }
        }
        end = ref_line_end(b, n, at, strict);
        if (end <= 0) {
            return end ? BODY_BAD : BODY_MORE;
        }
        at += (size_t)end;
        if (size == 0) {
            return ref_trailers(b, n, at, strict);
        }
        if (at + size + (strict ? strlen("\r\n0\r\n\r\n") : strlen("\n0\n\n")) > limit) {
            return BODY_TOO_LARGE;
        }
        if (size >= n - at) {
            return BODY_MORE;
        }
        at += (size_t)size;
        end = ref_line_end(b, n, at, strict);
        if (end <= 0) {
            return end ? BODY_BAD : BODY_MORE;
        }
        at += (size_t)end;
    }
}

static inline body_verdict_e ref_chunked(const char *b, size_t n, uint64_t limit, bool strict,
                                         size_t *used)
{
    for (*used = 1; *used <= n; ++*used) {
        body_verdict_e v = ref_chunked_prefix(b, *used, limit, strict);

        if (*used > limit) {
            --*used;
            return BODY_TOO_LARGE;
        }
        if (v == BODY_MORE && *used == limit) {
            v = BODY_TOO_LARGE;
        }
        if (v != BODY_MORE) {
            return v;
        }
    }
    *used = n;
    return BODY_MORE;
}

#endif
