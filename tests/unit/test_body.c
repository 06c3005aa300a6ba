/* SPDX-License-Identifier: Apache-2.0 */
/* http/body: where a body ends, what is broken, what is too large, at every cut. */
#include "body_reference.h"
#include "unit.h"

#include <stdio.h>

static body_scan_t scan;

/* Goes on with an initialised scan, in pieces; returns the bytes used. */
static size_t feed_cut(const char *buf, size_t len, size_t first, size_t second)
{
    size_t cut[3] = { first, second, len }, at = 0;

    for (int i = 0; i < 3 && at < len && scan.verdict == BODY_MORE; i++) {
        size_t n = cut[i] < len - at ? cut[i] : len - at, used = 4711;
        char *exact = malloc(n ? n : 1);

        memcpy(exact, buf + at, n);
        ck_assert_int_eq(body_scan_feed(&scan, exact, n, &used), scan.verdict);
        free(exact);
        ck_assert_uint_le(used, n);
        at += used;
    }
    ck_assert_uint_eq(scan.fed, at);
    return at;
}

static body_verdict_e chunked(const char *s, uint64_t limit, bool strict)
{
    body_scan_init_chunked(&scan, limit, strict);
    feed_cut(s, strlen(s), strlen(s), 0);
    return scan.verdict;
}

START_TEST(a_body_of_known_length_ends_with_its_last_byte)
{
    for (size_t cut = 0; cut <= 5; cut++) {
        ck_assert_int_eq(body_scan_init_length(&scan, 5, 100), BODY_MORE);
        ck_assert_uint_eq(feed_cut("helloGET", 8, cut, 0), 5);
        ck_assert_int_eq(scan.verdict, BODY_COMPLETE);
    }
    body_scan_init_length(&scan, 5, 100);
    ck_assert_uint_eq(feed_cut("hell", 4, 4, 0), 4);
    ck_assert_int_eq(scan.verdict, BODY_MORE);
}
END_TEST

START_TEST(a_length_is_judged_before_a_byte_has_come)
{
    size_t used = 4711;

    ck_assert_int_eq(body_scan_init_length(&scan, 0, 0), BODY_COMPLETE);
    ck_assert_int_eq(body_scan_init_length(&scan, 101, 100), BODY_TOO_LARGE);
    ck_assert_int_eq(body_scan_feed(&scan, "x", 1, &used), BODY_TOO_LARGE);
    ck_assert_uint_eq(used, 0);
    ck_assert_int_eq(body_scan_init_length(&scan, UINT64_MAX, UINT64_MAX), BODY_MORE);
    ck_assert_int_eq(body_scan_init_length(&scan, 100, 100), BODY_MORE);
}
END_TEST

/* Whether a body is to be waited for, after a head with these fields. */
static bool waits(const char *fields, uint64_t limit)
{
    head_limits_t limits;
    head_scan_t head;
    char text[256];
    size_t used,
        len = (size_t)snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);

    head_limits_httpd(&limits, 8190, 8190, 100, 65536, true);
    head_scan_init(&head, &limits);
    ck_assert_int_eq(head_scan_feed(&head, text, len, &used), HEAD_COMPLETE);
    return body_scan_init_after(&scan, &head, limit, true);
}

START_TEST(only_a_body_that_can_end_within_the_limit_is_waited_for)
{
    ck_assert(!waits("", 100));
    ck_assert(!waits("Content-Length: 0\r\n", 100));
    ck_assert(waits("Content-Length: 100\r\n", 100));
    ck_assert_uint_eq(feed_cut("x", 1, 1, 0), 1);
    ck_assert_int_eq(scan.verdict, BODY_MORE);
    ck_assert(!waits("Content-Length: 101\r\n", 100));
    ck_assert(waits("Transfer-Encoding: chunked\r\n", 100));
    ck_assert_uint_eq(feed_cut("0\r\n\r\n", 5, 5, 0), 5);
    ck_assert_int_eq(scan.verdict, BODY_COMPLETE);
    ck_assert(!waits("Content-Length: 1\r\n", 0));
    ck_assert(!waits("Transfer-Encoding: chunked\r\n", 0));
}
END_TEST

