/* SPDX-License-Identifier: Apache-2.0 */
#include "http/frames.h"

#include <string.h>

#include "base/must_hold.h"

#define PREFACE_BYTES 24 /* the server checks them */

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, CONTINUATION = 9 };
enum { END_STREAM = 1, END_HEADERS = 4 };

/* ---- a frame's header ------------------------------------------------------ */

static unsigned kind_of(const frames_place_t *p)
{
    return p->head[3];
}

static unsigned flags_of(const frames_place_t *p)
{
    return p->head[4];
}

static uint32_t stream_of(const frames_place_t *p)
{
    const uint8_t *at = p->head + 5;

    return (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Take bytes of a frame's header. @a is_whole: it is complete, and p->left is set. */
static size_t take_head(frames_place_t *p, const unsigned char *data, size_t len, bool *is_whole)
{
    size_t n = least(FRAMES_HEAD - p->have, len);

    memcpy(p->head + p->have, data, n);
    p->have = (uint8_t)(p->have + n);
    *is_whole = p->have == FRAMES_HEAD;
    if (*is_whole) {
        p->have = 0;
        p->left = (uint32_t)p->head[0] << 16 | (uint32_t)p->head[1] << 8 | p->head[2];
    }
    return n;
}

/* ---- open streams ---------------------------------------------------------- */

static void open_stream(frames_t *f, uint32_t stream)
{
    f->last_stream = stream;
    if (f->count == FRAMES_OPEN_MAX) {
        f->is_overfull = true;
    }
    else {
        f->open[f->count++] = stream;
    }
}

static void close_stream(frames_t *f, uint32_t stream)
{
    unsigned i;

    for (i = 0; i < f->count; i++) {
        if (f->open[i] == stream) {
            f->open[i] = f->open[--f->count];
            return;
        }
    }
}

void frames_init(frames_t *f, bool is_upgraded)
{
    memset(f, 0, sizeof(*f));
    f->preface = PREFACE_BYTES;
    if (is_upgraded) {
        open_stream(f, 1);
    }
}

bool frames_are_over(const frames_t *f)
{
    return f->has_refused && f->count == 0;
}

/* ---- what the client sends -------------------------------------------------- */

bool frames_are_amid_head(const frames_t *f)
{
    const frames_place_t *p = &f->from_client;

    return p->have > 0 || (p->left > 0 && kind_of(p) == HEADERS);
}

bool frames_refuse(frames_t *f)
{
    if (f->preface > 0 || frames_are_amid_head(f) || f->last_stream == 0 || f->is_overfull) {
        return false;
    }
    f->refuses = true;
    return true;
}

/* Whether the client's frame that begins is left out. */
static bool is_dropped(const frames_t *f)
{
    unsigned kind = kind_of(&f->from_client);
    uint32_t stream = stream_of(&f->from_client);

    return f->refuses
        && (((stream & 1) != 0 && stream > f->last_stream)
            || (kind == CONTINUATION && f->drops_block) || (kind == HEADERS && f->has_refused));
}

/* An empty DATA frame that ends the stream if the current frame does. */
static size_t write_end(const frames_place_t *p, unsigned char *out)
{
    memset(out, 0, FRAMES_HEAD);
    out[4] = flags_of(p) & END_STREAM;
    memcpy(out + 5, p->head + 5, 4);
    return FRAMES_HEAD;
}

/* The client's frame is left out: write what takes its place. */
static size_t drop_frame(frames_t *f, unsigned char *out)
{
    const frames_place_t *p = &f->from_client;

    if (kind_of(p) != HEADERS) {
        return 0;
    }
    if (stream_of(p) <= f->last_stream) {
        return out != NULL ? write_end(p, out) : 0;
    }
    f->has_refused = true;
    return 0;
}

/* The header of a client's frame is complete: decide, and write what takes the header's place. */
static size_t begin_frame(frames_t *f, unsigned char *out)
{
    const frames_place_t *p = &f->from_client;
    unsigned kind = kind_of(p);

    f->drops = is_dropped(f);
    if (kind == HEADERS || kind == CONTINUATION) {
        f->drops_block = f->drops && (flags_of(p) & END_HEADERS) == 0;
    }
    if (f->drops) {
        return drop_frame(f, out);
    }
    if (kind == HEADERS && stream_of(p) > f->last_stream) {
        open_stream(f, stream_of(p));
    }
    else if (kind == RST_STREAM) {
        close_stream(f, stream_of(p));
    }
    if (out == NULL) {
        return 0;
    }
    memcpy(out, p->head, FRAMES_HEAD);
    return FRAMES_HEAD;
}

static size_t pass(const frames_t *f, const unsigned char *data, size_t n, unsigned char *out)
{
    if (out == NULL || f->drops) {
        return 0;
    }
    memcpy(out, data, n);
    return n;
}

size_t frames_feed(frames_t *f, const void *data, size_t len, unsigned char *out)
{
    frames_place_t *p = &f->from_client;
    const unsigned char *at = data, *end = at + len;
    size_t written = 0, n = least(f->preface, len);

    MUST_HOLD((out != NULL) == f->refuses && (f->preface == 0 || !f->refuses));
    f->preface = (uint8_t)(f->preface - n);
    for (at += n; at < end; at += n) {
        unsigned char *to = out != NULL ? out + written : NULL;
        bool is_whole;

        if (p->left > 0) {
            n = least(p->left, (size_t)(end - at));
            p->left -= (uint32_t)n;
            written += pass(f, at, n, to);
        }
        else {
            n = take_head(p, at, (size_t)(end - at), &is_whole);
            written += is_whole ? begin_frame(f, to) : 0;
        }
    }
    return written;
}

/* ---- what the server sends -------------------------------------------------- */

static bool ends_stream(const frames_place_t *p)
{
    return kind_of(p) == RST_STREAM
        || ((kind_of(p) == DATA || kind_of(p) == HEADERS) && (flags_of(p) & END_STREAM) != 0);
}

size_t frames_to_skip(const frames_t *f)
{
    return f->from_server.left;
}

void frames_skip(frames_t *f, size_t len)
{
    MUST_HOLD(len <= f->from_server.left);
    f->from_server.left -= (uint32_t)len;
}

void frames_sent(frames_t *f, const void *data, size_t len)
{
    frames_place_t *p = &f->from_server;
    const unsigned char *at = data, *end = at + len;
    size_t n;

    for (; at < end; at += n) {
        bool is_whole;

        if (p->left > 0) {
            n = least(p->left, (size_t)(end - at));
            frames_skip(f, n);
            continue;
        }
        n = take_head(p, at, (size_t)(end - at), &is_whole);
        if (is_whole && ends_stream(p)) {
            close_stream(f, stream_of(p));
        }
    }
}
