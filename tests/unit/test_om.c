/* SPDX-License-Identifier: Apache-2.0 */
/* render/om, render/out: the lines of both formats to the letter; what comes from outside cannot leave its quotes. */
#include "render/om.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

/* What was passed on; the receiver refuses what begins at `full_at` or later. */
static char text[70000];
static size_t length, full_at;
static int passes;

static apr_status_t receive(void *receiver, const char *data, apr_size_t len)
{
    passes++;
    ck_assert_ptr_eq(receiver, text);
    ck_assert(len > 0 && len <= OUT_BUFFER_BYTES && length + len < sizeof(text));
    if (length >= full_at) {
        return APR_ENOSPC;
    }
    memcpy(text + length, data, len);
    length += len;
    text[length] = '\0';
    return APR_SUCCESS;
}

static out_t out;
static om_t om;

static void begin(int openmetrics)
{
    text[0] = '\0';
    length = 0;
    passes = 0;
    full_at = sizeof(text);
    out_init(&out, receive, text);
    om_begin(&om, &out, openmetrics);
}

static const char *end(void)
{
    ck_assert_int_eq(out_finish(&out), APR_SUCCESS);
    return text;
}

/* ---- families ---- */

START_TEST(a_counter_has_its_suffix_on_its_samples_and_in_the_old_format_at_its_head)
{
    begin(1);
    om_family(&om, "x_requests", OM_COUNTER, NULL, "How many.");
    om_sample(&om);
    om_value(&om, 7);
    om_end(&om);
    ck_assert_str_eq(
        end(),
        "# HELP x_requests How many.\n# TYPE x_requests counter\nx_requests_total 7\n# EOF\n");
    begin(0);
    om_family(&om, "x_requests", OM_COUNTER, NULL, "How many.");
    om_sample(&om);
    om_value(&om, 7);
    ck_assert_str_eq(
        end(),
        "# HELP x_requests_total How many.\n# TYPE x_requests_total counter\nx_requests_total 7\n");
}
END_TEST

START_TEST(info_is_a_gauge_in_the_old_format)
{
    begin(1);
    om_family(&om, "x_build", OM_INFO, NULL, "What.");
    om_sample(&om);
    om_label(&om, "version", "1");
    om_value(&om, 1);
    ck_assert_str_eq(end(),
                     "# HELP x_build What.\n# TYPE x_build info\nx_build_info{version=\"1\"} 1\n");
    begin(0);
    om_family(&om, "x_build", OM_INFO, NULL, "What.");
    ck_assert_str_eq(end(), "# HELP x_build_info What.\n# TYPE x_build_info gauge\n");
}
END_TEST

START_TEST(a_unit_is_told)
{
    begin(1);
    om_family(&om, "x_seconds", OM_GAUGE, "seconds", "Long.");
    ck_assert_str_eq(end(),
                     "# HELP x_seconds Long.\n# TYPE x_seconds gauge\n# UNIT x_seconds seconds\n");
}
END_TEST

START_TEST(a_histogram_has_three_kinds_of_samples)
{
    begin(1);
    om_family(&om, "x_seconds", OM_HISTOGRAM, "seconds", "Long.");
    length = 0;
    out_flush(&out);
    length = 0;
    om_sample_of(&om, "_bucket");
    om_label(&om, "le", "0.1");
    om_value(&om, 3);
    om_sample_of(&om, "_sum");
    om_value_us(&om, 1500000);
    om_sample_of(&om, "_count");
    om_value(&om, 3);
    ck_assert_str_eq(end(),
                     "x_seconds_bucket{le=\"0.1\"} 3\nx_seconds_sum 1.500000\nx_seconds_count 3\n");
}
END_TEST

START_TEST(each_sample_has_labels_of_its_own)
{
    begin(1);
    om_family(&om, "x", OM_GAUGE, NULL, "X.");
    out_flush(&out);
    length = 0;
    om_sample(&om);
    om_label(&om, "a", "1");
    om_label_number(&om, "b", -2);
    om_label(&om, "c", "");
    om_value(&om, 1);
    om_sample(&om);
    om_value_infinite(&om);
    ck_assert_str_eq(end(), "x{a=\"1\",b=\"-2\",c=\"\"} 1\nx +Inf\n");
}
END_TEST

START_TEST(a_name_that_is_too_long_is_cut)
{
    char name[OM_NAME_BYTES + 20];

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    begin(0);
    om_family(&om, name, OM_COUNTER, NULL, "Long.");
    (void)end();
    ck_assert_uint_eq(strlen(om.sample), OM_NAME_BYTES - 1);
}
END_TEST

/* ---- values ---- */

static const char *value(void (*put)(om_t *, apr_int64_t), apr_int64_t number)
{
    begin(1);
    put(&om, number);
    return end();
}

START_TEST(whole_numbers_reach_from_the_smallest_to_the_largest)
{
    ck_assert_str_eq(value(om_value, 0), " 0\n");
    ck_assert_str_eq(value(om_value, -1), " -1\n");
    ck_assert_str_eq(value(om_value, 10), " 10\n");
    ck_assert_str_eq(value(om_value, APR_INT64_MAX), " 9223372036854775807\n");
    ck_assert_str_eq(value(om_value, APR_INT64_MIN), " -9223372036854775808\n");
}
END_TEST