START_TEST(a_finished_scan_repeats_its_verdict_and_uses_nothing)
{
    size_t used = 4711;

    ck_assert_int_eq(chunked("0\r\n\r\n", 100, true), BODY_COMPLETE);
    ck_assert_int_eq(body_scan_feed(&scan, "5", 1, &used), BODY_COMPLETE);
    ck_assert_uint_eq(used, 0);
    ck_assert_uint_eq(scan.fed, 5);
}
END_TEST

START_TEST(a_chunked_body_ends_after_its_trailers)
{
    ck_assert_int_eq(chunked("5\r\nhello\r\n0\r\n\r\nGET", 100, true), BODY_COMPLETE);
    ck_assert_uint_eq(scan.fed, 15);
    ck_assert_int_eq(chunked("5\r\nhello\r\n0\r\n\r", 100, true), BODY_MORE);
    ck_assert_int_eq(chunked("0\r\nA: b\r\n c\r\n\r\n", 100, true), BODY_COMPLETE);
    ck_assert_int_eq(chunked("9\r\n012345678\r\nf\r\n012345678901234\r\n0\r\n\r\n", 100, true),
                     BODY_COMPLETE);
    ck_assert_int_eq(chunked("0\r\nA: b\r\n \r\n", 100, true), BODY_MORE);
    ck_assert_int_eq(chunked("0\r\n\r\r\n", 100, true), BODY_MORE);
    ck_assert_int_eq(chunked("00005 \t;a=\"b;c\"\td\r\n\r\n\r\n\n\r\n0;x\r\n\r\n", 100, true),
                     BODY_COMPLETE);
    ck_assert_int_eq(chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0000000000000000000000\r\n\r\n",
                             100, true),
                     BODY_COMPLETE);
}
END_TEST

START_TEST(broken_chunks_are_httpds_to_refuse_at_once)
{
    static const char *const bad[] = {
        "\r\n",  "x",           " 5\r\n",        "-5\r\n", "5g", "5 5",
        "5\rx",  "5\r\nhelloX", "5\r\nhello\rX", "0x5",    ";",  "5           ",
        "5;a\1", "5;a\x7f",     "g\r\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(chunked(bad[i], 100, true) == BODY_BAD, "%zu", i);
        ck_assert_msg(chunked(bad[i], 100, false) == BODY_BAD, "%zu", i);
        ck_assert_uint_le(scan.fed, strlen(bad[i]));
    }
    ck_assert_int_eq(chunked("5          \r\n", 100, true), BODY_MORE);
}
END_TEST

START_TEST(bare_lf_is_a_line_end_only_outside_strict_mode)
{
    static const char *const lf[] = { "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
                                      "5\r\nhello\r\n0\n\r\n", "0\r\n\n", "0\r\nA: b\n\r\n" };

    for (size_t i = 0; i < sizeof(lf) / sizeof(lf[0]); i++) {
        ck_assert_msg(chunked(lf[i], 100, false) == BODY_COMPLETE, "%zu", i);
        ck_assert_msg(chunked(lf[i], 100, true) == BODY_BAD, "%zu", i);
    }
}
END_TEST

START_TEST(a_chunk_that_cannot_fit_is_known_from_its_size)
{
    /* 3 bytes of line, 10 of data, 7 of what must follow. */
    ck_assert_int_eq(chunked("a\r\n", 20, true), BODY_MORE);
    ck_assert_int_eq(chunked("a\r\n", 19, true), BODY_TOO_LARGE);
    ck_assert_int_eq(chunked("a\n", 16, false), BODY_MORE);
    ck_assert_int_eq(chunked("a\n", 15, false), BODY_TOO_LARGE);
    ck_assert_int_eq(chunked("ffffffffffffffff\r\n", UINT64_MAX, true), BODY_TOO_LARGE);
    ck_assert_int_eq(chunked("ffffffffffffffffffffff\r\n", UINT64_MAX, true), BODY_TOO_LARGE);
    ck_assert_int_eq(chunked("10000000000000000\r\n", 100, true), BODY_TOO_LARGE);
}
END_TEST

