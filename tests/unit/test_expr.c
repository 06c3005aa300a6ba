/* SPDX-License-Identifier: Apache-2.0 */
/* fields/: values by name, what is 100 % of them, and the conditions of `check` on them. */
#include "fields/expr.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/terminal.h"
#include "fields/sample.h"
#include "unit.h"

static sample_t *sample;
static snapshot_t *snap;
static failure_t failure;
static exprs_t list;

static void start(void)
{
    sample = sample_new();
    snap = &sample->snap;
    sample_rows(sample, &(sample_counts_t){ .vhosts = 3 });
    snap->vhosts[0].name = "first.test:443";
    snap->vhosts[1].name = "First.test";
    snap->vhosts[2].name = "[::1]:80";
    memset(&failure, 0, sizeof(failure));
}

static void stop(void)
{
    expr_free(&list);
    sample_free(sample);
}

static bool parse(const char *text)
{
    expr_free(&list);
    return expr_parse(&list, text, &failure);
}

/* One condition, which must be valid. */
static const expr_t *one(const char *text)
{
    ck_assert_msg(parse(text), "%s", failure.text);
    ck_assert_uint_eq(list.count, 1);
    return &list.items[0];
}

static bool holds(const char *text)
{
    return expr_holds(one(text), snap);
}

static void check_refused(const char *text, const char *why)
{
    ck_assert_msg(!parse(text), "'%s' is taken", text);
    ck_assert_int_eq(failure.rc, RC_USAGE);
    ck_assert_msg(strstr(failure.text, why) != NULL, "'%s': %s", text, failure.text);
}

/* ---- conditions ---- */

START_TEST(each_operator_compares_as_it_says)
{
    static const struct {
        const char *op;
        bool below, equal, above;
    } ops[] = {
        { ">", false, false, true }, { ">=", false, true, true }, { "<", true, false, false },
        { "<=", true, true, false }, { "=", false, true, false }, { "==", false, true, false },
        { "!=", true, false, true },
    };

    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        char text[40];

        snprintf(text, sizeof(text), "busy%s20", ops[i].op);
        snap->totals.workers_busy = 19;
        ck_assert_msg(holds(text) == ops[i].below, "19: %s", text);
        snap->totals.workers_busy = 20;
        ck_assert_msg(holds(text) == ops[i].equal, "20: %s", text);
        snap->totals.workers_busy = 21;
        ck_assert_msg(holds(text) == ops[i].above, "21: %s", text);
        snap->totals.workers_busy = SNAPSHOT_UNKNOWN;
        ck_assert_msg(!holds(text), "unknown: %s", text);
    }
}
END_TEST

START_TEST(a_list_is_separated_by_commas_and_spaces_do_not_matter)
{
    ck_assert(parse(" busy > 80% ,\tidle<3,  oldest >=  1m"));
    ck_assert_uint_eq(list.count, 3);
    ck_assert_str_eq(list.items[0].text, "busy > 80%");
    ck_assert_str_eq(list.items[0].measure.field->name, "workers_busy");
    ck_assert(list.items[0].measure.percent && list.items[0].bound == 80
              && list.items[0].op == EXPR_GREATER);
    ck_assert_str_eq(list.items[1].text, "idle<3");
    ck_assert(!list.items[1].measure.percent && list.items[1].bound == 3
              && list.items[1].op == EXPR_LESS);
    ck_assert(list.items[2].bound == 60e6 && list.items[2].op == EXPR_AT_LEAST);
}
END_TEST

START_TEST(lists_add_up_and_one_mistake_refuses_all)
{
    ck_assert(parse("busy>1"));
    ck_assert(expr_parse(&list, "idle>2", &failure));
    ck_assert_uint_eq(list.count, 2);
    check_refused("busy>1,", "'' is no condition");
    check_refused("busy>1,,idle>1", "'' is no condition");
    check_refused("", "'' is no condition");
}
END_TEST

