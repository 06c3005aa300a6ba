/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the end of a request body without decoding it.
 *
 * The payload is skipped by arithmetic; only chunk lines and trailers are read byte by byte, by a
 * state machine whose states are in the order of the bytes.
 */
#include "http/body.h"

#include <string.h>

enum {
    PART_SIZE_FIRST = 0, /* the first digit of a chunk size */
    PART_SIZE,           /* further digits */
    PART_BLANKS,         /* blanks after the digits */
    PART_EXTENSION,      /* after ';' */
    PART_SIZE_LF,        /* a CR ended the chunk line */
    PART_DATA,
    PART_DATA_END, /* the line end after a chunk's data */
    PART_DATA_LF,
    PART_TRAILER
};

/* Minimum number of bytes after a chunk's data: its line end, "0", two line ends. */
enum { TAIL_STRICT = 7, TAIL_LENIENT = 4 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}

static bool control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* A size that overflows becomes UINT64_MAX, which exceeds any limit. */
static void size_digit(body_scan_t *s, int digit)
{
    s->left = (s->left >> 60) ? UINT64_MAX : (s->left << 4) | (uint64_t)digit;
}

static body_verdict_e size_line_end(body_scan_t *s, uint64_t fed)
{
    uint64_t tail = s->strict ? TAIL_STRICT : TAIL_LENIENT;
    uint64_t room = s->limit - fed;

    if (s->left == 0) {
        s->part = PART_TRAILER;
        s->line_empty = true;
        return BODY_MORE;
    }
    if (room < tail || s->left > room - tail) {
        return BODY_TOO_LARGE;
    }
    s->part = PART_DATA;
    return BODY_MORE;
}

/* Processes a byte after the first digit: digits, blanks, an extension, the line end. */
static body_verdict_e size_line_byte(body_scan_t *s, char c, uint64_t fed)
{
    if (c == '\n') {
        return s->strict ? BODY_BAD : size_line_end(s, fed);
    }
    if (c == '\r') {
        s->part = PART_SIZE_LF;
        return BODY_MORE;
    }
    if (c == ';') {
        s->part = PART_EXTENSION;
        return BODY_MORE;
    }
    if (s->part == PART_EXTENSION) {
        return control(c) ? BODY_BAD : BODY_MORE;
    }
    if (c == ' ' || c == '\t') {
        s->part = PART_BLANKS;
        return ++s->blanks > BODY_CHUNK_BLANKS_MAX ? BODY_BAD : BODY_MORE;
    }
    if (s->part == PART_SIZE && hex_digit(c) >= 0) {
        size_digit(s, hex_digit(c));
        return BODY_MORE;
    }
    return BODY_BAD;
}

static body_verdict_e size_first_byte(body_scan_t *s, char c)
{
    if (hex_digit(c) < 0) {
        return BODY_BAD;
    }
    s->left = (uint64_t)hex_digit(c);
    s->blanks = 0;
    s->part = PART_SIZE;
    return BODY_MORE;
}

static body_verdict_e data_end_byte(body_scan_t *s, char c)
{
    if (c == '\r' && s->part == PART_DATA_END) {
        s->part = PART_DATA_LF;
        return BODY_MORE;
    }
    if (c == '\n' && (s->part == PART_DATA_LF || !s->strict)) {
        s->part = PART_SIZE_FIRST;
        return BODY_MORE;
    }
    return BODY_BAD;
}

static body_verdict_e trailer_byte(body_scan_t *s, char c)
{
    if (c == '\n') {
        if (s->strict && !s->last_cr) {
            return BODY_BAD;
        }
        if (s->line_empty) {
            return BODY_COMPLETE;
        }
        s->line_empty = true;
        s->last_cr = false;
        return BODY_MORE;
    }
    /* A line that has only one CR so far is still empty. */
    s->line_empty = (c == '\r' && s->line_empty && !s->last_cr);
    s->last_cr = (c == '\r');
    return BODY_MORE;
}

static body_verdict_e chunked_byte(body_scan_t *s, char c, uint64_t fed)
{
    switch (s->part) {
    case PART_SIZE_FIRST:
        return size_first_byte(s, c);
    case PART_SIZE_LF:
        return c == '\n' ? size_line_end(s, fed) : BODY_BAD;
    case PART_DATA_END:
    case PART_DATA_LF:
        return data_end_byte(s, c);
    case PART_TRAILER:
        return trailer_byte(s, c);
    default:
        return size_line_byte(s, c, fed);
    }
}

static const char *data_skip(body_scan_t *s, const char *p, const char *end)
{
    uint64_t n = (uint64_t)(end - p);

    if (n > s->left) {
        n = s->left;
    }
    s->left -= n;
    return p + n;
}

/* @return the end of the bytes used: @a end unless there is a verdict */
static const char *chunked_feed(body_scan_t *s, const char *buf, const char *end)
{
    const char *p = buf;

    while (p < end && s->verdict == BODY_MORE) {
        if (s->part == PART_DATA) {
            p = data_skip(s, p, end);
            if (s->left == 0) {
                s->part = PART_DATA_END;
            }
            continue;
        }
        s->verdict = chunked_byte(s, *p, s->fed + (uint64_t)(p - buf) + 1);
        p++;
    }
    return p;
}

static const char *length_feed(body_scan_t *s, const char *buf, const char *end)
{
    const char *p = data_skip(s, buf, end);

    if (s->left == 0) {
        s->verdict = BODY_COMPLETE;
    }
    return p;
}

body_verdict_e body_scan_init_length(body_scan_t *scan, uint64_t length, uint64_t limit)
{
    memset(scan, 0, sizeof(*scan));
    scan->limit = limit;
    scan->left = length;
    if (length == 0) {
        scan->verdict = BODY_COMPLETE;
    }
    else if (length > limit) {
        scan->verdict = BODY_TOO_LARGE;
    }
    return scan->verdict;
}

void body_scan_init_chunked(body_scan_t *scan, uint64_t limit, bool strict)
{
    memset(scan, 0, sizeof(*scan));
    scan->limit = limit;
    scan->chunked = true;
    scan->strict = strict;
}

bool body_scan_init_after(body_scan_t *scan, const head_scan_t *head, uint64_t limit, bool strict)
{
    switch (head_scan_body(head)) {
    case HEAD_BODY_LENGTH:
        return limit > 0
            && body_scan_init_length(scan, (uint64_t)head->content_length, limit) != BODY_TOO_LARGE;
    case HEAD_BODY_CHUNKED:
        body_scan_init_chunked(scan, limit, strict);
        return limit > 0;
    default:
        return false;
    }
}

body_verdict_e body_scan_feed(body_scan_t *s, const char *buf, size_t len, size_t *used)
{
    const char *p;
    size_t window = len;

    *used = 0;
    if (s->verdict != BODY_MORE || len == 0) {
        return s->verdict;
    }
    if (window > s->limit - s->fed) {
        window = (size_t)(s->limit - s->fed);
    }
    p = s->chunked ? chunked_feed(s, buf, buf + window) : length_feed(s, buf, buf + window);
    *used = (size_t)(p - buf);
    s->fed += *used;
    if (s->verdict == BODY_MORE && s->fed == s->limit) {
        s->verdict = BODY_TOO_LARGE;
    }
    return s->verdict;
}
