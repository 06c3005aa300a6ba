/* SPDX-License-Identifier: Apache-2.0 */
/* base/escape: what each kind of byte becomes, and that nothing harmful is left. */
#include "escape_oracle.h"
#include "unit.h"

static char out[1024];

/* Valid until the next call. */
static const char *escaped(oracle_escape_fn fn, const char *src, size_t len)
{
    oracle_text_t t = { calloc(1, 1), 0, 0 };

    fn(oracle_add, &t, src, len);
    ck_assert_uint_lt(t.len, sizeof(out));
    memcpy(out, t.data, t.len + 1);
    free(t.data);
    return out;
}
#define HTML(s) escaped(escape_html, s, strlen(s))
#define JSON(s) escaped(escape_json, s, strlen(s))
#define TERMINAL(s) escaped(escape_terminal, s, strlen(s))
#define ASCII(s) escaped(escape_ascii, s, strlen(s))
#define FFFD "\xef\xbf\xbd"

START_TEST(plain_text_stays_as_it_is_and_comes_in_one_piece)
{
    const char *text = "GET /a?b=c;d HTTP/1.1 na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80";
    oracle_text_t t = { 0 };

    ck_assert_str_eq(HTML(text), text);
    ck_assert_str_eq(JSON(text), text);
    ck_assert_str_eq(TERMINAL(text), text);
    ck_assert_str_eq(ASCII(text), "GET /a?b=c;d HTTP/1.1 na\\u{ef}ve \\u{20ac} \\u{1f600}");
    escape_html(oracle_add, &t, text, strlen(text));
    ck_assert_uint_eq(t.pieces, 1);
    free(t.data);
}
END_TEST

START_TEST(special_characters_lose_their_meaning)
{
    ck_assert_str_eq(HTML("<a href=\"x\" b='y'>&amp;"),
                     "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;");
    ck_assert_str_eq(JSON("\"\\</script>&'/"), "\\\"\\\\\\u003c/script\\u003e\\u0026'/");
    ck_assert_str_eq(TERMINAL("\\x1b"), "\\\\x1b");
    ck_assert_str_eq(TERMINAL("<\"'&>"), "<\"'&>");
}
END_TEST

START_TEST(no_escape_sequence_reaches_a_terminal)
{
    ck_assert_str_eq(TERMINAL("\x1b[31m\x1b]0;title\x07"), "\\x1b[31m\\x1b]0;title\\x07");
    ck_assert_str_eq(TERMINAL("a\r\n\tb\x7f\x08"), "a\\r\\n\\tb\\x7f\\x08");
    ck_assert_str_eq(TERMINAL("\x9b"
                              "31m"),
                     "\\x9b31m"); /* C1 CSI as a byte of its own */
    ck_assert_str_eq(TERMINAL("\xc2\x9b"
                              "31m"),
                     "\\u{9b}31m"); /* and as a character */
    ck_assert_str_eq(TERMINAL("\xc2\x80"), "\\u{80}");
    /* an 8-bit terminal would see CSI in it */
    ck_assert_str_eq(ASCII("\xe2\x80\x9b\xff"), "\\u{201b}\\xff");
}
END_TEST

START_TEST(control_characters_are_shown_not_sent)
{
    ck_assert_str_eq(HTML("\x01\x1b\x7f\r\n"),
                     "\xe2\x90\x81\xe2\x90\x9b\xe2\x90\xa1\xe2\x90\x8d\xe2\x90\x8a");
    ck_assert_str_eq(JSON("\x01\x1b\x7f\b\f\n\r\t"), "\\u0001\\u001b\\u007f\\b\\f\\n\\r\\t");
    ck_assert_uint_eq(escape_html_buf(out, sizeof(out), "a\0b", 3), 5);
    ck_assert_str_eq(out,
                     "a\xe2\x90\x80"
                     "b");
    ck_assert_str_eq(escaped(escape_json, "a\0b", 3), "a\\u0000b");
    ck_assert_str_eq(HTML("\xc2\x80\xc2\x9f"), FFFD FFFD);
    ck_assert_str_eq(JSON("\xc2\x80"), "\\u0080");
    ck_assert_str_eq(HTML("\xc2\xa0"), "\xc2\xa0");
}
END_TEST

