/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/head: what each head amounts to, and that it does not depend on how the
 * bytes are cut. Every head below also goes through the slow reference.
 */
#include "head_reference.h"
#include "unit.h"

static head_scan_t scan;

/* In pieces of the given lengths, the last one as long as it takes. Returns the bytes used. */
static size_t feed_cut(const char *buf, size_t len, const head_limits_t *lim, size_t first,
                       size_t second)
{
    size_t cut[3] = { first, second, len }, at = 0;

    head_scan_init(&scan, lim);
    for (int i = 0; i < 3 && at < len && scan.verdict == HEAD_MORE; i++) {
        size_t n = cut[i] < len - at ? cut[i] : len - at, used = 4711;
        char *exact = malloc(n ? n : 1); /* so that ASan sees a read beyond the piece */

        memcpy(exact, buf + at, n);
        head_scan_feed(&scan, exact, n, &used);
        free(exact);
        ck_assert_uint_le(used, n);
        if (scan.verdict == HEAD_MORE) {
            ck_assert_uint_eq(used, n);
        }
        at += used;
    }
    ck_assert_uint_eq(scan.fed, at);
    return at;
}

static size_t feed(const char *s, const head_limits_t *lim)
{
    return feed_cut(s, strlen(s), lim, strlen(s), 0);
}

static head_verdict_e verdict(const char *s)
{
    feed(s, NULL);
    return scan.verdict;
}

static head_verdict_e verdict_strict(const char *s)
{
    static const head_limits_t strict = { .strict = true };

    feed(s, &strict);
    return scan.verdict;
}

/* The head with these field lines. */
static void fields(const char *lines)
{
    char buf[4096];

    snprintf(buf, sizeof(buf), "POST / HTTP/1.1\r\n%s\r\n", lines);
    ck_assert_int_eq(verdict(buf), HEAD_COMPLETE);
}

START_TEST(the_blank_line_completes_a_head_and_the_body_begins_after_it)
{
    ck_assert_uint_eq(feed("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", NULL), 27);
    ck_assert_int_eq(scan.verdict, HEAD_COMPLETE);
    ck_assert_int_eq(scan.http_major, 1);
    ck_assert_int_eq(scan.http_minor, 1);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\nHost: a\r\n\r"), HEAD_MORE);
    ck_assert_int_eq(verdict("GET / HTTP/1.1\r\nHost: a\r\n"), HEAD_MORE);
    ck_assert_int_eq(verdict("GET / HTTP/1.0\r\n\r\n"), HEAD_COMPLETE);
    ck_assert_int_eq(scan.http_minor, 0);
    ck_assert_int_eq(verdict("GET / HTTP/9.9\r\n\r\n"), HEAD_COMPLETE);
    ck_assert_int_eq(scan.http_major, 9);
    ck_assert_int_eq(scan.http_minor, 9);
    ck_assert_int_eq(verdict("GET / HTTP/1.1"), HEAD_MORE);
    ck_assert_int_eq(verdict("G"), HEAD_MORE);
}
END_TEST

START_TEST(a_zeroed_struct_is_a_fresh_scan)
{
    size_t used;

    memset(&scan, 0, sizeof(scan));
    ck_assert_int_eq(head_scan_feed(&scan, "GET / HTTP/1.1\r\n\r\n", 18, &used), HEAD_COMPLETE);
    ck_assert_uint_eq(used, 18);
    ck_assert_int_eq(scan.content_length, -1);
}
END_TEST

START_TEST(a_finished_scan_repeats_its_verdict_and_uses_nothing)
{
    size_t used = 4711;

    feed("GET / HTTP/1.1\r\n\r\n", NULL);
    ck_assert_int_eq(head_scan_feed(&scan, "GET", 3, &used), HEAD_COMPLETE);
    ck_assert_uint_eq(used, 0);
    ck_assert_uint_eq(scan.fed, 18);
    feed("hello\n", NULL);
    ck_assert_int_eq(head_scan_feed(&scan, "GET", 3, &used), HEAD_NOT_HTTP);
    ck_assert_uint_eq(used, 0);
}
END_TEST