START_TEST(a_bound_is_in_the_unit_of_its_value)
{
    ck_assert_double_eq(one("busy>1.5K")->bound, 1500);
    ck_assert_double_eq(one("busy>2m")->bound, 2e6); /* M of a count */
    ck_assert_double_eq(one("sent_bytes>1K")->bound, 1024);
    ck_assert_double_eq(one("sent_bytes>1.5G")->bound, 1.5 * 1073741824);
    ck_assert_double_eq(one("sent_bytes>2t")->bound, 2 * 1099511627776.0);
    ck_assert_double_eq(one("oldest>30")->bound, 30e6);
    ck_assert_double_eq(one("oldest>250ms")->bound, 250e3);
    ck_assert_double_eq(one("uptime<1h")->bound, 3600);
    ck_assert_double_eq(one("uptime<90")->bound, 90);
    ck_assert_double_eq(one("busy>-1")->bound, -1);
}
END_TEST

START_TEST(what_is_no_condition_is_named)
{
    check_refused("busy", "'busy' is no condition");
    check_refused("busy 20", "'busy 20' is no condition");
    check_refused("busy=>20", "is no condition");
    check_refused("busy<>20", "is no condition");
    check_refused("busy!20", "is no condition");
    check_refused("busy>", "has nothing to compare with");
    check_refused("busy> \t", "has nothing to compare with");
    check_refused(">20", "there is no key ''");
    check_refused("bussy>20", "there is no key 'bussy'; do you mean 'workers_busy'?");
    check_refused("mpm>3", "'mpm' is a text");
    check_refused("busy>x", "'x' is not something 'workers_busy' can be compared with");
    check_refused("busy>2KK", "'2KK'");
    check_refused("busy>2Z", "'2Z'");
    check_refused("busy>%", "''");
    check_refused("busy>nan", "'nan'");
    check_refused("busy>inf", "'inf'");
    check_refused("busy>1e999", "'1e999'");
    check_refused("busy>1e308K", "'1e308K'");
    check_refused("oldest>1K", "'1K'");
    check_refused("uptime>90%", "'uptime_s' has no limit to take 90% of");
    check_refused("uptime%>90", "'uptime' has no limit it could be a percentage of");
}
END_TEST

START_TEST(a_percentage_is_of_the_limit)
{
    snap->totals.workers_busy = 11;
    snap->limits.max_request_workers = 40;
    ck_assert(holds("busy>=27.5%") && holds("busy<=27.5%") && !holds("busy>27.5%"));
    ck_assert(holds("busy%=27.5") && holds("busy% = 27.5%"));
    snap->limits.max_request_workers = 0;
    ck_assert(!holds("busy>0%") && !holds("busy<100%") && !holds("busy!=0%"));
    snap->limits.max_request_workers = SNAPSHOT_UNKNOWN;
    ck_assert(!holds("busy>=0%"));
}
END_TEST

/* ---- values by name ---- */

static measure_t parsed(const char *text)
{
    measure_t measure;

    ck_assert_msg(measure_parse(&measure, text, strlen(text), &failure), "%s", failure.text);
    return measure;
}

static void check_no_measure(const char *text, const char *why)
{
    measure_t measure;

    ck_assert_msg(!measure_parse(&measure, text, strlen(text), &failure), "'%s' is taken", text);
    ck_assert_msg(strstr(failure.text, why) != NULL, "'%s': %s", text, failure.text);
}

/* Which virtual host's record it is; -1: none. */
static int host_of(const char *text)
{
    measure_t measure = parsed(text);
    const snapshot_vhost_t *record = measure_record(&measure, snap);

    measure_free(&measure);
    return record == NULL ? -1 : (int)(record - snap->vhosts);
}

START_TEST(only_so_many_bytes_are_the_name)
{
    measure_t measure;

    ck_assert(measure_parse(&measure, "busy>20", 4, &failure));
    ck_assert_str_eq(measure.field->name, "workers_busy");
    measure_free(&measure);
}
END_TEST

