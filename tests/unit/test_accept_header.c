/* SPDX-License-Identifier: Apache-2.0 */
/* http/accept_header: the quality an Accept header gives to a type by name. */
#include "http/accept_header.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#define TYPE "application/openmetrics-text"

static const char *const versions[] = { "0.0.1", "1.0.0", NULL };

static int quality(const char *header)
{
    return accept_quality(header, TYPE, versions);
}

START_TEST(a_type_that_is_not_named_is_not_wanted)
{
    static const char *const headers[] = { NULL,
                                           "",
                                           " ",
                                           ",",
                                           ",;,;",
                                           "text/plain",
                                           "*/*",
                                           "application/*",
                                           TYPE "2",
                                           "x" TYPE,
                                           "text/plain;a=" TYPE,
                                           ";" TYPE };

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        ck_assert_msg(quality(headers[i]) == 0, "%s", headers[i]);
    }
}
END_TEST

START_TEST(a_name_is_found_wherever_it_stands_in_whatever_case)
{
    ck_assert_int_eq(quality(TYPE), 1000);
    ck_assert_int_eq(quality("Application/OpenMetrics-TEXT"), 1000);
    ck_assert_int_eq(quality("text/plain, " TYPE), 1000);
    ck_assert_int_eq(quality("text/plain;q=0.3,\t" TYPE " \t,*/*"), 1000);
    ck_assert_int_eq(quality(TYPE ";charset=utf-8"), 1000);
}
END_TEST

START_TEST(a_quality_has_up_to_three_decimals)
{
    static const struct {
        const char *text;
        int quality;
    } qualities[] = {
        { "0", 0 },
        { "0.0", 0 },
        { "0.000", 0 },
        { "0.001", 1 },
        { "0.1", 100 },
        { "0.25", 250 },
        { "0.999", 999 },
        { "1", 1000 },
        { "1.000", 1000 },
        { "0.", 0 },
        { "1.", 1000 },
        { "0.9999", 999 },
        /* what is no quality says nothing */
        { "", 1000 },
        { "x", 1000 },
        { ".5", 1000 },
        { "-1", 1000 },
        { "0x1", 1000 },
        { "2", 1000 },
        { "1.5", 1000 },
        { "0.5x", 1000 },
        { "0..5", 1000 },
        { "9999999999", 1000 },
    };

    for (size_t i = 0; i < sizeof(qualities) / sizeof(qualities[0]); i++) {
        char header[100];

        snprintf(header, sizeof(header), TYPE ";q=%s", qualities[i].text);
        ck_assert_msg(quality(header) == qualities[i].quality, "%s: %d", header, quality(header));
        snprintf(header, sizeof(header), TYPE " ; a=b ; Q=%s ; c=d, text/html", qualities[i].text);
        ck_assert_msg(quality(header) == qualities[i].quality, "%s: %d", header, quality(header));
    }
}
END_TEST

START_TEST(of_several_the_highest_counts)
{
    ck_assert_int_eq(quality(TYPE ";q=0.2," TYPE ";q=0.7," TYPE ";q=0.5"), 700);
    ck_assert_int_eq(quality(TYPE ";q=0," TYPE ";q=0.1"), 100);
    ck_assert_int_eq(quality(TYPE ";q=0"), 0);
}
END_TEST

START_TEST(a_version_must_be_one_that_is_spoken)
{
    ck_assert_int_eq(quality(TYPE ";version=1.0.0;q=0.8"), 800);
    ck_assert_int_eq(quality(TYPE ";q=0.8;version=0.0.1"), 800);
    ck_assert_int_eq(quality(TYPE ";version=2.0.0"), 0);
    ck_assert_int_eq(quality(TYPE ";version=1.0"), 0);
    ck_assert_int_eq(quality(TYPE ";version="), 0);
    ck_assert_int_eq(quality(TYPE ";version=2.0.0," TYPE ";version=1.0.0;q=0.4"), 400);
    ck_assert_int_eq(accept_quality(TYPE ";version=1.0.0", TYPE, (const char *const[]){ NULL }), 0);
}
END_TEST

/* What Prometheus 2.5 and 3 send. */
START_TEST(prometheus_is_understood)
{
    static const char *const text[] = { "0.0.4", NULL };
    const char *old =
        "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const char *now =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.3,"
        "text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

    ck_assert_int_eq(quality(old), 1000);
    ck_assert_int_eq(accept_quality(old, "text/plain", text), 500);
    ck_assert_int_eq(quality(now), 600);
    ck_assert_int_eq(accept_quality(now, "text/plain", text), 200);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("accept_header");

    unit_add(suite, "not named", a_type_that_is_not_named_is_not_wanted);
    unit_add(suite, "named", a_name_is_found_wherever_it_stands_in_whatever_case);
    unit_add(suite, "quality", a_quality_has_up_to_three_decimals);
    unit_add(suite, "several", of_several_the_highest_counts);
    unit_add(suite, "version", a_version_must_be_one_that_is_spoken);
    unit_add(suite, "prometheus", prometheus_is_understood);
    return unit_main(suite);
}
