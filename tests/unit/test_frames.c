/* SPDX-License-Identifier: Apache-2.0 */
/* http/frames: what is left of a client's frames once new streams are refused, at every cut. */
#include "http/frames.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, PING = 6, WINDOW_UPDATE = 8, CONTINUATION = 9 };

typedef struct {
    unsigned char bytes[4096];
    size_t len;
} text_t;

static void put(text_t *t, const void *bytes, size_t len)
{
    ck_assert_uint_le(t->len + len, sizeof(t->bytes));
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

static void put_frame(text_t *t, unsigned kind, unsigned flags, unsigned stream, size_t len)
{
    unsigned char head[FRAMES_HEAD] = {
        (unsigned char)(len >> 16),    (unsigned char)(len >> 8),    (unsigned char)len,
        (unsigned char)kind,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream
    };

    put(t, head, sizeof(head));
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)(kind * 16 + i);

        put(t, &byte, 1);
    }
}

static void put_preface(text_t *t)
{
    put(t, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    put_frame(t, 4, 0, 0, 6);
}

/* Feed `in` in two pieces of memory of exactly their size; `out` becomes what is written. */
static void feed_cut(frames_t *f, const text_t *in, size_t cut, text_t *out)
{
    size_t from = 0;

    out->len = 0;
    for (int i = 0; i < 2; i++) {
        size_t n = (i == 0 ? cut : in->len) - from;
        unsigned char *exact = malloc(n + 1), *room = malloc(n + FRAMES_ROOM);

        memcpy(exact, in->bytes + from, n);
        put(out, room, frames_feed(f, exact, n, f->refuses ? room : NULL));
        free(exact);
        free(room);
        from += n;
    }
}

/* A client that has opened streams 1 and 3, and is refused others. */
static void begin_refusing(frames_t *f)
{
    text_t before = { .len = 0 };

    put_preface(&before);
    put_frame(&before, HEADERS, 4, 1, 20);
    put_frame(&before, HEADERS, 5, 3, 20);
    frames_init(f, false);
    ck_assert_uint_eq(frames_feed(f, before.bytes, before.len, NULL), 0);
    ck_assert_uint_eq(f->last_stream, 3);
    ck_assert(frames_refuse(f));
}

static void check_left(const text_t *in, const text_t *wanted)
{
    for (size_t cut = 0; cut <= in->len; cut++) {
        frames_t f;
        text_t out;

        begin_refusing(&f);
        feed_cut(&f, in, cut, &out);
        ck_assert_uint_eq(out.len, wanted->len);
        ck_assert_mem_eq(out.bytes, wanted->bytes, out.len);
        ck_assert_uint_eq(f.last_stream, 3);
    }
}

START_TEST(nothing_is_refused_within_a_frames_header_or_a_headers_frame)
{
    text_t all = { .len = 0 };
    bool is_between[256];
    frames_t f;

    put_preface(&all);
    put_frame(&all, HEADERS, 4, 1, 20);
    put_frame(&all, DATA, 0, 1, 20);
    put_frame(&all, PING, 0, 0, 8);
    memset(is_between, true, sizeof(is_between));
    for (size_t at = 24; at < all.len; at += FRAMES_HEAD + all.bytes[at + 2]) {
        size_t closed = FRAMES_HEAD + (all.bytes[at + 3] == HEADERS ? all.bytes[at + 2] : 0);

        memset(is_between + at + 1, false, closed - 1);
    }
    for (size_t cut = 0; cut <= all.len; cut++) {
        frames_init(&f, false);
        frames_feed(&f, all.bytes, cut, NULL);
        ck_assert_msg(frames_refuse(&f) == (is_between[cut] && f.last_stream != 0), "at %zu", cut);
        ck_assert(cut < 24 || frames_are_amid_head(&f) == !is_between[cut]);
    }
}
END_TEST

START_TEST(what_belongs_to_open_streams_is_unchanged)
{
    text_t in = { .len = 0 };

    put_frame(&in, DATA, 0, 1, 30);
    put_frame(&in, WINDOW_UPDATE, 0, 3, 4);
    put_frame(&in, PING, 0, 0, 8);
    put_frame(&in, HEADERS, 5, 1, 9); /* trailers */
    check_left(&in, &in);
}
END_TEST

START_TEST(a_new_stream_is_left_out_with_all_its_frames)
{
    text_t in = { .len = 0 }, wanted = { .len = 0 };

    put_frame(&in, DATA, 0, 1, 30);
    put_frame(&in, HEADERS, 0, 5, 12);
    put_frame(&in, CONTINUATION, 0, 5, 12);
    put_frame(&in, CONTINUATION, 4, 5, 0);
    put_frame(&in, DATA, 1, 5, 40);
    put_frame(&in, WINDOW_UPDATE, 0, 5, 4);
    put_frame(&in, HEADERS, 5, 7, 12);
    put_frame(&in, RST_STREAM, 0, 7, 4);
    put_frame(&in, WINDOW_UPDATE, 0, 1, 4);
    put_frame(&in, DATA, 1, 1, 10);
    put_frame(&wanted, DATA, 0, 1, 30);
    put_frame(&wanted, WINDOW_UPDATE, 0, 1, 4);
    put_frame(&wanted, DATA, 1, 1, 10);
    check_left(&in, &wanted);
}
END_TEST

START_TEST(trailers_after_a_refused_stream_become_an_empty_data_frame)
{
    text_t in = { .len = 0 }, wanted = { .len = 0 };

    put_frame(&in, HEADERS, 5, 5, 12);
    put_frame(&in, HEADERS, 1, 1, 12);
    put_frame(&in, CONTINUATION, 4, 1, 3);
    put_frame(&in, PING, 0, 0, 8);
    put_frame(&wanted, DATA, 1, 1, 0);
    put_frame(&wanted, PING, 0, 0, 8);
    check_left(&in, &wanted);
}
END_TEST

START_TEST(it_is_over_once_a_stream_was_refused_and_the_others_are_answered_or_reset)
{
    for (size_t cut = 0; cut <= 100; cut++) {
        text_t in = { .len = 0 }, out, answers = { .len = 0 };
        frames_t f;

        begin_refusing(&f);
        put_frame(&answers, HEADERS, 4, 3, 20);
        put_frame(&answers, DATA, 0, 3, 40);
        put_frame(&answers, DATA, 1, 3, 0);
        put_frame(&answers, RST_STREAM, 0, 3, 4);
        frames_sent(&f, answers.bytes, cut);
        ck_assert_uint_eq(f.count, cut >= 29 + 49 + 9 ? 1 : 2);
        if (cut < answers.len && frames_to_skip(&f) > 0) {
            size_t n = frames_to_skip(&f);

            frames_skip(&f, n);
            frames_sent(&f, answers.bytes + cut + n, answers.len - cut - n);
        }
        else {
            frames_sent(&f, answers.bytes + cut, answers.len - cut);
        }
        ck_assert(!frames_are_over(&f));
        put_frame(&in, RST_STREAM, 0, 1, 4);
        feed_cut(&f, &in, 3, &out);
        ck_assert_uint_eq(f.count, 0);
        ck_assert(!frames_are_over(&f));
        in.len = 0;
        put_frame(&in, HEADERS, 5, 5, 3);
        feed_cut(&f, &in, 10, &out);
        ck_assert_uint_eq(out.len, 0);
        ck_assert(frames_are_over(&f));
    }
}
END_TEST

START_TEST(with_more_open_streams_than_it_can_hold_nothing_is_refused)
{
    frames_t f;

    for (unsigned streams = FRAMES_OPEN_MAX; streams <= FRAMES_OPEN_MAX + 1; streams++) {
        frames_init(&f, false);
        for (unsigned i = 0; i < streams; i++) {
            text_t one = { .len = 0 };

            if (i == 0) {
                put_preface(&one);
            }
            put_frame(&one, HEADERS, 5, 2 * i + 1, 4);
            frames_feed(&f, one.bytes, one.len, NULL);
        }
        ck_assert_uint_eq(f.count, FRAMES_OPEN_MAX);
        ck_assert(frames_refuse(&f) == (streams == FRAMES_OPEN_MAX));
    }
}
END_TEST

START_TEST(the_request_that_became_http2_is_stream_1)
{
    text_t in = { .len = 0 }, out, answer = { .len = 0 };
    frames_t f;

    frames_init(&f, true);
    ck_assert(!frames_refuse(&f)); /* the preface is still to come */
    put_preface(&in);
    frames_feed(&f, in.bytes, in.len, NULL);
    ck_assert(frames_refuse(&f));
    in.len = 0;
    put_frame(&in, HEADERS, 5, 3, 3);
    feed_cut(&f, &in, 10, &out);
    ck_assert_uint_eq(out.len, 0);
    ck_assert(!frames_are_over(&f));
    put_frame(&answer, HEADERS, 5, 1, 3);
    frames_sent(&f, answer.bytes, answer.len);
    ck_assert(frames_are_over(&f));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frames");

    unit_add(suite, "half read", nothing_is_refused_within_a_frames_header_or_a_headers_frame);
    unit_add(suite, "open", what_belongs_to_open_streams_is_unchanged);
    unit_add(suite, "new", a_new_stream_is_left_out_with_all_its_frames);
    unit_add(suite, "trailers", trailers_after_a_refused_stream_become_an_empty_data_frame);
    unit_add(suite, "over",
             it_is_over_once_a_stream_was_refused_and_the_others_are_answered_or_reset);
    unit_add(suite, "overfull", with_more_open_streams_than_it_can_hold_nothing_is_refused);
    unit_add(suite, "upgraded", the_request_that_became_http2_is_stream_1);
    return unit_main(suite);
}