START_TEST(a_virtual_host_is_found_with_and_without_its_port)
{
    ck_assert_int_eq(host_of("vhost[first.test:443].requests"), 0);
    ck_assert_int_eq(host_of("vhost[FIRST.test].requests"), 1); /* the whole name comes first */
    ck_assert_int_eq(host_of("vhost[first.tes].requests"), -1);
    ck_assert_int_eq(host_of("vhost[first.test:44].requests"), -1);
    ck_assert_int_eq(host_of("vhost[first.test:].requests"), -1);
    snap->vhosts[1].name = NULL;
    ck_assert_int_eq(host_of("vhost[first.test].requests"), 0);
    ck_assert_int_eq(host_of("vhost[[::1]:80].requests"), 2);
    ck_assert_int_eq(host_of("vhost[[::1]].requests"), 2);
}
END_TEST

START_TEST(what_is_no_name_is_named)
{
    check_no_measure("", "there is no key ''");
    check_no_measure("%", "there is no key ''");
    check_no_measure("vhost[].requests", "is no key");
    check_no_measure("vhost[a]requests", "is no key");
    check_no_measure("vhost[a", "is no key");
    check_no_measure("vhost[a].", "there is no key ''; get --list --vhost shows all");
    check_no_measure("vhost[a].busy", "there is no key 'busy'");
    check_no_measure("vhost[a].p99%", "there is no key");
    check_no_measure("vhost[a].sent_bytes%", "has no limit");
}
END_TEST

START_TEST(a_name_is_the_shortest_and_means_the_same)
{
    static const char *const names[] = { "busy", "oldest", "uptime", "requests",
                                         "vhost[a:1].queue.p99" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        measure_t measure = parsed(names[i]);
        char *name = measure_name(&measure);
        measure_t again = parsed(name);

        ck_assert_str_eq(name, names[i]);
        ck_assert(measure_same(&measure, &again));
        free(name);
        measure_free(&measure);
        measure_free(&again);
    }
}
END_TEST

START_TEST(measures_are_the_same_whatever_the_percentage_and_the_case_of_the_host)
{
    measure_t busy = parsed("busy"), share = parsed("workers_busy%"),
              host = parsed("vhost[A].requests"), other = parsed("vhost[a].requests"),
              server = parsed("requests");

    ck_assert(measure_same(&busy, &share));
    ck_assert(measure_same(&host, &other));
    ck_assert(!measure_same(&host, &server) && !measure_same(&server, &busy));
    measure_free(&host);
    measure_free(&other);
}
END_TEST

static void check_shown(const char *name, const char *plain, const char *people)
{
    measure_t measure = parsed(name);
    char *one_line = measure_plain(&measure, snap), *shown = measure_format(&measure, snap);
    json_t *json = measure_json(&measure, snap);

    if (plain == NULL) {
        ck_assert_msg(one_line == NULL && json == NULL, "%s is known", name);
    }
    else {
        ck_assert_msg(one_line != NULL && json != NULL, "%s is not known", name);
        ck_assert_str_eq(one_line, plain);
    }
    ck_assert_str_eq(shown, people);
    json_decref(json);
    free(one_line);
    free(shown);
    measure_free(&measure);
}

START_TEST(values_are_written_for_scripts_and_for_people)
{
    check_shown("busy", NULL, "-");
    check_shown("busy%", NULL, "-");
    check_shown("mpm", NULL, "-");
    check_shown("vhost[nowhere].requests", NULL, "-");
    snap->totals.workers_busy = 1999;
    snap->limits.max_request_workers = 2000;
    check_shown("busy", "1999", "1,999");
    check_shown("busy%", "100.0", "99%"); /* not full before it is */
    snap->totals.workers_busy = 11;
    snap->limits.max_request_workers = 40;
    check_shown("busy%", "27.5", "27%");
    snap->totals.sent_bytes = APR_INT64_MAX - 1;
    check_shown("sent_bytes", "9223372036854775806", "8.00 EiB");
    snap->server.mpm = "ev\033ent";
    check_shown("mpm", "ev\033ent", "ev\\x1bent");
}
END_TEST