START_TEST(no_bytes_change_nothing)
{
    size_t used = 4711;

    head_scan_init(&scan, NULL);
    ck_assert_int_eq(head_scan_feed(&scan, "", 0, &used), HEAD_MORE);
    ck_assert_uint_eq(used, 0);
    ck_assert_int_eq(head_scan_feed(&scan, "GET / HTTP/1.1\r\n\r", 17, &used), HEAD_MORE);
    ck_assert_int_eq(head_scan_feed(&scan, "", 0, &used), HEAD_MORE);
    ck_assert_int_eq(head_scan_feed(&scan, "\n", 1, &used), HEAD_COMPLETE);
}
END_TEST

START_TEST(line_ends_may_be_bare_lf_unless_httpd_is_strict)
{
    ck_assert_int_eq(verdict("GET / HTTP/1.0\nHost: a\n\n"), HEAD_COMPLETE);
    ck_assert_int_eq(verdict("GET / HTTP/1.0\r\nHost: a\n\r\n"), HEAD_COMPLETE);
    ck_assert_int_eq(verdict("GET / HTTP/1.0\r\nHost: a\r\r\n\r\r\n"), HEAD_MORE);
    ck_assert_int_eq(verdict_strict("GET / HTTP/1.0\n"), HEAD_BAD_LINE);
    ck_assert_uint_eq(scan.fed, 15);
    ck_assert_int_eq(verdict_strict("GET / HTTP/1.0\r\nHost: a\n"), HEAD_BAD_LINE);
    ck_assert_int_eq(verdict_strict("GET / HTTP/1.0\r\nHost: a\r\n\n"), HEAD_BAD_LINE);
    ck_assert_int_eq(verdict_strict("\n"), HEAD_BAD_LINE);
    ck_assert_int_eq(verdict_strict("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), HEAD_COMPLETE);
}
END_TEST

START_TEST(leading_blank_lines_are_skipped_as_httpd_skips_them)
{
    ck_assert_int_eq(verdict("\r\n\n\r\nGET / HTTP/1.1\r\n\r\n"), HEAD_COMPLETE);
    ck_assert_int_eq(verdict("\n\n\n\n\n\n\n\n\n\n"), HEAD_MORE);
    ck_assert_int_eq(verdict("\n\n\n\n\n\n\n\n\n\nGET / HTTP/1.1\r\n\r\n"), HEAD_COMPLETE);
    ck_assert_int_eq(verdict("\n\n\n\n\n\n\n\n\n\n\n"), HEAD_NOT_HTTP);
    ck_assert_uint_eq(scan.fed, 11);
}
END_TEST

START_TEST(a_first_line_that_is_not_http_is_dispatched_at_once)
{
    static const char *const lines[] = {
        "GET /\r\n",
        "hello\n",
        "GET / HTTP/1.1x\r\n",
        "GET / HTTP/1.\r\n",
        "GET / HTTP/11\r\n",
        "GET /HTTP/1.1\r\n",
        "GET HTTP/1.1\r\n",
        "HTTP/1.1\r\n",
        " HTTP/1.1\r\n",
        "GET / HTTP/0.9\r\n",
        "GET / HTTP/1.x\r\n",
        "GET / HTTP/x.1\r\n",
        "GET / HTTP/1.1\rx\r\n",
        "GET / HTTP/1.1\r\r\n",
        "GET / XHTTP/1.1\r\n",
        "GET / HTTP/1.1\t\r\n",
        "GET / HTTP/1.10\r\n",
        "GET /\tHTTP/1.1\r\n",
        "x\r\n",
        " \r\n",
        "\r\r\n",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(verdict(lines[i]) == HEAD_NOT_HTTP, "line %zu", i);
        ck_assert_msg(verdict_strict(lines[i]) == HEAD_NOT_HTTP, "line %zu, strict", i);
        ck_assert_uint_eq(scan.fed, strlen(lines[i]));
    }
    /* And not before it is complete. */
    ck_assert_int_eq(verdict("hello"), HEAD_MORE);
}
END_TEST

START_TEST(only_outside_strict_mode_the_protocol_may_be_lower_case_or_have_blanks_behind)
{
    static const char *const lines[] = { "GET / http/1.1\r\n", "GET / hTtP/1.1\r\n",
                                         "GET / HTTP/1.1 \r\n", "GET / HTTP/1.1   \r\n" };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(verdict(lines[i]) == HEAD_MORE, "line %zu", i);
        ck_assert_msg(verdict_strict(lines[i]) == HEAD_NOT_HTTP, "line %zu, strict", i);
    }
    ck_assert_int_eq(verdict("GET HTTP/1.1 \r\n"), HEAD_NOT_HTTP);
    ck_assert_int_eq(verdict("GET / HTTP/1.1 x\r\n"), HEAD_NOT_HTTP);
    ck_assert_int_eq(verdict("GET / HTTP/1.1 H\r\n"), HEAD_NOT_HTTP);
    ck_assert_int_eq(verdict_strict("GET   /  HTTP/1.1\r\n"), HEAD_MORE);
    ck_assert_int_eq(verdict_strict("GET / x HTTP/1.1\r\n"), HEAD_MORE);
}
END_TEST

START_TEST(the_http2_preface_is_released_when_all_of_it_is_there)
{
    ck_assert_int_eq(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), HEAD_MORE);
    ck_assert_uint_eq(feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\1\2\3", NULL), 24);
    ck_assert_int_eq(scan.verdict, HEAD_H2_PREFACE);
    /* What begins like it and goes on otherwise is httpd's to judge, at once. */
    ck_assert_uint_eq(feed("PRI * HTTP/2.0\r\nHost: a", NULL), 17);
    ck_assert_int_eq(scan.verdict, HEAD_H2_PREFACE);
    ck_assert_int_eq(verdict("PRI * HTTP/2.0\n"), HEAD_H2_PREFACE);
    ck_assert_int_eq(verdict("PRI * HTTP/2.0\r\n\r\nSX"), HEAD_H2_PREFACE);
    /* Not at the very beginning it is a request like any other. */
    ck_assert_int_eq(verdict("\r\nPRI * HTTP/2.0\r\n\r\n"), HEAD_COMPLETE);
    ck_assert_int_eq(verdict("PRI * HTTP/2.1\r\n\r\n"), HEAD_COMPLETE);
    ck_assert_int_eq(verdict("PRI *  HTTP/2.0\r\n\r\n"), HEAD_COMPLETE);
    ck_assert_int_eq(verdict("PRI * HTTP/2.0 \r\n\r\n"), HEAD_COMPLETE);
}
END_TEST

START_TEST(content_length_is_a_number_or_nothing_to_rely_on)
{
    fields("Host: a\r\n");
    ck_assert_int_eq(scan.content_length, -1);
    fields("Content-Length: 0\r\n");
    ck_assert_int_eq(scan.content_length, 0);
    ck_assert_int_eq(head_scan_body(&scan), HEAD_BODY_NONE);
    fields("cOnTeNt-LeNgTh:\t 0123 \t\r\n");
    ck_assert_int_eq(scan.content_length, 123);
    ck_assert_int_eq(head_scan_body(&scan), HEAD_BODY_LENGTH);
    fields("Content-Length: 9223372036854775807\r\n");
    ck_assert_int_eq(scan.content_length, INT64_MAX);
    fields("Content-Length:\r\n 12\r\n");
    ck_assert_int_eq(scan.content_length, 12);

    static const char *const bad[] = {
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length: 99999999999999999999999999\r\n",
        "Content-Length:\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 1 2\r\n",
        "Content-Length: 1,1\r\n",
        "Content-Length: 0x10\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nX: y\r\ncontent-length: 6\r\n",
        "Content-Length: 1\r\n 2\r\n",
        "Content-Length: x\r\nContent-Length: 5\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fields(bad[i]);
        ck_assert_msg(scan.content_length == -2, "%zu", i);
        ck_assert_int_eq(head_scan_body(&scan), HEAD_BODY_LEAVE);
    }
    /* Other names than that. */
    fields(
        "Content-Lengt: 5\r\nContent\rLength: 5\r\nContent-Lengths: 5\r\nContent-Length : 5\r\nXContent-Length: 5\r\n Content-Length: 5\r\n");
    ck_assert_int_eq(scan.content_length, -1);
}
END_TEST

START_TEST(only_chunked_alone_is_chunked)
{
    fields("Transfer-Encoding: chunked\r\n");
    ck_assert(scan.chunked && !scan.te_other);
    ck_assert_int_eq(head_scan_body(&scan), HEAD_BODY_CHUNKED);
    fields("transfer-encoding:CHUNKED \t\r\nContent-Length: 7\r\n");
    ck_assert_int_eq(head_scan_body(&scan), HEAD_BODY_CHUNKED);

    static const char *const other[] = {
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: chunke\r\n",
        "Transfer-Encoding: chunkedd\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: chunked chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chun\r\n ked\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    };
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        fields(other[i]);
        ck_assert_msg(scan.te_other && !scan.chunked, "%zu", i);
        ck_assert_int_eq(head_scan_body(&scan), HEAD_BODY_LEAVE);
    }
}
END_TEST

START_TEST(expect_and_upgrade_are_seen)
{
    fields("Expect: 100-continue\r\nContent-Length: 10\r\n");
    ck_assert(scan.expect);
    ck_assert_int_eq(head_scan_body(&scan), HEAD_BODY_LEAVE);
    fields("EXPECT:\r\n");
    ck_assert(scan.expect);
    ck_assert_int_eq(head_scan_body(&scan), HEAD_BODY_NONE);
    fields("Upgrade: websocket\r\n");
    ck_assert(scan.upgrade && !scan.expect);
    fields("Expected: x\r\nUpgrade-Insecure-Requests: 1\r\nExpec: x\r\n");
    ck_assert(!scan.expect && !scan.upgrade);
}
END_TEST

START_TEST(keepalive_follows_version_and_connection)
{
    static const struct {
        const char *head;
        bool keepalive;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n", true },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/2.0\r\n\r\n", true },
        { "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nConnection: Upgrade ,\tCLOSE\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nConnection: TE\r\nConnection:close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nConnection: TE,\r\n close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nConnection: closed, xclose, clos\r\n\r\n", true },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
        { "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nConnection: close, keep-alive\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: keep\ralive\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nKeep-Alive: 300\r\n\r\n", false },
        { "GET / HTTP/1.0\nConnection: keep-alive\n\n", true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(verdict(cases[i].head), HEAD_COMPLETE);
        ck_assert_msg(scan.keepalive_requested == cases[i].keepalive, "%zu", i);
    }
}
END_TEST

START_TEST(the_host_is_found_where_it_is)
{
    const char *head = "GET / HTTP/1.1\r\nA: b\r\nHost: \t example.org:80 \r\n\r\n";

    feed(head, NULL);
    ck_assert_uint_eq(scan.host_len, 14);
    ck_assert_int_eq(memcmp(head + scan.host_off, "example.org:80", 14), 0);
    fields("Host:\r\n");
    ck_assert_uint_eq(scan.host_len, 0);
    fields("Host: a\r\nHost: b\r\n");
    ck_assert_uint_eq(scan.host_len, 0);
    fields("Host: a\r\n b\r\n");
    ck_assert_uint_eq(scan.host_len, 0);
    fields("X-Host: a\r\nHosts: b\r\n");
    ck_assert_uint_eq(scan.host_len, 0);
    fields("Host: a\r\nX: y\r\n folded\r\n");
    ck_assert_uint_eq(scan.host_len, 1);
}
END_TEST

START_TEST(a_line_as_long_as_its_limit_passes_and_one_byte_more_does_not)
{
    head_limits_t lim = { .line = 16 }; /* "GET /ab HTTP/1.1" */

    feed("GET /ab HTTP/1.1\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_MORE);
    feed("GET /ab HTTP/1.1\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_MORE);
    ck_assert_uint_eq(feed("GET /abc HTTP/1.1\r\n", &lim), 17);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
    ck_assert_uint_eq(feed("GET /abcdefghijklmno", &lim), 17);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
    ck_assert_uint_eq(feed("GET /abcdefghijk\rx", &lim), 18);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
    /* The limit is the request line's alone. */
    feed("GET /ab HTTP/1.1\r\nA: 0123456789012345678901234567890\r\n\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_COMPLETE);
}
END_TEST

START_TEST(a_field_is_measured_with_its_folded_lines)
{
    head_limits_t lim = { .field = 10 };

    feed("GET / HTTP/1.1\r\nA: 4567890\r\n\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_COMPLETE);
    feed("GET / HTTP/1.1\r\nA: 45678901", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
    feed("GET / HTTP/1.1\r\nA: 456\r\n 890\r\nB: 4567890\r\n\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_COMPLETE);
    feed("GET / HTTP/1.1\r\nA: 456\r\n 8901", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
    feed("GET / HTTP/1.1\r\nA: 4567890\r\n ", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
}
END_TEST

START_TEST(one_field_more_than_the_limit_is_too_large_when_its_line_ends)
{
    head_limits_t lim = { .fields = 2 };

    feed("GET / HTTP/1.1\r\nA: b\r\nC: d\r\n e\r\n\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_COMPLETE);
    feed("GET / HTTP/1.1\r\nA: b\r\nC: d\r\nE: f", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_MORE);
    ck_assert_uint_eq(feed("GET / HTTP/1.1\r\nA: b\r\nC: d\r\nE: f\r\n\r\n", &lim), 34);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
}
END_TEST

START_TEST(a_head_as_long_as_the_total_passes_and_a_longer_one_is_known_there)
{
    head_limits_t lim = { .total = 18 };

    feed("GET / HTTP/1.1\r\n\r\nmore", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_COMPLETE);
    ck_assert_uint_eq(feed("\nGET / HTTP/1.1\r\n\r\n", &lim), 18);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
    feed("GET / HTTP/1.1\r\n\r", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_MORE);
}
END_TEST

START_TEST(httpd_limits_let_pass_what_httpd_takes)
{
    head_limits_t lim;
    char head[256];

    /*
     * LimitRequestLine 20: httpd takes a text of 21, has a buffer of 22, and sees the overrun at
     * byte 23.
     */
    head_limits_httpd(&lim, 20, 8190, 100, 0, true);
    feed("GET /3456789012 HTTP/1.1\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
    ck_assert_uint_eq(scan.fed, 23);
    feed("GET /345678 HTTP/1.1\r\n\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_COMPLETE);
    feed("GET /3456789 HTTP/1.1\r\n\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_COMPLETE);

    head_limits_httpd(&lim, 8190, 20, 100, 0, true);
    feed("GET / HTTP/1.1\r\nA: 456789012345678901", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_MORE);
    ck_assert_uint_eq(feed("GET / HTTP/1.1\r\nA: 456789012345678901234", &lim), 16 + 23);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);

    /* LimitRequestFields 1: httpd looks at the second field when it has the line after that. */
    head_limits_httpd(&lim, 8190, 8190, 1, 0, true);
    feed("GET / HTTP/1.1\r\nA: b\r\nC: d\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_MORE);
    feed("GET / HTTP/1.1\r\nA: b\r\nC: d\r\nE: f\r\n", &lim);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);

    /* LimitRequestFields 0 is no limit; LimitRequestLine 0 is one. */
    head_limits_httpd(&lim, 0, 0, 0, 0, true);
    ck_assert_uint_eq(lim.fields, 0);
    ck_assert_uint_ne(lim.line, 0);
    snprintf(head, sizeof(head), "GET");
    feed(head, &lim);
    ck_assert_int_eq(scan.verdict, HEAD_TOO_LARGE);
}
END_TEST

static const char *const all[] = {
    "GET / HTTP/1.1\r\nHost: www.example.org:8080 \r\nUser-Agent: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n\r\nGET",
    "POST /a HTTP/1.0\nHost:a\nContent-Length: 42\nConnection: close\n\nbody",
    "\r\n\nPUT /a?b=c HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0",
    "PRI * HTTP/2.0\r\nA: b\r\n\r\n",
    "GET / HTTP/1.1\r\nA: b\r\n c\r\n\td\r\nContent-Length:\r\n 5\r\nHost: a\r\n b\r\n\r\n",
    "GET / http/1.1  \r\nContent-Length: 1x\r\n\r\n",
    "GET /index.html\r\n",
    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n",
    "GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\nTransfer-Encoding: gzip\r\n\r\n",
    "GET / HTTP/1.1\r\nConnection\r\nContent-Length\r\n : 5\r\n\rA: b\r\nExpect : x\r\n\r\r\n\r\n",
};

static const head_limits_t limits[] = {
    { 0 },
    { .strict = true },
    { .line = 20, .field = 18 },
    { .line = 14, .field = 25, .fields = 2, .total = 60 },
    { .field = 5, .fields = 1, .strict = true },
    { .total = 25 },
};

START_TEST(every_cut_gives_the_answer_of_the_reference)
{
    const char *head = all[_i];
    size_t len = strlen(head);

    for (size_t l = 0; l < sizeof(limits) / sizeof(limits[0]); l++) {
        ref_head_t ref;

        ref_head(head, len, &limits[l], &ref);
        for (size_t first = 0; first <= len; first++) {
            for (size_t second = 0; second <= len - first; second++) {
                size_t used = feed_cut(head, len, &limits[l], first, second);
                const char *what = ref_differs(&ref, &scan, used);

                ck_assert_msg(!what, "limits %zu, cut at %zu and %zu: %s", l, first, first + second,
                              what);
            }
        }
    }
}
END_TEST

/* Random text made of the pieces that matter. */
START_TEST(random_heads_agree_with_the_reference)
{
    static const char *const words[] = {
        "GET ",
        "/",
        " HTTP/1.1",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        ":",
        "Content-Length: ",
        "5",
        "Transfer-Encoding:",
        "chunked",
        ",",
        "Connection: ",
        "close",
        "keep-alive",
        "Host: ",
        "a",
        "Expect:",
        "Upgrade:",
        "PRI * HTTP/2.0\r\n",
        "\r\nSM\r\n\r\n",
        "con",
        "http/1.0",
        "xyz",
    };
    uint64_t seed = 77;

    for (int round = 0; round < 6000; round++) {
        char head[512];
        size_t len = 0, used;
        head_limits_t lim = { .line = unit_random_below(&seed, 2) * unit_random_below(&seed, 40),
                              .field = unit_random_below(&seed, 2) * unit_random_below(&seed, 40),
                              .fields = unit_random_below(&seed, 4),
                              .total = unit_random_below(&seed, 2) * unit_random_below(&seed, 200),
                              .strict = unit_random_below(&seed, 2) };
        ref_head_t ref;
        const char *what;

        if (unit_random_below(&seed, 4)) {
            len = (size_t)sprintf(head, "GET / HTTP/1.1\r\n");
        }
        for (uint32_t n = unit_random_below(&seed, 24); n > 0; n--) {
            len += (size_t)
                sprintf(head + len, "%s",
                        words[unit_random_below(&seed, sizeof(words) / sizeof(words[0]))]);
        }
        len += (size_t)sprintf(head + len, "\r\n\r\n");
        ref_head(head, len, &lim, &ref);
        used = feed_cut(head, len, &lim, unit_random_below(&seed, (uint32_t)len),
                        unit_random_below(&seed, (uint32_t)len));
        what = ref_differs(&ref, &scan, used);
        ck_assert_msg(!what, "round %d: %s in \"%s\"", round, what, head);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("head");
    TCase *tc = tcase_create("cuts");

    unit_add(suite, "complete", the_blank_line_completes_a_head_and_the_body_begins_after_it);
    unit_add(suite, "zero", a_zeroed_struct_is_a_fresh_scan);
    unit_add(suite, "finished", a_finished_scan_repeats_its_verdict_and_uses_nothing);
    unit_add(suite, "no bytes", no_bytes_change_nothing);
    unit_add(suite, "bare LF", line_ends_may_be_bare_lf_unless_httpd_is_strict);
    unit_add(suite, "blank lines", leading_blank_lines_are_skipped_as_httpd_skips_them);
    unit_add(suite, "not HTTP", a_first_line_that_is_not_http_is_dispatched_at_once);
    unit_add(suite, "lenient",
             only_outside_strict_mode_the_protocol_may_be_lower_case_or_have_blanks_behind);
    unit_add(suite, "preface", the_http2_preface_is_released_when_all_of_it_is_there);
    unit_add(suite, "length", content_length_is_a_number_or_nothing_to_rely_on);
    unit_add(suite, "chunked", only_chunked_alone_is_chunked);
    unit_add(suite, "expect", expect_and_upgrade_are_seen);
    unit_add(suite, "keepalive", keepalive_follows_version_and_connection);
    unit_add(suite, "host", the_host_is_found_where_it_is);
    unit_add(suite, "line limit", a_line_as_long_as_its_limit_passes_and_one_byte_more_does_not);
    unit_add(suite, "field limit", a_field_is_measured_with_its_folded_lines);
    unit_add(suite, "fields limit", one_field_more_than_the_limit_is_too_large_when_its_line_ends);
    unit_add(suite, "total", a_head_as_long_as_the_total_passes_and_a_longer_one_is_known_there);
    unit_add(suite, "httpd limits", httpd_limits_let_pass_what_httpd_takes);
    unit_add(suite, "random", random_heads_agree_with_the_reference);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, every_cut_gives_the_answer_of_the_reference, 0,
                        sizeof(all) / sizeof(all[0]));
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
