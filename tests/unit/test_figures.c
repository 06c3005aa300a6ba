/* SPDX-License-Identifier: Apache-2.0 */
/* The table of figures at run time: what is kept reaches the snapshot, and every name leads somewhere. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "apr_general.h"
#include "fields/fields.h"
#include "figures/kept.h"
#include "segment/segment.h"
#include "unit.h"

/* Room for any record, of the snapshot and of the segment. */
typedef union {
    snapshot_server_t server;
    snapshot_limits_t limits;
    snapshot_totals_t totals;
    snapshot_connections_t connections;
    snapshot_process_t process;
    snapshot_process_workers_t process_workers;
    snapshot_vhost_t vhost;
    snapshot_handler_t handler;
    snapshot_listener_t listener;
} shown_t;

typedef union {
    segment_server_t server;
    segment_process_t process;
    segment_vhost_t vhost;
    segment_handler_t handler;
    segment_listener_t listener;
} kept_t;

static const struct {
    metrics_scope_e scope;
    segment_section_e section;
} scopes[] = {
    { METRICS_SERVER, SEGMENT_S_SERVER },     { METRICS_LIMITS, SEGMENT_S_SERVER },
    { METRICS_TOTALS, SEGMENT_S_SERVER },     { METRICS_CONNECTIONS, SEGMENT_S_PROCESS },
    { METRICS_PROCESS, SEGMENT_S_PROCESS },   { METRICS_PROCESS_WORKERS, SEGMENT_S_PROCESS },
    { METRICS_VHOST, SEGMENT_S_VHOST },       { METRICS_HANDLER, SEGMENT_S_HANDLER },
    { METRICS_LISTENER, SEGMENT_S_LISTENER },
};
#define SCOPES (sizeof(scopes) / sizeof(scopes[0]))

/* Those whose field is not called as they are, the unit aside. */
static const struct {
    const char *name, *field;
} renamed[] = {
    { "received_bytes", "bytes_in" },       { "recorded_since_us", "counting_since" },
    { "accepted", "connections_accepted" }, { "workers_peak", "workers_busy_peak" },
    { "head_bytes", "head_bytes" },         { "busy", "workers_busy" },
};

static apr_pool_t *pool;

static void start(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
}

static void end(void)
{
    apr_pool_destroy(pool);
    apr_terminate();
}

/* Each number is its place in the section, from 2 on; texts are the names of their fields. */
static void fill(segment_section_e section, kept_t *kept)
{
    const segment_section_t *about = segment_section(section);

    memset(kept, 0, sizeof(*kept));
    for (unsigned i = 0; i < about->field_count; i++) {
        char *at = (char *)kept + about->fields[i].plain_offset;

        if (about->fields[i].store == SEGMENT_STORE_NUMBER) {
            *(uint64_t *)(void *)at = i + 2;
        }
        else if (about->fields[i].store == SEGMENT_STORE_TEXT) {
            strncpy(at, about->fields[i].name, about->fields[i].size - 1);
        }
    }
}

static const char *field_of(metrics_scope_e scope, const metric_t *metric, char name[64])
{
    const char *units[] = { [METRIC_UNIT_NONE] = "",
                            [METRIC_UNIT_BYTES] = "_bytes",
                            [METRIC_UNIT_SECONDS] = "_s",
                            [METRIC_UNIT_MICROSECONDS] = "_us" };
    size_t length = strlen(metric->name), cut = strlen(units[metric->unit]);

    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]) && scope != METRICS_HANDLER; i++) {
        if (strcmp(metric->name, renamed[i].name) == 0) {
            return renamed[i].field;
        }
    }
    if (length > cut && strcmp(metric->name + length - cut, units[metric->unit]) == 0) {
        length -= cut;
    }
    snprintf(name, 64, "%s%.*s", scope == METRICS_CONNECTIONS ? "conn_" : "", (int)length,
             metric->name);
    return name;
}

static void check_taken(metrics_scope_e scope, segment_section_e section, const metric_t *metric,
                        const shown_t *shown)
{
    char name[64];
    const char *field = field_of(scope, metric, name);
    int place = segment_field_find(section, field);

    ck_assert_msg(place >= 0, "%s has no field %s", metric->name, field);
    if (metric->kind == METRIC_TEXT) {
        ck_assert_str_eq(metric_text(metric, shown), field);
    }
    else {
        ck_assert_int_eq(metric_number(metric, shown), metric->kind == METRIC_FLAG ? 1 : place + 2);
    }
}