START_TEST(json_keeps_the_type_and_every_digit)
{
    measure_t bytes = parsed("sent_bytes"), share = parsed("busy%"), text = parsed("mpm");
    json_t *json;

    snap->totals.sent_bytes = APR_INT64_MAX - 1;
    json = measure_json(&bytes, snap);
    ck_assert(json_is_integer(json) && json_integer_value(json) == APR_INT64_MAX - 1);
    json_decref(json);
    snap->totals.workers_busy = 1;
    snap->limits.max_request_workers = 8;
    json = measure_json(&share, snap);
    ck_assert(json_is_real(json) && json_real_value(json) == 12.5);
    json_decref(json);
    snap->server.mpm = "a\xff";
    json = measure_json(&text, snap);
    ck_assert_str_eq(json_string_value(json), "a\ufffd");
    json_decref(json);
}
END_TEST

START_TEST(a_rate_is_growth_by_the_servers_clock)
{
    sample_t *later = sample_new();
    measure_t requests = parsed("requests");

    snap->server.now_us = 1000000;
    later->snap.server.now_us = 3000000;
    snap->totals.requests = 100;
    later->snap.totals.requests = 150;
    ck_assert_double_eq(measure_seconds(snap, &later->snap), 2);
    ck_assert_double_eq(measure_rate(&requests, snap, &later->snap), 25);
    ck_assert(isnan(measure_rate(&requests, &later->snap, snap))); /* time goes one way */
    ck_assert(isnan(measure_rate(&requests, snap, snap)));
    later->snap.totals.requests = 99;
    ck_assert(isnan(measure_rate(&requests, snap, &later->snap)));
    later->snap.totals.requests = SNAPSHOT_UNKNOWN;
    ck_assert(isnan(measure_rate(&requests, snap, &later->snap)));
    later->snap.totals.requests = 150;
    later->snap.server.pid = 7;
    ck_assert(measure_restarted(snap, &later->snap));
    ck_assert(isnan(measure_rate(&requests, snap, &later->snap)));
    later->snap.server.pid = snap->server.pid;
    later->snap.server.now_us = SNAPSHOT_UNKNOWN;
    ck_assert(isnan(measure_seconds(snap, &later->snap)));
    ck_assert(isnan(measure_rate(&requests, snap, &later->snap)));
    sample_free(later);
}
END_TEST

/* ---- the tables ---- */

static const field_t *const tables[] = { fields_server, fields_process, fields_worker,
                                         fields_vhost,  fields_handler, fields_listener,
                                         fields_event };

START_TEST(each_name_is_there_once_and_found)
{
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const field_t *field = tables[t]; field->name != NULL; field++) {
            ck_assert_msg(field_find(tables[t], field->name) == field,
                          "%s is there twice, or shadowed by a short name", field->name);
            ck_assert(strlen(field->name) < 64 && field->help[0] != '\0'
                      && field->label[0] != '\0');
            ck_assert(field_kind_word(field)[0] != '\0' && field_unit_word(field) != NULL);
            ck_assert(field->compute != NULL || field->path[0] != '\0');
        }
    }
    ck_assert_ptr_null(field_find(fields_server, ""));
    ck_assert_ptr_null(field_find(fields_server, "BUSY"));
    ck_assert_ptr_null(field_find(fields_vhost, "busy"));
}
END_TEST