START_TEST(the_limit_counts_every_byte_as_sent)
{
    ck_assert_int_eq(chunked("5\r\nhello\r\n0\r\n\r\n", 15, true), BODY_COMPLETE);
    ck_assert_int_eq(chunked("5\r\nhello\r\n0\r\n\r\n", 14, true), BODY_TOO_LARGE);
    ck_assert_int_eq(chunked("0\r\nA: b\r\n\r\n", 10, true), BODY_TOO_LARGE);
    ck_assert_uint_eq(scan.fed, 10);
    ck_assert_int_eq(chunked("000000000000000", 10, true), BODY_TOO_LARGE);
    ck_assert_int_eq(chunked("0", 0, true), BODY_TOO_LARGE);
    ck_assert_uint_eq(scan.fed, 0);
}
END_TEST

static const char *const all[] = {
    "5\r\nhello\r\n0\r\n\r\nGET",
    "5;ext=1\r\nhello\r\n1 \t\r\n\r\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    "5\nhello\n0\n\n",
    "3\r\nabcd\r\n",
    "3\r\nab",
    "ffffffffffff\r\n",
    "0\r\n\r\r\n\r\n",
};

START_TEST(every_cut_gives_the_answer_of_the_reference)
{
    const char *body = all[_i];
    size_t len = strlen(body);

    for (uint64_t limit = 0; limit < 64; limit += 3) {
        for (int strict = 0; strict < 2; strict++) {
            size_t want_used = 0;
            body_verdict_e want = ref_chunked(body, len, limit, strict, &want_used);

            for (size_t first = 0; first <= len; first++) {
                for (size_t second = 0; second <= len - first; second++) {
                    body_scan_init_chunked(&scan, limit, strict);
                    ck_assert_uint_eq(feed_cut(body, len, first, second), want_used);
                    ck_assert_int_eq(scan.verdict, want);
                }
            }
        }
    }
}
END_TEST

START_TEST(random_bodies_agree_with_the_reference)
{
    static const char *const words[] = {
        "0", "1", "5",     "a",     "F",          "\r\n",     "\r\n",          "\n", "\r", " ",
        ";", "x", "hello", "0\r\n", "1\r\nx\r\n", "\r\n\r\n", "5\r\nhello\r\n"
    };
    uint64_t seed = 99;

    for (int round = 0; round < 30000; round++) {
        char body[256];
        size_t len = 0, want_used;
        uint64_t limit = unit_random_below(&seed, 100);
        bool strict = unit_random_below(&seed, 2);
        body_verdict_e want;

        for (uint32_t n = 1 + unit_random_below(&seed, 12); n > 0; n--) {
            len += (size_t)
                sprintf(body + len, "%s",
                        words[unit_random_below(&seed, sizeof(words) / sizeof(words[0]))]);
        }
        want = ref_chunked(body, len, limit, strict, &want_used);
        body_scan_init_chunked(&scan, limit, strict);
        ck_assert_uint_eq(feed_cut(body, len, unit_random_below(&seed, (uint32_t)len),
                                   unit_random_below(&seed, (uint32_t)len)),
                          want_used);
        ck_assert_msg(scan.verdict == want, "round %d: %d, not %d: \"%s\"", round, scan.verdict,
                      want, body);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body");
    TCase *tc = tcase_create("cuts");

    unit_add(suite, "length", a_body_of_known_length_ends_with_its_last_byte);
    unit_add(suite, "judged", a_length_is_judged_before_a_byte_has_come);
    unit_add(suite, "after a head", only_a_body_that_can_end_within_the_limit_is_waited_for);
    unit_add(suite, "finished", a_finished_scan_repeats_its_verdict_and_uses_nothing);
    unit_add(suite, "chunked", a_chunked_body_ends_after_its_trailers);
    unit_add(suite, "broken", broken_chunks_are_httpds_to_refuse_at_once);
    unit_add(suite, "bare LF", bare_lf_is_a_line_end_only_outside_strict_mode);
    unit_add(suite, "no room", a_chunk_that_cannot_fit_is_known_from_its_size);
    unit_add(suite, "limit", the_limit_counts_every_byte_as_sent);
    unit_add(suite, "random", random_bodies_agree_with_the_reference);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, every_cut_gives_the_answer_of_the_reference, 0,
                        sizeof(all) / sizeof(all[0]));
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
