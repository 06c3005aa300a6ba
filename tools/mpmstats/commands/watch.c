/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats watch: a line per interval, as a table, CSV or JSON.
 * Counters are shown as growth per second since the previous line.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "fields/figure.h"
#include "fields/measure.h"
#include "common/memory.h"
#include "source/source.h"
#include "common/output.h"
#include "common/terminal.h"
#include "common/text.h"

typedef struct {
    double interval_us;
    long count;
    bool csv;
} watch_options_t;

/* Filled by options_parse() before run(). */
static watch_options_t given = { .interval_us = 1e6, .count = LONG_MAX };

static const option_t options[] = { { .name = "interval",
                                      .letter = 'n',
                                      .arg = "TIME",
                                      .type = OPTION_SPAN,
                                      .offset = offsetof(watch_options_t, interval_us),
                                      .help = "time between lines (1s)" },
                                    { .name = "count",
                                      .letter = 'c',
                                      .arg = "COUNT",
                                      .type = OPTION_COUNT,
                                      .offset = offsetof(watch_options_t, count),
                                      .least = 1,
                                      .most = 1e9,
                                      .help = "end after so many lines" },
                                    { .name = "csv",
                                      .type = OPTION_FLAG,
                                      .offset = offsetof(watch_options_t, csv),
                                      .help = "comma-separated values with a header line" },
                                    { .name = NULL } };

#define COLUMN_LEAST 7

typedef struct {
    measure_t measure;
    char *key;     /* in CSV and JSON */
    char *heading; /* in the table */
} watched_t;

typedef struct {
    const settings_t *settings;
    watched_t *items;
    size_t count;
    long lines; /* printed so far */
} watch_t;

/* ---- keys ---- */

static bool is_rate(const measure_t *measure)
{
    return measure->field->kind == METRIC_COUNTER && !measure->percent;
}

static void watch_add(watch_t *watch, measure_t measure)
{
    const char *rate = is_rate(&measure) ? "/s" : measure.percent ? "%" : "";
    char *raw = measure.vhost != NULL ? measure_name(&measure) : memory_copy(measure.field->name),
         *name = text_safe(raw);
    const char *suffix = is_rate(&measure) ? "_per_s" : measure.percent ? "_percent" : "";

    free(raw);
    watch->items = memory_resize(watch->items, watch->count + 1, sizeof(*watch->items));
    watch->items[watch->count++] = (watched_t){
        measure, memory_format("%s%s", name, suffix),
        measure.vhost != NULL ? memory_format("%s%s", name, rate)
                              : memory_format("%s%s", measure.field->label, rate)
    };
    free(name);
}

static bool add_fields(watch_t *watch, int argc, char **argv, failure_t *failure)
{
    for (int i = 0; i < argc; i++) {
        measure_t measure;

        if (!measure_parse(&measure, argv[i], strlen(argv[i]), failure)) {
            return false;
        }
        watch_add(watch, measure);
    }
    return true;
}

/* The default fields, as far as this server reports them. */
static void add_usual(watch_t *watch, const snapshot_t *snap)
{
    static const char *const usual[] = { "workers_busy",
                                         "workers_idle",
                                         "processes",
                                         "connections",
                                         "connections.keepalive",
                                         "connections.write",
                                         "requests",
                                         "bytes",
                                         "oldest_request_us",
                                         "load1" };

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        measure_t measure = { field_find(fields_server, usual[i]), false, NULL };

        if (field_known(measure.field, snap)) {
            watch_add(watch, measure);
        }
    }
}

static bool has_rates(const watch_t *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (is_rate(&watch->items[i].measure)) {
            return true;
        }
    }
    return false;
}

static void watch_free(watch_t *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        measure_free(&watch->items[i].measure);
        free(watch->items[i].key);
        free(watch->items[i].heading);
    }
    free(watch->items);
}

/* ---- time ---- */

static void next_moment(struct timespec *moment)
{
    long long ns = moment->tv_nsec + (long long)(given.interval_us * 1e3);

    moment->tv_sec += ns / 1000000000;
    moment->tv_nsec = ns % 1000000000;
}