START_TEST(what_is_kept_reaches_the_snapshot_and_nothing_else_does)
{
    kept_t kept;
    shown_t shown;
    int count, taken = 0;

    for (size_t s = 0; s < SCOPES; s++) {
        const metric_t *metrics = metrics_of(scopes[s].scope, &count);

        fill(scopes[s].section, &kept);
        metrics_clear(scopes[s].scope, &shown);
        kept_take(scopes[s].scope, &shown, &kept, pool, false);
        for (int i = 0; i < count; i++) {
            if (metrics[i].kept == METRIC_MADE) {
                ck_assert_msg(!metric_known(&metrics[i], &shown), "%s is made", metrics[i].name);
                continue;
            }
            check_taken(scopes[s].scope, scopes[s].section, &metrics[i], &shown);
            taken++;
        }
    }
    ck_assert_int_gt(taken, 120);
}
END_TEST

START_TEST(what_is_known_stays_unless_it_is_joined)
{
    segment_vhost_t kept;
    snapshot_vhost_t shown;

    memset(&kept, 0, sizeof(kept));
    metrics_clear(METRICS_VHOST, &shown);
    kept.in_flight = 3;
    kept.in_flight_peak = 7;
    kept.responses_2xx = 100;
    kept.responses_5xx = SEGMENT_UNKNOWN;
    kept_take(METRICS_VHOST, &shown, &kept, pool, true);
    kept.in_flight_peak = 5;
    kept_take(METRICS_VHOST, &shown, &kept, pool, true);
    ck_assert_int_eq(shown.in_flight, 6);
    ck_assert_int_eq(shown.in_flight_peak, 7);
    ck_assert_int_eq(shown.responses_2xx, 200);
    ck_assert_int_eq(shown.responses_5xx, SNAPSHOT_UNKNOWN);
    kept_take(METRICS_VHOST, &shown, &kept, pool, false);
    ck_assert_int_eq(shown.responses_2xx, 200);
    kept.responses_2xx = INT64_MAX;
    kept_take(METRICS_VHOST, &shown, &kept, pool, true);
    ck_assert_int_eq(shown.responses_2xx, INT64_MAX);
}
END_TEST

START_TEST(a_time_of_0_has_not_come)
{
    segment_server_t kept;
    snapshot_totals_t shown;

    memset(&kept, 0, sizeof(kept));
    metrics_clear(METRICS_TOTALS, &shown);
    kept_take(METRICS_TOTALS, &shown, &kept, pool, false);
    ck_assert_int_eq(shown.last_crash_us, SNAPSHOT_UNKNOWN);
    ck_assert_int_eq(shown.crashes, 0);
}
END_TEST

START_TEST(the_totals_are_the_sums_of_virtual_hosts)
{
    snapshot_totals_t totals;
    snapshot_vhost_t vhost;

    metrics_clear(METRICS_TOTALS, &totals);
    metrics_clear(METRICS_VHOST, &vhost);
    vhost.responses_4xx = 2;
    vhost.sent_bytes = 1000;
    vhost.in_flight = 1;
    kept_sum(&totals, &vhost);
    kept_sum(&totals, &vhost);
    ck_assert_int_eq(totals.responses_4xx, 4);
    ck_assert_int_eq(totals.sent_bytes, 2000);
    ck_assert_int_eq(totals.method_get, SNAPSHOT_UNKNOWN);
    ck_assert_int_eq(totals.requests_in_flight, SNAPSHOT_UNKNOWN);
}
END_TEST

START_TEST(every_name_leads_to_its_field_and_every_limit_to_one)
{
    const field_t *tables[] = { fields_server,  fields_process,  fields_worker, fields_vhost,
                                fields_handler, fields_listener, fields_event };
    int limits = 0;

    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const field_t *field = tables[t]; field->name != NULL; field++) {
            ck_assert_ptr_eq(field_find(tables[t], field->name), field);
            if (field_short(field) != NULL) {
                ck_assert_ptr_eq(field_find(tables[t], field_short(field)), field);
            }
            limits += field_limit(tables[t], field) != NULL;
            ck_assert_msg(t == 1 || strcmp(field->limit, "_") == 0
                              || field_limit(tables[t], field) != NULL,
                          "%s: there is no %s", field->name, field->limit);
        }
    }
    ck_assert_int_gt(limits, 40);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("figures");
    TCase *tc = tcase_create("figures");

    tcase_add_checked_fixture(tc, start, end);
    tcase_add_test(tc, what_is_kept_reaches_the_snapshot_and_nothing_else_does);
    tcase_add_test(tc, what_is_known_stays_unless_it_is_joined);
    tcase_add_test(tc, a_time_of_0_has_not_come);
    tcase_add_test(tc, the_totals_are_the_sums_of_virtual_hosts);
    tcase_add_test(tc, every_name_leads_to_its_field_and_every_limit_to_one);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
