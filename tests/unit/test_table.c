/* SPDX-License-Identifier: Apache-2.0 */
/* term/table: columns keep to the line; what has to go goes in the order the columns say. */
#include "term/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "unit.h"

static table_t *table;
static char *printed;
static size_t printed_length;

static void start(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    terminal_init(false);
}

static void forget(void)
{
    if (table != NULL) {
        table_free(table);
    }
    free(printed);
    table = NULL;
    printed = NULL;
}

/* A table of cells up to END; NULL is not known. */
#define END ((const char *)-1)

static void fill(const column_t *columns, size_t count, ...)
{
    va_list cells;
    const char *cell;

    forget();
    table = table_new(columns, count);
    va_start(cells, count);
    while ((cell = va_arg(cells, const char *)) != END) {
        table_cell(table, cell == NULL ? NULL : memory_copy(cell), STYLE_PLAIN);
    }
    va_end(cells);
}

static const char *print(int width)
{
    FILE *out;

    free(printed);
    printed = NULL;
    out = open_memstream(&printed, &printed_length);
    table_print(table, out, width);
    fclose(out);
    return printed;
}

static size_t widest_line(const char *text)
{
    size_t most = 0;
    char *copy = memory_copy(text), *rest = copy, *line;

    while ((line = strsep(&rest, "\n")) != NULL) {
        most = text_width(line) > most ? text_width(line) : most;
    }
    free(copy);
    return most;
}

static const column_t plain[] = { { .title = "PID", .right = true },
                                  { .title = "Name", .least = 5 },
                                  { .title = "Note", .least = 4 } };

START_TEST(columns_are_as_wide_as_their_widest_cell)
{
    fill(plain, 3, "1", "a", "x", "12345", "longer", "y", END);
    ck_assert_str_eq(print(0),
                     "  PID  Name    Note\n"
                     "    1  a       x\n"
                     "12345  longer  y\n");
    ck_assert_str_eq(print(20), "  PID  Name    Note\n    1  a       x\n12345  longer  y\n");
}
END_TEST

START_TEST(a_column_without_a_known_cell_is_not_shown)
{
    fill(plain, 3, "1", NULL, "x", "2", NULL, NULL, END);
    ck_assert_str_eq(print(0), "PID  Note\n  1  x\n  2  -\n");
    fill(plain, 3, "1", "a", NULL, END);
    ck_assert_str_eq(print(0), "PID  Name\n  1  a\n");
}
END_TEST

START_TEST(the_heading_is_there_without_rows)
{
    fill(plain, 3, END);
    ck_assert_str_eq(print(80), "\n");
    fill(plain, 3, "1", "half a row", END);
    ck_assert_str_eq(print(80), "PID  Name\n");
}
END_TEST

START_TEST(the_widest_column_that_may_be_cut_is_cut_first)
{
    fill(plain, 3, "1", "abcdefghijkl", "0123456", END);
    ck_assert_str_eq(print(26), "PID  Name          Note\n  1  abcdefghijkl  0123456\n");
    ck_assert_str_eq(print(25), "PID  Name         Note\n  1  abcdefghij\u2026  0123456\n");
    ck_assert_str_eq(print(21), "PID  Name     Note\n  1  abcdef\u2026  0123456\n");
    /* then both */
    ck_assert_str_eq(print(19), "PID  Name    Note\n  1  abcde\u2026  01234\u2026\n");
    ck_assert_str_eq(print(16), "PID  Name   Note\n  1  abcd\u2026  012\u2026\n");
    /* to the titles when nothing else helps, and no further */
    ck_assert_str_eq(print(15), "PID  Name  Note\n  1  abc\u2026  012\u2026\n");
    ck_assert_str_eq(print(1), "PID  Name  Note\n  1  abc\u2026  012\u2026\n");
}
END_TEST

START_TEST(columns_are_dropped_when_cutting_is_not_enough_the_highest_first)
{
    static const column_t columns[] = { { .title = "A" },
                                        { .title = "B", .drop = 1 },
                                        { .title = "C", .drop = 2 },
                                        { .title = "D", .drop = 2 },
                                        { .title = "E" } };

    fill(columns, 5, "aaaa", "bbbb", "cccc", "dddd", "eeee", END);
    ck_assert_str_eq(print(28), "A     B     C     D     E\naaaa  bbbb  cccc  dddd  eeee\n");
    ck_assert_str_eq(print(27), "A     B     E\naaaa  bbbb  eeee\n");
    ck_assert_str_eq(print(16), "A     B     E\naaaa  bbbb  eeee\n");
    ck_assert_str_eq(print(15), "A     E\naaaa  eeee\n");
    ck_assert_str_eq(print(3), "A     E\naaaa  eeee\n");
}
END_TEST