/* Moments missed while the server was slow are skipped, not made up for. */
static void sleep_until_next(struct timespec *moment)
{
    struct timespec now;

    next_moment(moment);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec > moment->tv_sec
        || (now.tv_sec == moment->tv_sec && now.tv_nsec > moment->tv_nsec)) {
        *moment = now;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, moment, NULL);
}

static char *utc(const snapshot_t *snap)
{
    char text[64];
    time_t seconds = (time_t)(snap->server.now_us / 1000000);
    struct tm parts;

    if (snap->server.now_us == SNAPSHOT_UNKNOWN || gmtime_r(&seconds, &parts) == NULL) {
        return memory_copy("");
    }
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    return memory_format("%s.%03dZ", text, (int)(snap->server.now_us / 1000 % 1000));
}

static char *local_clock(const snapshot_t *snap)
{
    char *full = figure_time(snap->server.now_us == SNAPSHOT_UNKNOWN ? NAN
                                                                     : (double)snap->server.now_us);
    const char *space = strchr(full, ' ');
    char *clock = memory_copy(space != NULL ? space + 1 : full);

    free(full);
    return clock;
}

/* ---- lines ---- */

static double rate_of(const watched_t *item, const snapshot_t *before, const snapshot_t *now)
{
    return before == NULL ? NAN : measure_rate(&item->measure, before, now);
}

static char *rate_format(const watched_t *item, double rate)
{
    if (isnan(rate)) {
        return memory_copy("-");
    }
    return item->measure.field->unit == METRIC_UNIT_BYTES ? figure_bytes(rate)
                                                          : memory_format("%.1f", rate);
}

static size_t column_width(const watched_t *item)
{
    size_t width = text_width(item->heading), least = COLUMN_LEAST;

    if (item->measure.field->unit == METRIC_UNIT_BYTES) {
        least = 9; /* "12.3 MiB" and room */
    }
    return width > least ? width : least;
}

static long screen_rows(void)
{
    struct winsize size;

    if (!terminal_is_tty() || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 3) {
        return LONG_MAX;
    }
    return size.ws_row - 1;
}

static void table_heading(const watch_t *watch)
{
    printf("%s%-8s", terminal_style(STYLE_FAINT), "TIME");
    for (size_t i = 0; i < watch->count; i++) {
        fputs("  ", stdout);
        text_print_right(stdout, watch->items[i].heading, column_width(&watch->items[i]));
    }
    printf("%s\n", terminal_style(STYLE_PLAIN));
}

static void table_line(const watch_t *watch, const snapshot_t *before, const snapshot_t *now)
{
    char *clock = local_clock(now);

    if (watch->lines % screen_rows() == 0) {
        table_heading(watch);
    }
    printf("%-8s", clock);
    free(clock);
    for (size_t i = 0; i < watch->count; i++) {
        const watched_t *item = &watch->items[i];
        char *cell = is_rate(&item->measure) ? rate_format(item, rate_of(item, before, now))
                                             : measure_format(&item->measure, now);

        fputs("  ", stdout);
        text_print_right(stdout, cell, column_width(item));
        free(cell);
    }
    putchar('\n');
}

/* Quotes a text for CSV and makes it safe for a terminal. */
static void csv_text(const char *text)
{
    char *safe = text_safe(text);

    putchar('"');
    for (const char *at = safe; *at != '\0'; at++) {
        if (*at == '"') {
            putchar('"');
        }
        putchar(*at);
    }
    putchar('"');
    free(safe);
}

static void csv_line(const watch_t *watch, const snapshot_t *before, const snapshot_t *now)
{
    char *time = utc(now);

    if (watch->lines == 0) {
        fputs("time", stdout);
        for (size_t i = 0; i < watch->count; i++) {
            printf(",%s", watch->items[i].key);
        }
        putchar('\n');
    }
    fputs(time, stdout);
    free(time);
    for (size_t i = 0; i < watch->count; i++) {
        const watched_t *item = &watch->items[i];
        double rate = is_rate(&item->measure) ? rate_of(item, before, now) : NAN;
        char *plain = is_rate(&item->measure) ? isnan(rate) ? NULL : memory_format("%.3f", rate)
                                              : measure_plain(&item->measure, now);

        putchar(',');
        if (plain != NULL && !measure_is_number(&item->measure)) {
            csv_text(plain);
        }
        else if (plain != NULL) {
            fputs(plain, stdout);
        }
        free(plain);
    }
    putchar('\n');
}

