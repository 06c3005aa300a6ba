/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats diff: what changed between two snapshots.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "fields/figure.h"
#include "fields/measure.h"
#include "common/memory.h"
#include "source/source.h"
#include "term/table.h"
#include "common/terminal.h"
#include "view/view.h"

typedef struct {
    bool all;
} diff_options_t;

/* Filled by options_parse() before run(). */
static diff_options_t given;

static const option_t options[] = { { .name = "all",
                                      .letter = 'a',
                                      .type = OPTION_FLAG,
                                      .offset = offsetof(diff_options_t, all),
                                      .help = "also list unchanged values" },
                                    { .name = NULL } };

/* The clock and values derived from it always differ, so they are no change. */
static bool is_clock(const field_t *field)
{
    return strcmp(field->name, "now_us") == 0 || strcmp(field->name, "uptime_s") == 0
        || strcmp(field->name, "sampled_age_us") == 0;
}

static bool same_value(const field_t *field, const snapshot_t *a, const snapshot_t *b)
{
    char *left = field_plain(field, a), *right = field_plain(field, b);
    bool same = left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;

    free(left);
    free(right);
    return same;
}

static bool is_listed(const field_t *field, const snapshot_t *a, const snapshot_t *b)
{
    if (!field_known(field, a) && !field_known(field, b)) {
        return false;
    }
    return given.all || (!is_clock(field) && !same_value(field, a, b));
}

static bool has_process(const snapshot_t *snap, apr_int64_t pid)
{
    for (int i = 0; i < snap->process_count; i++) {
        if (snap->processes[i].pid == pid) {
            return true;
        }
    }
    return false;
}

/* ---- text ---- */

/* An amount in the field's unit. */
static char *amount(const field_t *field, double much)
{
    switch (field->unit) {
    case METRIC_UNIT_BYTES:
        return figure_bytes(much);
    case METRIC_UNIT_MICROSECONDS:
        return figure_span(much);
    case METRIC_UNIT_SECONDS:
        return figure_span(much * 1e6);
    default:
        return figure_count(much);
    }
}

/* The difference: "+12", "-3.2 KiB"; NULL where a difference has no meaning. */
static char *change(const field_t *field, const snapshot_t *a, const snapshot_t *b)
{
    double by = field_number(field, b) - field_number(field, a);
    char *size, *text;

    if (isnan(by) || by == 0 || field_is_text(field) || field->kind == METRIC_ID
        || field->kind == METRIC_FLAG || field->kind == METRIC_TIME) {
        return NULL;
    }
    if (field->kind == METRIC_REAL) {
        return memory_format("%+.2f", by);
    }
    size = amount(field, fabs(by));
    text = memory_format("%c%s", by < 0 ? '-' : '+', size);
    free(size);
    return text;
}

static char *rate(const field_t *field, const snapshot_t *a, const snapshot_t *b)
{
    double per_s = field->kind == METRIC_COUNTER
        ? measure_rate(&(measure_t){ .field = field }, a, b)
        : NAN;
    char *size, *text;

    if (isnan(per_s)) {
        return NULL;
    }
    size = field->unit == METRIC_UNIT_NONE ? memory_format("%.1f", per_s) : amount(field, per_s);
    text = memory_format("%s/s", size);
    free(size);
    return text;
}

static void show_values(const snapshot_t *a, const snapshot_t *b)
{
    static const column_t columns[] = {
        { .title = "KEY" },
        { .title = "BEFORE", .right = true, .least = 12 },
        { .title = "AFTER", .right = true, .least = 12 },
        { .title = "CHANGE", .right = true },
        { .title = "RATE", .right = true },
    };
    table_t *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    size_t rows = 0;

    for (const field_t *field = fields_server; field->name != NULL; field++) {
        if (!is_listed(field, a, b)) {
            continue;
        }
        table_cell(table, memory_copy(field->name), STYLE_PLAIN);
        table_cell(table, figure_field(field, a), STYLE_PLAIN);
        table_cell(table, figure_field(field, b), STYLE_PLAIN);
        table_cell(table, change(field, a, b), STYLE_TITLE);
        table_cell(table, rate(field, a, b), STYLE_PLAIN);
        rows++;
    }
    if (rows > 0) {
        table_print(table, stdout, terminal_width());
    }
    else {
        puts("No value changed.");
    }
    table_free(table);
}

static void show_pids(const char *label, const snapshot_t *in, const snapshot_t *not_in)
{
    bool any = false;

    for (int i = 0; i < in->process_count; i++) {
        if (in->processes[i].pid == SNAPSHOT_UNKNOWN || has_process(not_in, in->processes[i].pid)) {
            continue;
        }
        printf("%s%lld", any ? " " : label, (long long)in->processes[i].pid);
        any = true;
    }
    if (any) {
        putchar('\n');
    }
}

