/* SPDX-License-Identifier: Apache-2.0 */
/* common/options: what getopt_long finds is checked and stored by its type; what is wrong is named. */
#include "common/options.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

typedef struct {
    bool quiet;
    char *file;
    char *colour;
    long count;
    double ratio;
    texts_t names;
    double span;
} target_t;

static const char *const colours[] = { "never", "auto", "always", NULL };

static const option_t table[] = {
    { "quiet", 'q', NULL, NULL, OPTION_FLAG, offsetof(target_t, quiet), 0, 0, NULL,
      "Says nothing" },
    { "file", 'f', "FILE", NULL, OPTION_TEXT, offsetof(target_t, file), 0, 0, NULL, "A file" },
    { "color", 0, "WHEN", "always", OPTION_CHOICE, offsetof(target_t, colour), 0, 0, colours,
      "Colours" },
    { "count", 'c', "N", NULL, OPTION_COUNT, offsetof(target_t, count), -5, 100, NULL, "A count" },
    { "ratio", 'r', "R", NULL, OPTION_REAL, offsetof(target_t, ratio), 0, 1, NULL, "A ratio" },
    { "name", 'n', "NAME", NULL, OPTION_LIST, offsetof(target_t, names), 0, 0, NULL,
      "A name; may be given several times" },
    { "span", 's', "TIME", NULL, OPTION_SPAN, offsetof(target_t, span), 0, 0, NULL, "A time" },
    { .name = NULL }
};

static target_t target;
static failure_t failure;
static char *argv[16];

static void start(void)
{
    memset(&target, 0, sizeof(target));
    memset(&failure, 0, sizeof(failure));
}

static void stop(void)
{
    free(target.names.items);
    target.names.items = NULL;
}

/* The words of @a line, which is cut up, as arguments of a program; returns options_parse()'s answer. */
static int parse_as(bool first_only, char *line)
{
    const option_set_t sets[] = { { table, &target }, { NULL, NULL } };
    int argc = 0;

    stop();
    start();
    argv[argc++] = (char *)"mpmstats";
    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    return options_parse(sets, first_only, argc, argv, &failure);
}

static char line[200];

static int parse(const char *words)
{
    snprintf(line, sizeof(line), "%s", words);
    return parse_as(false, line);
}

static void check_refused(const char *words, const char *why)
{
    ck_assert_msg(parse(words) == 0, "'%s' is taken", words);
    ck_assert_int_eq(failure.rc, RC_USAGE);
    ck_assert_msg(strstr(failure.text, why) != NULL, "'%s': %s", words, failure.text);
}

START_TEST(each_type_is_stored)
{
    ck_assert_int_eq(parse("-q -f a.txt --color=auto --count 7 -r0.25 -n x --name=y --span 1.5s"),
                     13);
    ck_assert(target.quiet);
    ck_assert_str_eq(target.file, "a.txt");
    ck_assert_str_eq(target.colour, "auto");
    ck_assert_int_eq(target.count, 7);
    ck_assert_double_eq(target.ratio, 0.25);
    ck_assert_uint_eq(target.names.count, 2);
    ck_assert_str_eq(target.names.items[0], "x");
    ck_assert_str_eq(target.names.items[1], "y");
    ck_assert_double_eq(target.span, 1.5e6);
}
END_TEST

START_TEST(nothing_given_changes_nothing)
{
    ck_assert_int_eq(parse(""), 1);
    ck_assert(!target.quiet && target.file == NULL && target.colour == NULL && target.count == 0);
}
END_TEST

START_TEST(arguments_are_moved_behind_the_options)
{
    ck_assert_int_eq(parse("one -q two -c 3"), 4);
    ck_assert_str_eq(argv[4], "one");
    ck_assert_str_eq(argv[5], "two");
    ck_assert(target.quiet && target.count == 3);
    ck_assert_int_eq(parse("-q -- -c 3"), 3);
    ck_assert_str_eq(argv[3], "-c");
    ck_assert_int_eq(target.count, 0);
}
END_TEST

START_TEST(first_only_leaves_what_comes_after_the_first_argument)
{
    snprintf(line, sizeof(line), "-q top -c 3");
    ck_assert_int_eq(parse_as(true, line), 2);
    ck_assert(target.quiet && target.count == 0);
    ck_assert_str_eq(argv[2], "top");
    snprintf(line, sizeof(line), "top -q");
    ck_assert_int_eq(parse_as(true, line), 1);
    ck_assert(!target.quiet);
    snprintf(line, sizeof(line), "-f");
    ck_assert_int_eq(parse_as(true, line), 0);
    ck_assert_str_eq(failure.text, "--file wants an argument: --file FILE");
}
END_TEST

START_TEST(an_optional_argument_has_a_value_when_it_is_left_out)
{
    ck_assert_int_eq(parse("--color never"), 2); /* an argument of its own */
    ck_assert_str_eq(target.colour, "always");
    ck_assert_str_eq(argv[2], "never");
    ck_assert_int_eq(parse("--color=never"), 2);
    ck_assert_str_eq(target.colour, "never");
}
END_TEST

START_TEST(a_long_option_may_be_cut_short_where_it_stays_the_only_one)
{
    ck_assert_int_eq(parse("--qui --rat 1"), 4);
    ck_assert(target.quiet && target.ratio == 1);
    check_refused("--co 1", "'--co', or more than one begins so");
}
END_TEST