static void json_line(const watch_t *watch, const snapshot_t *before, const snapshot_t *now)
{
    json_t *json = json_object();
    char *time = utc(now), *text;

    json_object_set_new(json, "time", json_string(time));
    free(time);
    for (size_t i = 0; i < watch->count; i++) {
        const watched_t *item = &watch->items[i];
        double rate = is_rate(&item->measure) ? rate_of(item, before, now) : NAN;
        json_t *value = is_rate(&item->measure) ? isnan(rate) ? NULL : json_real(rate)
                                                : measure_json(&item->measure, now);

        if (value != NULL) {
            json_object_set_new(json, item->key, value);
        }
    }
    text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(10));
    text_print_json(stdout, text != NULL ? text : "{}");
    putchar('\n');
    free(text);
    json_decref(json);
}

static void print_sample(watch_t *watch, const snapshot_t *before, const snapshot_t *now)
{
    if (watch->settings->json != NULL) {
        json_line(watch, before, now);
    }
    else if (given.csv) {
        csv_line(watch, before, now);
    }
    else {
        table_line(watch, before, now);
    }
    watch->lines++;
}

/* ---- */

/* Prints lines up to the count or until the reader is gone. Failures are retried. */
static int loop(watch_t *watch, source_t *source, sample_t *first)
{
    sample_t *before = first;
    struct timespec moment;
    failure_t failure;
    int rc = RC_OK;

    clock_gettime(CLOCK_MONOTONIC, &moment);
    if (!has_rates(watch)) {
        print_sample(watch, NULL, &first->snap);
    }
    for (long shown = watch->lines; shown < given.count && output_finish(RC_OK) == RC_OK; shown++) {
        sample_t *now;

        sleep_until_next(&moment);
        now = source_take_living(source, &failure);
        rc = now == NULL ? failure_report(&failure) : RC_OK;
        if (now == NULL) {
            continue;
        }
        print_sample(watch, &before->snap, &now->snap);
        sample_free(before);
        before = now;
    }
    sample_free(before);
    return rc;
}

static int run_watch(watch_t *watch, source_t *source, failure_t *failure)
{
    sample_t *first = source_take_living(source, failure);

    if (first == NULL) {
        return failure_report(failure);
    }
    if (watch->count == 0) {
        add_usual(watch, &first->snap);
    }
    return loop(watch, source, first);
}

static int run(const settings_t *settings, int argc, char **argv)
{
    watch_t watch = { .settings = settings };
    failure_t failure;
    source_t *source = NULL;
    int rc;

    if (settings->from != NULL) {
        failure_set(&failure, RC_USAGE,
                    "a saved answer does not change; watch a server, or use diff");
    }
    else if (given.interval_us < 1e4) {
        failure_set(&failure, RC_USAGE, "--interval wants 10ms or more");
    }
    else if (add_fields(&watch, argc, argv, &failure)) {
        source = source_open(settings, &failure);
    }
    rc = source == NULL ? failure_report(&failure) : run_watch(&watch, source, &failure);
    source_close(source);
    watch_free(&watch);
    return rc;
}

const command_t cmd_watch = {
    .name = "watch",
    .synopsis = "[KEY...]",
    .summary = "a line of values per interval",
    .details =
        "Keys are those of get --list, with % for a percentage of their limit; counters are shown\n"
        "as growth per second, so the first line follows after one interval. With --json a line is\n"
        "an object. A failure is reported and the next line tried.\n",
    .examples = "  mpmstats watch\n"
                "  mpmstats watch -n 5s -c 12 busy% requests connections.keepalive\n"
                "  mpmstats watch --csv -n 1m busy requests bytes >>busy.csv\n",
    .options = options,
    .target = &given,
    .run = run,
};