START_TEST(microseconds_are_written_as_seconds_without_rounding)
{
    ck_assert_str_eq(value(om_value_us, 0), " 0.000000\n");
    ck_assert_str_eq(value(om_value_us, 1), " 0.000001\n");
    ck_assert_str_eq(value(om_value_us, 999999), " 0.999999\n");
    ck_assert_str_eq(value(om_value_us, 1000000), " 1.000000\n");
    ck_assert_str_eq(value(om_value_us, 1234567890123456), " 1234567890.123456\n");
    ck_assert_str_eq(value(om_value_us, APR_INT64_MAX), " 9223372036854.775807\n");
}
END_TEST

START_TEST(real_numbers_have_six_decimals)
{
    begin(1);
    om_value_real(&om, 0.1234564);
    om_value_real(&om, 2);
    ck_assert_str_eq(end(), " 0.123456\n 2.000000\n");
}
END_TEST

/* ---- labels ---- */

static const char *label(const char *raw)
{
    begin(1);
    om_label(&om, "a", raw);
    end();
    ck_assert(strncmp(text, "{a=\"", 4) == 0);
    return text + 4;
}

START_TEST(a_label_cannot_leave_its_quotes)
{
    ck_assert_str_eq(label("plain"), "plain\"");
    ck_assert_str_eq(label("a\"b\\c"), "a\\\"b\\\\c\"");
    ck_assert_str_eq(label("\\"), "\\\\\"");
    ck_assert_str_eq(label("a\nb\r\x7f\x01"), "a\u240ab\u240d\u2421\u2401\"");
    ck_assert_str_eq(label("caf\u00e9 \U0001f600"), "caf\u00e9 \U0001f600\"");
    ck_assert_str_eq(label("\xff\xc3(\u202e"), "\ufffd\ufffd(\ufffd\"");
}
END_TEST

START_TEST(any_bytes_give_one_line_with_its_quotes_closed)
{
    uint64_t state = 7;

    for (int round = 0; round < 5000; round++) {
        char raw[30];
        size_t size = unit_random_below(&state, sizeof(raw));
        const char *shown;
        size_t at = 0;

        for (size_t i = 0; i < size; i++) {
            raw[i] = (char)(1 + unit_random_below(&state, 255));
        }
        raw[size] = '\0';
        for (shown = label(raw); shown[at] != '\0' && shown[at] != '"'; at++) {
            ck_assert(shown[at] != '\n');
            at += shown[at] == '\\' ? 1 : 0;
        }
        ck_assert_str_eq(shown + at, "\"");
    }
}
END_TEST

/* ---- the buffer ---- */

START_TEST(more_than_a_buffer_is_passed_on_in_pieces_and_in_order)
{
    char expected[3 * OUT_BUFFER_BYTES + 100];
    size_t at = 0;

    begin(1);
    for (int i = 0; at + 12 < sizeof(expected); i++) {
        out_number(&out, i);
        at += (size_t)sprintf(expected + at, "%d", i);
    }
    end();
    ck_assert_uint_eq(length, at);
    ck_assert(memcmp(text, expected, at) == 0);
    ck_assert_int_eq(passes, 4);
    begin(1);
    memset(expected, 'x', sizeof(expected));
    out_bytes(&out, expected, 2 * OUT_BUFFER_BYTES);
    ck_assert_int_eq(passes, 2);
    ck_assert_int_eq(out_finish(&out), APR_SUCCESS);
    ck_assert_int_eq(passes, 2); /* nothing is left, so nothing is passed on */
}
END_TEST

START_TEST(the_first_error_stays_and_nothing_is_passed_on_after_it)
{
    static char much[5 * OUT_BUFFER_BYTES];

    memset(much, 'x', sizeof(much));
    begin(1);
    full_at = 2 * OUT_BUFFER_BYTES;
    out_bytes(&out, much, sizeof(much));
    ck_assert_int_eq(passes, 3);
    out_raw(&out, "more");
    full_at = sizeof(text);
    ck_assert_int_eq(out_finish(&out), APR_ENOSPC);
    ck_assert_int_eq(passes, 3);
    ck_assert_uint_eq(length, 2 * OUT_BUFFER_BYTES);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("om");

    unit_add(suite, "counter",
             a_counter_has_its_suffix_on_its_samples_and_in_the_old_format_at_its_head);
    unit_add(suite, "info", info_is_a_gauge_in_the_old_format);
    unit_add(suite, "unit", a_unit_is_told);
    unit_add(suite, "histogram", a_histogram_has_three_kinds_of_samples);
    unit_add(suite, "labels", each_sample_has_labels_of_its_own);
    unit_add(suite, "long name", a_name_that_is_too_long_is_cut);
    unit_add(suite, "numbers", whole_numbers_reach_from_the_smallest_to_the_largest);
    unit_add(suite, "microseconds", microseconds_are_written_as_seconds_without_rounding);
    unit_add(suite, "real", real_numbers_have_six_decimals);
    unit_add(suite, "label", a_label_cannot_leave_its_quotes);
    unit_add(suite, "any label", any_bytes_give_one_line_with_its_quotes_closed);
    unit_add(suite, "buffer", more_than_a_buffer_is_passed_on_in_pieces_and_in_order);
    unit_add(suite, "error", the_first_error_stays_and_nothing_is_passed_on_after_it);
    return unit_main(suite);
}