START_TEST(text_that_reorders_or_hides_text_is_disarmed)
{
    ck_assert_str_eq(HTML("a\xe2\x80\xae"
                          "b\xe2\x81\xa6\xef\xbb\xbf\xe2\x80\xa8"),
                     "a" FFFD "b" FFFD FFFD FFFD);
    ck_assert_str_eq(JSON("\xe2\x80\xae\xe2\x80\xa8\xf3\xa0\x80\x81"),
                     "\\u202e\\u2028\\udb40\\udc01");
    ck_assert_str_eq(TERMINAL("\xe2\x80\xae\xf3\xa0\x80\x81"), "\\u{202e}\\u{e0001}");
    ck_assert_str_eq(HTML("\xef\xbf\xbe\xf4\x8f\xbf\xbf"), FFFD FFFD);
}
END_TEST

START_TEST(what_is_not_utf8_is_replaced_part_by_part)
{
    static const struct {
        const char *bytes, *shown;
    } cases[] = {
        { "\xff", FFFD },
        { "a\x80z", "a" FFFD "z" },
        { "\xc0\xaf", FFFD FFFD },
        { "\xc1\xbf", FFFD FFFD },
        { "\xe0\x80\xaf", FFFD FFFD FFFD }, /* overlong */
        { "\xf0\x80\x80\xaf", FFFD FFFD FFFD FFFD },
        { "\xed\xa0\x80", FFFD FFFD FFFD }, /* a surrogate */
        { "\xed\x9f\xbf", "\xed\x9f\xbf" },
        { "\xee\x80\x80", "\xee\x80\x80" },
        { "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD }, /* above U+10FFFF */
        { "\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD },
        { "\xf0\x9f\x98", FFFD },
        { "\xf0\x9f\x98<", FFFD "&lt;" },
        { "\xe2\x82\xe2\x82\xac", FFFD "\xe2\x82\xac" },
        { "\xc3", FFFD },
        { "\xc3\xc3\xa9", FFFD "\xc3\xa9" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(HTML(cases[i].bytes), cases[i].shown);
    }
    ck_assert_str_eq(JSON("\xc0\xaf"), FFFD FFFD);
    ck_assert_str_eq(TERMINAL("\xc0\xaf\xf0\x9f\x98"), "\\xc0\\xaf\\xf0\\x9f\\x98");
}
END_TEST

START_TEST(nothing_is_left_out_but_at_the_end_of_a_buffer)
{
    ck_assert_uint_eq(escape_html_buf(NULL, 0, "<", 1), 4);
    ck_assert_uint_eq(escape_html_buf(out, 4, "<", 1), 4);
    ck_assert_str_eq(out, "");
    ck_assert_uint_eq(escape_html_buf(out, 5, "<", 1), 4);
    ck_assert_str_eq(out, "&lt;");
    ck_assert_uint_eq(escape_html_buf(out, 3,
                                      "a\xe2\x82\xac"
                                      "b",
                                      5),
                      5);
    ck_assert_str_eq(out, "a");
    ck_assert_uint_eq(escape_html_buf(out, 4, "ab<c", 4), 7);
    ck_assert_str_eq(out, "ab"); /* what comes after the cut stays out as well */
    ck_assert_uint_eq(escape_html_buf(out, 1, "a", 1), 1);
    ck_assert_str_eq(out, "");
    ck_assert_uint_eq(escape_html_buf(out, 1, "", 0), 0);
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(a_field_never_ends_in_half_a_character)
{
    char field[64];

    memset(field, 'a', sizeof(field));
    ck_assert_uint_eq(escape_field(field, sizeof(field)), 64);
    memcpy(field + 62, "\xe2\x82", 2);
    ck_assert_uint_eq(escape_field(field, sizeof(field)), 62);
    memcpy(field + 61, "\xe2\x82\xac", 3);
    ck_assert_uint_eq(escape_field(field, sizeof(field)), 64);
    /* As httpd's own copying leaves it: the last byte is the NUL. */
    field[63] = '\0';
    ck_assert_uint_eq(escape_field(field, sizeof(field)), 61);
    /* Half a character that the client sent is the client's. */
    memcpy(field + 40, "\xe2\x82\0", 3);
    ck_assert_uint_eq(escape_field(field, sizeof(field)), 42);
    field[0] = '\0';
    ck_assert_uint_eq(escape_field(field, sizeof(field)), 0);
    ck_assert_uint_eq(escape_field(field, 0), 0);
}
END_TEST

START_TEST(every_character_decodes_to_itself)
{
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        oracle_text_t t = { 0 };
        int32_t got;
        size_t n;

        oracle_character(&t, code);
        n = escape_decode(t.data, t.len, &got);
        if (code >= 0xd800 && code < 0xe000 ? got != ESCAPE_INVALID
                                            : (got != (int32_t)code || n != t.len)) {
            ck_abort_msg("U+%04X is read as %d in %zu bytes", code, got, n);
        }
        free(t.data);
    }
}
END_TEST

/* Every string of up to three of the bytes at which decoding decides. */
START_TEST(every_combination_of_deciding_bytes_is_harmless)
{
    static const unsigned char bytes[] = { 0x00, 0x09, 0x1b, '"',  '&',  '<',  '\\', 'a',
                                           0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                                           0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xe2, 0xed, 0xef,
                                           0xf0, 0xf3, 0xf4, 0xf5, 0xff };
    enum { N = sizeof(bytes) };

    for (size_t i = 0; i < N * N * N; i++) {
        char s[3] = { (char)bytes[i % N], (char)bytes[i / N % N], (char)bytes[i / N / N] };
        const char *wrong = oracle_check(s, 1 + i % 3);

        if (wrong) {
            ck_abort_msg("%02x %02x %02x: %s", (unsigned char)s[0], (unsigned char)s[1],
                         (unsigned char)s[2], wrong);
        }
    }
}
END_TEST

START_TEST(random_bytes_are_harmless_at_every_size)
{
    uint64_t seed = 5;

    for (int round = 0; round < 3000; round++) {
        char s[80];
        size_t len = unit_random_below(&seed, sizeof(s));
        const char *wrong;

        for (size_t i = 0; i < len; i++) {
            s[i] = (char)unit_random(&seed);
            if (unit_random_below(&seed, 3) == 0 && i + 3 < len) {
                memcpy(s + i, "\xf0\x9f\x98\x80", 4);
                i += 3;
            }
        }
        wrong = oracle_check(s, len);
        for (size_t size = 0; size < sizeof(s) + 2 && !wrong; size++) {
            wrong = oracle_field(s, len, size);
        }
        ck_assert_msg(!wrong, "round %d: %s", round, wrong);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("escape");

    unit_add(suite, "plain", plain_text_stays_as_it_is_and_comes_in_one_piece);
    unit_add(suite, "special", special_characters_lose_their_meaning);
    unit_add(suite, "terminal", no_escape_sequence_reaches_a_terminal);
    unit_add(suite, "control", control_characters_are_shown_not_sent);
    unit_add(suite, "deceptive", text_that_reorders_or_hides_text_is_disarmed);
    unit_add(suite, "not UTF-8", what_is_not_utf8_is_replaced_part_by_part);
    unit_add(suite, "buffer", nothing_is_left_out_but_at_the_end_of_a_buffer);
    unit_add(suite, "field", a_field_never_ends_in_half_a_character);
    unit_add(suite, "decode", every_character_decodes_to_itself);
    unit_add(suite, "combinations", every_combination_of_deciding_bytes_is_harmless);
    unit_add(suite, "random", random_bytes_are_harmless_at_every_size);
    return unit_main(suite);
}
