/* SPDX-License-Identifier: Apache-2.0 */
/* common/text: what a terminal shows, and in how many columns; in UTF-8 and where there is only ASCII. */
#include "common/text.h"

#include <jansson.h>
#include <string.h>

#include "common/terminal.h"
#include "unit.h"

#define WIDE "\u4e16"   /* two columns, three bytes */
#define ACUTE "e\u0301" /* two characters in one column */

static void in_locale(const char *name)
{
    setenv("LC_ALL", name, 1);
    terminal_init(false);
}

static void utf8(void)
{
    in_locale("C.UTF-8");
    ck_assert(terminal_is_utf8());
}

static void check_safe(const char *raw, const char *expected)
{
    char *safe = text_safe(raw);

    ck_assert_str_eq(safe, expected);
    free(safe);
}

/* What a printing function has written, until the next call. */
static FILE *out;
static char *printed;
static size_t printed_length;

static void begin(void)
{
    free(printed);
    printed = NULL;
    out = open_memstream(&printed, &printed_length);
}

static const char *end(void)
{
    fclose(out);
    return printed;
}

static void stop(void)
{
    free(printed);
    printed = NULL;
}

static const char *left(const char *safe, size_t columns)
{
    begin();
    text_print_left(out, safe, columns);
    return end();
}

static const char *right(const char *safe, size_t columns)
{
    begin();
    text_print_right(out, safe, columns);
    return end();
}

static const char *words(const char *safe, int width)
{
    begin();
    text_print_words(out, safe, width);
    return end();
}

static const char *json(const char *text)
{
    begin();
    text_print_json(out, text);
    return end();
}

/* ---- what is safe ---- */

START_TEST(harmless_text_stays_and_the_rest_is_spelt_out)
{
    check_safe("", "");
    check_safe("plain /path?a=b", "plain /path?a=b");
    check_safe("caf\u00e9 " WIDE, "caf\u00e9 " WIDE);
    check_safe("a\\b", "a\\\\b");
    check_safe("\033[31m\r\n\x7f", "\\x1b[31m\\r\\n\\x7f");
    check_safe("\u202eabc", "\\u{202e}abc");
    check_safe("\xc2\x85", "\\u{85}");
    check_safe("\xff\xc3", "\\xff\\xc3");
    check_safe("\xed\xa0\x80", "\\xed\\xa0\\x80");
}
END_TEST

START_TEST(a_character_without_a_width_is_spelt_out)
{
    check_safe("\U000e0fff", "\\u{e0fff}"); /* nobody has given it a meaning */
    check_safe("\ue000", "\ue000");         /* of private use: one column */
}
END_TEST

START_TEST(without_utf8_only_ascii_is_left)
{
    in_locale("C");
    ck_assert(!terminal_is_utf8());
    check_safe("caf\u00e9 \U0001f600", "caf\\u{e9} \\u{1f600}");
    check_safe("a\\b\t", "a\\\\b\\t");
    ck_assert_str_eq(left("abcdef", 4), "abc~");
    ck_assert_str_eq(json("\"\u00e9\U0001f600\""), "\"\\u00e9\\ud83d\\ude00\"");
}
END_TEST

START_TEST(what_is_not_utf8_becomes_a_replacement_character)
{
    static const struct {
        const char *raw, *valid;
    } texts[] = {
        { "", "" },
        { "a\u00e9" WIDE "\U0001f600\033", "a\u00e9" WIDE "\U0001f600\033" },
        { "a\xff"
          "b",
          "a\ufffd"
          "b" },
        { "\xe4\xb8", "\ufffd" },       /* cut short: one for the part that could have begun one */
        { "\xc0\xaf", "\ufffd\ufffd" }, /* overlong */
        { "\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd" },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *valid = text_utf8(texts[i].raw);
        json_t *string = json_string(valid);

        ck_assert_str_eq(valid, texts[i].valid);
        ck_assert_msg(string != NULL, "jansson finds no UTF-8 in text %zu", i);
        json_decref(string);
        free(valid);
    }
}
END_TEST

/* ---- columns ---- */

START_TEST(width_counts_columns)
{
    ck_assert_uint_eq(text_width(""), 0);
    ck_assert_uint_eq(text_width("abc"), 3);
    ck_assert_uint_eq(text_width("caf\u00e9"), 4);
    ck_assert_uint_eq(text_width(WIDE WIDE), 4);
    ck_assert_uint_eq(text_width("a" ACUTE "b"), 3);
    ck_assert_uint_eq(text_width("\U0001f600"), 2);
}
END_TEST

START_TEST(a_prefix_fills_at_most_its_columns_and_ends_between_characters)
{
    ck_assert_uint_eq(text_prefix("abc", 0), 0);
    ck_assert_uint_eq(text_prefix("abc", 2), 2);
    ck_assert_uint_eq(text_prefix("abc", 3), 3);
    ck_assert_uint_eq(text_prefix("abc", 100), 3);
    ck_assert_uint_eq(text_prefix(WIDE WIDE, 1), 0);
    ck_assert_uint_eq(text_prefix(WIDE WIDE, 2), 3);
    ck_assert_uint_eq(text_prefix(WIDE WIDE, 3), 3);
    ck_assert_uint_eq(text_prefix(WIDE WIDE, 4), 6);
    ck_assert_uint_eq(text_prefix(ACUTE "b", 1), 3); /* the accent belongs to its letter */
    ck_assert_uint_eq(text_prefix("", 5), 0);
}
END_TEST