START_TEST(a_row_of_letters_is_wrapped_below_its_column)
{
    static const column_t columns[] = { { .title = "PID", .right = true },
                                        { .title = "Workers", .letters = true } };

    fill(columns, 2, "1", "_W_W_W_W_W_W_W_W_W_W_W_W", "22", "K", END);
    ck_assert_str_eq(print(80), "PID  Workers\n  1  _W_W_W_W_W_W_W_W_W_W_W_W\n 22  K\n");
    ck_assert_str_eq(print(15),
                     "PID  Workers\n  1  _W_W_W_W_W\n     _W_W_W_W_W\n     _W_W\n 22  K\n");
    ck_assert_str_eq(print(5),
                     "PID  Workers\n  1  _W_W_W_\n     W_W_W_W\n     _W_W_W_\n     W_W\n 22  K\n");
}
END_TEST

START_TEST(a_sentence_is_wrapped_between_its_words)
{
    static const column_t columns[] = { { .title = "N" },
                                        { .title = "Words", .words = true, .least = 5 } };

    fill(columns, 2, "1", "one two three", END);
    ck_assert_str_eq(print(0), "N  Words\n1  one two three\n");
    ck_assert_str_eq(print(10), "N  Words\n1  one two\n   three\n");
    ck_assert_str_eq(print(8), "N  Words\n1  one\n   two\n   three\n");
    fill(columns, 2, "1", "abcdefghijk", END);
    ck_assert_str_eq(print(8), "N  Words\n1  abcde\n   fghij\n   k\n");
}
END_TEST

START_TEST(columns_are_counted_not_bytes)
{
    fill(plain, 3, "1", "\u4e16\u4e16", "\u00e9", "2", "abcd", "e\u0301", END);
    ck_assert_str_eq(print(0), "PID  Name  Note\n  1  \u4e16\u4e16  \u00e9\n  2  abcd  e\u0301\n");
}
END_TEST

/* Whatever the cells: as narrow as was asked for, where that is possible at all. */
START_TEST(no_line_is_longer_than_asked_for)
{
    static const column_t columns[] = { { .title = "A", .right = true, .least = 1 },
                                        { .title = "Bb", .least = 3, .drop = 3 },
                                        { .title = "Ccc", .drop = 1 },
                                        { .title = "D", .least = 6, .drop = 2 },
                                        { .title = "Ee", .words = true, .least = 4 } };
    static const char *const pieces[] = { "a", "\u4e16", "e\u0301", "bb ", "0" };
    uint64_t state = 3;

    for (int round = 0; round < 500; round++) {
        int width = 11 + (int)unit_random_below(&state, 60);

        forget();
        table = table_new(columns, 5);
        for (int cell = 0; cell < 5 * 4; cell++) {
            char text[100] = "";

            for (size_t n = unit_random_below(&state, 15); n > 0; n--) {
                strcat(text, pieces[unit_random_below(&state, 5)]);
            }
            table_cell(table, unit_random_below(&state, 8) == 0 ? NULL : memory_copy(text),
                       STYLE_PLAIN);
        }
        print(width);
        ck_assert_msg(widest_line(printed) <= (size_t)width, "%d:\n%s", width, printed);
        print(0);
        ck_assert_msg(strstr(printed, "\u2026") == NULL, "cut without need:\n%s", printed);
    }
}
END_TEST

START_TEST(letters_have_colours_by_their_meaning)
{
    ck_assert_int_eq(table_letter_style('_'), STYLE_GOOD);
    ck_assert_int_eq(table_letter_style('W'), STYLE_BUSY);
    ck_assert_int_eq(table_letter_style('K'), STYLE_WARN);
    ck_assert_int_eq(table_letter_style('.'), STYLE_FAINT);
    ck_assert_int_eq(table_letter_style('G'), STYLE_TITLE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("table");
    TCase *tc = tcase_create("table");

    tcase_add_checked_fixture(tc, start, forget);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, columns_are_as_wide_as_their_widest_cell);
    tcase_add_test(tc, a_column_without_a_known_cell_is_not_shown);
    tcase_add_test(tc, the_heading_is_there_without_rows);
    tcase_add_test(tc, the_widest_column_that_may_be_cut_is_cut_first);
    tcase_add_test(tc, columns_are_dropped_when_cutting_is_not_enough_the_highest_first);
    tcase_add_test(tc, a_row_of_letters_is_wrapped_below_its_column);
    tcase_add_test(tc, a_sentence_is_wrapped_between_its_words);
    tcase_add_test(tc, columns_are_counted_not_bytes);
    tcase_add_test(tc, no_line_is_longer_than_asked_for);
    tcase_add_test(tc, letters_have_colours_by_their_meaning);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