START_TEST(two_tables_have_targets_of_their_own)
{
    static const option_t more[] = { { "deep", 'd', NULL, NULL, OPTION_FLAG,
                                       offsetof(target_t, quiet), 0, 0, NULL, "Another one" },
                                     { .name = NULL } };
    char *words[] = { (char *)"mpmstats", (char *)"-d", (char *)"-c", (char *)"4", NULL };
    target_t other = { 0 };
    const option_set_t sets[] = { { table, &target }, { more, &other }, { NULL, NULL } };

    ck_assert_int_eq(options_parse(sets, false, 4, words, &failure), 4);
    ck_assert(other.quiet && !target.quiet && target.count == 4 && other.count == 0);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
    check_refused("--nowhere", "there is no option '--nowhere'");
    check_refused("-x", "there is no option '-x'");
    check_refused("-qx", "there is no option '-x'");
    check_refused("--quiet=1", "--quiet takes no argument");
    check_refused("-f", "--file wants an argument: --file FILE");
    check_refused("--count", "--count wants an argument: --count N");
    check_refused("--color=pink", "--color cannot be 'pink'; choose one of never, auto, always");
    check_refused("--color=", "--color cannot be ''");
    check_refused("--password=secret", "'--password'");
    ck_assert_ptr_null(strstr(failure.text, "secret"));
}
END_TEST

START_TEST(a_number_is_within_its_bounds)
{
    ck_assert_int_eq(parse("--count=-5"), 2);
    ck_assert_int_eq(target.count, -5);
    ck_assert_int_eq(parse("--count=100"), 2);
    ck_assert_int_eq(target.count, 100);
    check_refused("--count=-6", "a whole number from -5 to 100, not '-6'");
    check_refused("--count=101", "not '101'");
    check_refused("--count=1.5", "a whole number");
    check_refused("--count=1x", "not '1x'");
    check_refused("--count=", "not ''");
    check_refused("--count=nan", "not 'nan'");
    check_refused("--count=inf", "not 'inf'");
    check_refused("--count=99999999999999999999", "not '99999999999999999999'");
    ck_assert_int_eq(parse("--ratio=1"), 2);
    check_refused("--ratio=1.0001", "a number from 0 to 1");
    check_refused("--ratio=-0.1", "a number from 0 to 1");
    check_refused("--ratio=nan", "a number from 0 to 1");
    check_refused("--span=soon", "--span wants a time such as 500ms, 2s or 1.5m, not 'soon'");
}
END_TEST

START_TEST(a_span_has_a_unit_or_is_in_seconds)
{
    static const struct {
        const char *text;
        double us;
    } spans[] = {
        { "0", 0 },       { "2", 2e6 },      { "1.5", 1.5e6 },      { "7us", 7 },
        { "200ms", 2e5 }, { "2s", 2e6 },     { "1.5m", 90e6 },      { "2min", 120e6 },
        { "1h", 3600e6 }, { "1d", 86400e6 }, { "0.0000001s", 0.1 }, { ".5s", 5e5 },
        { "1e3ms", 1e6 },
    };

    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        double us = -1;

        ck_assert_msg(options_span(spans[i].text, &us), "%s", spans[i].text);
        ck_assert_double_eq_tol(us, spans[i].us, 1e-3);
    }
}
END_TEST

START_TEST(what_is_no_span_is_refused_and_changes_nothing)
{
    static const char *const wrong[] = { "",     "s",     "-1s",    "1w",   "1 s",
                                         "1sx",  "1S",    "1.5.2",  "nan",  "inf",
                                         "infs", "1e999", "1e308d", "-0.1", "ms5" };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        double us = 42;

        ck_assert_msg(!options_span(wrong[i], &us), "'%s' is a span of %g us", wrong[i], us);
        ck_assert_double_eq(us, 42);
    }
}
END_TEST

START_TEST(the_help_has_a_line_for_each_option)
{
    char text[2000] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    static const option_t wide[] = { { "a-name-as-long-as-this", 'a', "ARG", NULL, OPTION_TEXT, 0,
                                       0, 0, NULL, "A line of its own" },
                                     { .name = NULL } };

    options_help(out, table);
    options_help(out, wide);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "  -q, --quiet               Says nothing\n"));
    ck_assert_ptr_nonnull(strstr(text, "      --color[=WHEN]        Colours\n"));
    ck_assert_ptr_nonnull(strstr(text, "  -c, --count N             A count\n"));
    ck_assert_ptr_nonnull(strstr(
        text,
        "  -a, --a-name-as-long-as-this ARG\n                            A line of its own\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = tcase_create("options");

    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, each_type_is_stored);
    tcase_add_test(tc, nothing_given_changes_nothing);
    tcase_add_test(tc, arguments_are_moved_behind_the_options);
    tcase_add_test(tc, first_only_leaves_what_comes_after_the_first_argument);
    tcase_add_test(tc, an_optional_argument_has_a_value_when_it_is_left_out);
    tcase_add_test(tc, a_long_option_may_be_cut_short_where_it_stays_the_only_one);
    tcase_add_test(tc, two_tables_have_targets_of_their_own);
    tcase_add_test(tc, what_is_wrong_is_named);
    tcase_add_test(tc, a_number_is_within_its_bounds);
    tcase_add_test(tc, a_span_has_a_unit_or_is_in_seconds);
    tcase_add_test(tc, what_is_no_span_is_refused_and_changes_nothing);
    tcase_add_test(tc, the_help_has_a_line_for_each_option);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