START_TEST(left_and_right_fill_exactly_their_columns)
{
    ck_assert_str_eq(left("abc", 5), "abc  ");
    ck_assert_str_eq(right("abc", 5), "  abc");
    ck_assert_str_eq(left("abc", 3), "abc");
    ck_assert_str_eq(right("abc", 3), "abc");
    ck_assert_str_eq(left("abcd", 3), "ab\u2026");
    ck_assert_str_eq(right("abcd", 3), "ab\u2026");
    ck_assert_str_eq(left("abcd", 1), "\u2026");
    ck_assert_str_eq(left("abcd", 0), "");
    ck_assert_str_eq(right("abcd", 0), "");
    ck_assert_str_eq(left("", 2), "  ");
    /* a wide character does not go halfway in */
    ck_assert_str_eq(left(WIDE WIDE, 3), WIDE "\u2026");
    ck_assert_str_eq(left(WIDE WIDE, 2), "\u2026 ");
    ck_assert_str_eq(right("a" WIDE WIDE, 4), "a" WIDE "\u2026");
}
END_TEST

START_TEST(every_cut_has_the_width_that_was_asked_for)
{
    static const char *const pieces[] = { "a", "\u00e9", WIDE, ACUTE, "\U0001f600", " ", "\\x1b" };

    uint64_t state = 1;

    for (int round = 0; round < 2000; round++) {
        char text[200] = "";
        size_t columns = unit_random_below(&state, 20);

        for (size_t n = unit_random_below(&state, 12); n > 0; n--) {
            strcat(text, pieces[unit_random_below(&state, sizeof(pieces) / sizeof(pieces[0]))]);
        }
        ck_assert_uint_eq(text_width(left(text, columns)), columns);
        ck_assert_uint_eq(text_width(right(text, columns)), columns);
        ck_assert(text_prefix(text, columns) <= strlen(text));
    }
}
END_TEST

/* ---- lines ---- */

START_TEST(lines_are_broken_between_words)
{
    ck_assert_str_eq(words("one two three", 0), "one two three\n");
    ck_assert_str_eq(words("one two three", 100), "one two three\n");
    ck_assert_str_eq(words("one two three", 13), "one two three\n");
    ck_assert_str_eq(words("one two three", 12), "one two\nthree\n");
    ck_assert_str_eq(words("one two three", 7), "one two\nthree\n");
    ck_assert_str_eq(words("one two three", 6), "one\ntwo\nthree\n");
    ck_assert_str_eq(words("", 10), "\n");
}
END_TEST

START_TEST(a_word_that_is_longer_than_a_line_is_broken)
{
    ck_assert_str_eq(words("abcdefgh ij", 3), "abc\ndef\ngh\nij\n");
    ck_assert_str_eq(words(WIDE WIDE WIDE, 4), WIDE WIDE "\n" WIDE "\n");
}
END_TEST

START_TEST(a_character_that_is_wider_than_a_line_ends_it)
{
    ck_assert_str_eq(words(WIDE, 1), "\n");
}
END_TEST

/* ---- JSON ---- */

START_TEST(json_means_the_same_and_shows_nothing_harmful)
{
    ck_assert_str_eq(json("{\n  \"a\": 1\n}"), "{\n  \"a\": 1\n}");
    ck_assert_str_eq(json("\"caf\u00e9 " WIDE "\""), "\"caf\u00e9 " WIDE "\"");
    ck_assert_str_eq(json("\"\u202e\x7f\xc2\x85\""), "\"\\u202e\\u007f\\u0085\"");
    ck_assert_str_eq(json("\"\U000e0001\U000e0fff\""), "\"\\udb40\\udc01\\udb43\\udfff\"");
    ck_assert_str_eq(json("\"\xff\""), "\"\\ufffd\"");
}
END_TEST

static void put_utf8(char text[5], unsigned code)
{
    unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned marks[] = { 0, 0xc0, 0xe0, 0xf0 };

    text[0] = (char)(marks[more] | code >> 6 * more);
    for (unsigned i = 1; i <= more; i++) {
        text[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3f));
    }
    text[more + 1] = '\0';
}

START_TEST(every_character_survives_json)
{
    for (unsigned code = 1; code < 0x110000; code += code < 0x3000 ? 1 : 257) {
        char text[5];
        json_t *before, *after;
        char *dumped;

        if (code >= 0xd800 && code < 0xe000) {
            continue;
        }
        put_utf8(text, code);
        before = json_pack("[s]", text);
        ck_assert_ptr_nonnull(before);
        dumped = json_dumps(before, 0);
        after = json_loads(json(dumped), 0, NULL);
        ck_assert_msg(after != NULL && json_equal(before, after), "U+%04X: %s", code, printed);
        free(dumped);
        json_decref(before);
        json_decref(after);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tc = tcase_create("text");

    tcase_add_checked_fixture(tc, utf8, stop);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, harmless_text_stays_and_the_rest_is_spelt_out);
    tcase_add_test(tc, a_character_without_a_width_is_spelt_out);
    tcase_add_test(tc, without_utf8_only_ascii_is_left);
    tcase_add_test(tc, what_is_not_utf8_becomes_a_replacement_character);
    tcase_add_test(tc, width_counts_columns);
    tcase_add_test(tc, a_prefix_fills_at_most_its_columns_and_ends_between_characters);
    tcase_add_test(tc, left_and_right_fill_exactly_their_columns);
    tcase_add_test(tc, every_cut_has_the_width_that_was_asked_for);
    tcase_add_test(tc, lines_are_broken_between_words);
    tcase_add_test(tc, a_word_that_is_longer_than_a_line_is_broken);
    tcase_add_test(tc, a_character_that_is_wider_than_a_line_ends_it);
    tcase_add_test(tc, json_means_the_same_and_shows_nothing_harmful);
    tcase_add_test(tc, every_character_survives_json);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