START_TEST(short_names_and_limits_lead_to_fields_that_are_there)
{
    int shorter = 0, limited = 0;

    for (const field_t *field = fields_server; field->name != NULL; field++) {
        const char *word = field_short(field);
        const field_t *limit = field_limit(fields_server, field);

        if (word != NULL) {
            ck_assert_ptr_eq(field_find(fields_server, word), field);
            shorter++;
        }
        if (limit != NULL) {
            ck_assert_msg(limit != field && !field_is_text(limit) && limit->unit == field->unit,
                          "%s", field->name);
            limited++;
        }
    }
    ck_assert_int_ge(shorter, 7);
    ck_assert_int_ge(limited, 20);
    ck_assert_ptr_eq(field_limit(fields_vhost, field_find(fields_vhost, "responses_5xx")),
                     field_find(fields_vhost, "requests"));
    ck_assert_ptr_null(field_limit(fields_vhost, field_find(fields_vhost, "sent_bytes")));
}
END_TEST

START_TEST(the_nearest_name_is_near)
{
    char long_name[300];

    ck_assert_str_eq(field_nearest(fields_server, "bussy"), "workers_busy");
    ck_assert_str_eq(field_nearest(fields_server, "worker_busy"), "workers_busy");
    ck_assert_str_eq(field_nearest(fields_server, "queue.p9"), "queue.p90");
    ck_assert_str_eq(field_nearest(fields_vhost, "request"), "requests");
    ck_assert_ptr_null(field_nearest(fields_server, "xyzzyxyzzyxyzzy"));
    memset(long_name, 'x', sizeof(long_name));
    for (size_t size = 60; size < sizeof(long_name); size++) {
        long_name[size] = '\0';
        ck_assert_msg(field_nearest(fields_server, long_name) == NULL, "%zu times x is near %s",
                      size, field_nearest(fields_server, long_name));
        long_name[size] = 'x';
    }
}
END_TEST

START_TEST(what_is_cleared_is_unknown)
{
    snapshot_process_t process;
    double unknown = 0;

    memset(&process, 0x55, sizeof(process));
    fields_clear(fields_process, &process);
    for (const field_t *field = fields_process; field->name != NULL; field++) {
        ck_assert_msg(!field_known(field, &process), "%s", field->name);
        ck_assert_ptr_null(field_plain(field, &process));
        unknown += isnan(field_number(field, &process));
    }
    ck_assert_double_gt(unknown, 5);
    process.pid = 0;
    ck_assert(field_known(field_find(fields_process, "pid"), &process));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expr");
    TCase *tc = tcase_create("expr");

    setenv("LC_ALL", "C.UTF-8", 1);
    terminal_init(false);
    tcase_add_checked_fixture(tc, start, stop);
    tcase_add_test(tc, each_operator_compares_as_it_says);
    tcase_add_test(tc, a_list_is_separated_by_commas_and_spaces_do_not_matter);
    tcase_add_test(tc, lists_add_up_and_one_mistake_refuses_all);
    tcase_add_test(tc, a_bound_is_in_the_unit_of_its_value);
    tcase_add_test(tc, what_is_no_condition_is_named);
    tcase_add_test(tc, a_percentage_is_of_the_limit);
    tcase_add_test(tc, only_so_many_bytes_are_the_name);
    tcase_add_test(tc, a_virtual_host_is_found_with_and_without_its_port);
    tcase_add_test(tc, what_is_no_name_is_named);
    tcase_add_test(tc, a_name_is_the_shortest_and_means_the_same);
    tcase_add_test(tc, measures_are_the_same_whatever_the_percentage_and_the_case_of_the_host);
    tcase_add_test(tc, values_are_written_for_scripts_and_for_people);
    tcase_add_test(tc, json_keeps_the_type_and_every_digit);
    tcase_add_test(tc, a_rate_is_growth_by_the_servers_clock);
    tcase_add_test(tc, each_name_is_there_once_and_found);
    tcase_add_test(tc, short_names_and_limits_lead_to_fields_that_are_there);
    tcase_add_test(tc, the_nearest_name_is_near);
    tcase_add_test(tc, what_is_cleared_is_unknown);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