static void show(const snapshot_t *a, const snapshot_t *b)
{
    double seconds = measure_seconds(a, b);
    char *span = figure_span(fabs(seconds) * 1e6);

    if (measure_restarted(a, b)) {
        puts("The server was restarted in between: counters were reset.");
    }
    else if (seconds < 0) {
        printf("%s from the later to the earlier one: swap the files?\n", span);
    }
    else {
        printf("%s apart.\n", span);
    }
    free(span);
    show_values(a, b);
    show_pids("Processes that went: ", a, b);
    show_pids("Processes that came: ", b, a);
}

/* ---- JSON ---- */

static void put_value(json_t *object, const char *key, const field_t *field, const snapshot_t *snap)
{
    measure_t measure = { field, false, NULL };
    json_t *value = measure_json(&measure, snap);

    if (value != NULL) {
        json_object_set_new(object, key, value);
    }
}

static json_t *json_values(const snapshot_t *a, const snapshot_t *b)
{
    json_t *values = json_object();

    for (const field_t *field = fields_server; field->name != NULL; field++) {
        double per_s = field->kind == METRIC_COUNTER
            ? measure_rate(&(measure_t){ .field = field }, a, b)
            : NAN;
        json_t *value;

        if (!is_listed(field, a, b)) {
            continue;
        }
        value = json_object();
        put_value(value, "before", field, a);
        put_value(value, "after", field, b);
        if (!isnan(per_s)) {
            json_object_set_new(value, "per_s", json_real(per_s));
        }
        json_object_set_new(values, field->name, value);
    }
    return values;
}

static json_t *json_pids(const snapshot_t *in, const snapshot_t *not_in)
{
    json_t *pids = json_array();

    for (int i = 0; i < in->process_count; i++) {
        if (in->processes[i].pid != SNAPSHOT_UNKNOWN
            && !has_process(not_in, in->processes[i].pid)) {
            json_array_append_new(pids, json_integer(in->processes[i].pid));
        }
    }
    return pids;
}

static int show_json(const snapshot_t *a, const snapshot_t *b, const char *style)
{
    json_t *json = json_object();
    double seconds = measure_seconds(a, b);
    int rc;

    if (!isnan(seconds)) {
        json_object_set_new(json, "seconds", json_real(seconds));
    }
    json_object_set_new(json, "restarted", json_boolean(measure_restarted(a, b)));
    json_object_set_new(json, "values", json_values(a, b));
    json_object_set_new(json, "processes_gone", json_pids(a, b));
    json_object_set_new(json, "processes_new", json_pids(b, a));
    rc = view_json(json, style);
    json_decref(json);
    return rc;
}

/* ---- */

static sample_t *take_file(const char *path, failure_t *failure)
{
    source_t *source = source_open_file(path, failure);
    sample_t *sample = source == NULL ? NULL : source_take(source, failure);

    source_close(source);
    return sample;
}

static bool take_both(const settings_t *settings, int argc, char **argv, sample_t **a, sample_t **b,
                      failure_t *failure)
{
    if (argc < 1 || argc > 2) {
        return failure_set(
            failure, RC_USAGE,
            "diff wants one saved file to compare with now, or two to compare with each other");
    }
    if (argc == 2 && strcmp(argv[0], "-") == 0 && strcmp(argv[1], "-") == 0) {
        return failure_set(failure, RC_USAGE,
                           "only one of the two can be standard input; name a file for the other");
    }
    *a = take_file(argv[0], failure);
    if (*a == NULL) {
        return false;
    }
    *b = argc == 2 ? take_file(argv[1], failure) : source_once(settings, failure);
    return *b != NULL;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;
    sample_t *a = NULL, *b = NULL;
    int rc = RC_OK;

    if (!take_both(settings, argc, argv, &a, &b, &failure)) {
        rc = failure_report(&failure);
    }
    else if (settings->json != NULL) {
        rc = show_json(&a->snap, &b->snap, settings->json);
    }
    else {
        show(&a->snap, &b->snap);
    }
    sample_free(a);
    return b != NULL ? sample_end(b, rc) : rc;
}

const command_t cmd_diff = {
    .name = "diff",
    .synopsis = "FILE [FILE]",
    .summary = "what changed since a saved snapshot, or between two",
    .details = "Counters also show their rate per second by the server's clock.\n",
    .examples = "  mpmstats save before.json; sleep 60; mpmstats diff before.json\n"
                "  mpmstats diff before.json after.json --json\n",
    .options = options,
    .target = &given,
    .run = run,
};
