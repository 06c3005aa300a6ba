/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats check: a monitoring plugin. Prints one line with performance data and
 * uses the plugins' exit codes instead of those of the other commands.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "fields/expr.h"
#include "fields/figure.h"
#include "tune/interval.h"
#include "common/memory.h"
#include "source/source.h"
#include "common/text.h"
#include "view/view.h"
#include "common/wholefile.h"

typedef enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN } check_e;
static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

typedef struct {
    texts_t warn, crit;
    double for_us; /* 0: since the server's start; negative: not given */
    char *since;
} check_options_t;

/* Filled by options_parse() before run(). */
static check_options_t given = { .for_us = -1 };

static const option_t options[] = {
    { .name = "warn",
      .letter = 'w',
      .arg = "CONDITION,...",
      .type = OPTION_LIST,
      .offset = offsetof(check_options_t, warn),
      .help = "WARNING when one of these holds: busy>80%" },
    { .name = "crit",
      .letter = 'c',
      .arg = "CONDITION,...",
      .type = OPTION_LIST,
      .offset = offsetof(check_options_t, crit),
      .help = "CRITICAL when one of these holds: oldest>1m" },
    { .name = "for",
      .arg = "TIME",
      .type = OPTION_SPAN,
      .offset = offsetof(check_options_t, for_us),
      .help = "judge counters, shares and times of this interval; 0: since the server's start" },
    { .name = "since",
      .arg = "FILE",
      .type = OPTION_TEXT,
      .offset = offsetof(check_options_t, since),
      .help = "the same since the last check with this file, which is then replaced" },
    { .name = NULL }
};

typedef struct {
    check_e status;
    char *message;  /* raw: made safe when printed */
    char *perfdata; /* digits and keys only */
    /* interval of shares, times and, without `whole`, counters; 0: since the server's start */
    double seconds;
    /* for counters: everything since the server's start; NULL: an interval was given */
    sample_t *whole;
} result_t;

/* Default interval for shares and times, so that a bad hour does not alarm for weeks. */
#define USUAL_INTERVAL_US 2e6

static bool is_time(const measure_t *measure)
{
    return strncmp(measure->field->path, "latency.", 8) == 0;
}

/* A share or a time of requests, which needs an interval to describe the present. */
static bool is_rate(const measure_t *measure)
{
    const field_t *limit = measure->percent ? measure_limit(measure) : NULL;

    return limit != NULL ? limit->kind == METRIC_COUNTER : is_time(measure);
}

static bool is_of_interval(const result_t *result, const measure_t *measure)
{
    return result->seconds > 0 && (result->whole == NULL || is_rate(measure));
}

/* Frees @a more. */
static void append(char **text, const char *separator, char *more)
{
    char *longer = memory_format("%s%s%s", *text, (*text)[0] != '\0' ? separator : "", more);

    free(*text);
    free(more);
    *text = longer;
}

/* No sample: an error of the server is CRITICAL, a local error UNKNOWN. */
static void fail(result_t *result, const failure_t *failure)
{
    bool servers = failure->rc == RC_UNREACHABLE || failure->rc == RC_TIMEOUT
        || failure->rc == RC_TLS || failure->http_status >= 500;

    result->status = servers ? CHECK_CRITICAL : CHECK_UNKNOWN;
    append(&result->message, ", ", memory_copy(failure->text));
}

/* ---- the verdict ---- */

/* "busy 38 of 40 (95%)" */
static char *describe(const measure_t *measure, const snapshot_t *snap)
{
    const field_t *limit = measure_limit(measure);
    measure_t itself = { measure->field, false, measure->vhost };
    char *name = measure_name(measure), *value = measure_format(&itself, snap), *text;
    double whole = limit == NULL
        ? NAN
        : measure_number(&(measure_t){ limit, false, measure->vhost }, snap);

    if (whole > 0) {
        char *most = figure_count(whole);

        text = memory_format("%s %s of %s (%.0f%%)", name, value, most,
                             floor(measure_number(measure, snap) / whole * 100));
        free(most);
    }
    else {
        text = memory_format("%s %s", name, value);
    }
    free(name);
    free(value);
    return text;
}

/* Message for a value or a virtual host that the server does not report. */
static char *untold(const result_t *result, const measure_t *measure, const snapshot_t *snap)
{
    char *name = measure_name(measure), *text;

    if (measure_record(measure, snap) == NULL && snap->vhost_count > 0) {
        text = memory_format("the server has no virtual host '%s'", measure->vhost);
    }
    else {
        text = memory_format("the server does not report %s%s%s",
                             measure->vhost != NULL ? name : measure->field->name,
                             measure->percent ? " and its limit" : "",
                             is_of_interval(result, measure) ? " of that time" : "");
    }
    free(name);
    return text;
}

/* True for a time or a share of an interval without requests. */
static bool nothing_happened(const result_t *result, const measure_t *measure,
                             const snapshot_t *snap)
{
    const field_t *limit = measure->percent ? measure_limit(measure) : NULL, *count;
    const char *dot = strchr(measure->field->name, '.');
    const void *record = measure_record(measure, snap);
    char *name;
    bool none;

    if (!is_of_interval(result, measure) || record == NULL
        || !isnan(measure_value(measure, snap))) {
        return false;
    }
    if (limit != NULL) {
        return limit->kind == METRIC_COUNTER && field_number(limit, record) == 0
            && field_number(measure->field, record) == 0;
    }
    if (dot == NULL) {
        return false;
    }
    name = memory_format("%.*s.count", (int)(dot - measure->field->name), measure->field->name);
    count = field_find(measure->vhost != NULL ? fields_vhost : fields_server, name);
    none = count != NULL && field_number(count, record) == 0;
    free(name);
    return none;
}

/* The snapshot to judge. Over HTTP, times of virtual hosts exist since the server's start only. */
static const snapshot_t *view_of(const result_t *result, const measure_t *measure,
                                 const snapshot_t *snap)
{
    bool untold_time = measure->vhost != NULL && is_time(measure)
        && isnan(measure_value(measure, snap)) && !nothing_happened(result, measure, snap);

    return result->whole != NULL && (!is_rate(measure) || untold_time) ? &result->whole->snap
                                                                       : snap;
}

static void judge(result_t *result, const exprs_t *list, check_e level, const snapshot_t *now)
{
    for (size_t i = 0; i < list->count; i++) {
        const expr_t *expr = &list->items[i];
        const snapshot_t *snap = view_of(result, &expr->measure, now);

        if (nothing_happened(result, &expr->measure, snap)) {
            continue;
        }
        if (isnan(measure_value(&expr->measure, snap))) {
            /* a condition without a value must not pass as OK */
            if (result->status == CHECK_OK) {
                result->status = CHECK_UNKNOWN;
            }
            append(&result->message, ", ", untold(result, &expr->measure, snap));
        }
        else if (expr_holds(expr, snap)) {
            char *what = describe(&expr->measure, snap);

            if (result->status == CHECK_OK || result->status == CHECK_UNKNOWN
                || level > result->status) {
                result->status = level;
            }
            append(&result->message, ", ", memory_format("%s meets %s", what, expr->text));
            free(what);
        }
    }
}

/* ---- performance data ---- */

/* Plugins know seconds, not microseconds. */
static double perf_scale(const field_t *field)
{
    return field->unit == METRIC_UNIT_MICROSECONDS ? 1e-6 : 1;
}

/* "c" marks a continuous counter; growth over an interval is a plain number. */
static const char *perf_unit(const field_t *field, bool grows)
{
    if (field->kind == METRIC_COUNTER && !grows && field->unit == METRIC_UNIT_NONE) {
        return "";
    }
    if (field->kind == METRIC_COUNTER) {
        return field->unit == METRIC_UNIT_BYTES ? "B" : "c";
    }
    if (field->unit == METRIC_UNIT_BYTES) {
        return "B";
    }
    return field->unit == METRIC_UNIT_NONE ? "" : "s";
}

/* A bound as a plugin range: values outside raise the alarm. */
static char *perf_range(const expr_t *expr, const snapshot_t *snap)
{
    const field_t *field = expr->measure.field;
    double bound = expr->bound * perf_scale(field);

    if (expr->measure.percent) {
        bound = expr->bound / 100
            * measure_number(&(measure_t){ measure_limit(&expr->measure), false,
                                           expr->measure.vhost },
                             snap);
    }
    if (isnan(bound)) {
        return memory_copy("");
    }
    switch (expr->op) {
    case EXPR_GREATER:
    case EXPR_AT_LEAST:
        return memory_format("%.10g", bound);
    case EXPR_LESS:
    case EXPR_AT_MOST:
        return memory_format("%.10g:", bound);
    case EXPR_EQUAL:
        return memory_format("@%.10g:%.10g", bound, bound);
    default:
        return memory_format("%.10g:%.10g", bound, bound);
    }
}

static char *range_for(const exprs_t *list, const measure_t *measure, const snapshot_t *snap)
{
    for (size_t i = 0; i < list->count; i++) {
        if (measure_same(&list->items[i].measure, measure)) {
            return perf_range(&list->items[i], snap);
        }
    }
    return memory_copy("");
}

/* In labels, quotes and equal signs are special and spaces separate. */
static char *perf_label(const measure_t *measure)
{
    char *raw = measure_name(measure), *safe = text_safe(raw), *label;

    for (char *at = safe; (at = strpbrk(at, "'=| ")) != NULL;) {
        *at = '_';
    }
    label = memory_format("'%s'=", safe);
    free(raw);
    free(safe);
    return label;
}

static void perf_put(result_t *result, const measure_t *measure, const exprs_t *warn,
                     const exprs_t *crit, const snapshot_t *now)
{
    const snapshot_t *snap = view_of(result, measure, now);
    const field_t *field = measure->field, *limit = measure_limit(measure);
    double value = measure_number(measure, snap);
    double most = limit == NULL
        ? NAN
        : measure_number(&(measure_t){ limit, false, measure->vhost }, snap);
    char *warn_range, *crit_range, *label, *maximum;

    if (isnan(value)) {
        return;
    }
    label = perf_label(measure);
    if (strstr(result->perfdata, label) == NULL) {
        warn_range = range_for(warn, measure, snap);
        crit_range = range_for(crit, measure, snap);
        maximum = most > 0 ? memory_format("%.0f", most) : memory_copy("");
        append(&result->perfdata, " ",
               memory_format("%s%.15g%s;%s;%s;0;%s", label, value * perf_scale(field),
                             perf_unit(field, !is_of_interval(result, measure)), warn_range,
                             crit_range, maximum));
        free(warn_range);
        free(crit_range);
        free(maximum);
    }
    free(label);
}

static void perf_all(result_t *result, const exprs_t *warn, const exprs_t *crit,
                     const snapshot_t *snap)
{
    static const char *const always[] = { "workers_busy", "workers_idle",      "processes",
                                          "connections",  "oldest_request_us", "requests",
                                          "bytes" };

    for (size_t i = 0; i < warn->count; i++) {
        perf_put(result, &warn->items[i].measure, warn, crit, snap);
    }
    for (size_t i = 0; i < crit->count; i++) {
        perf_put(result, &crit->items[i].measure, warn, crit, snap);
    }
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        perf_put(result, &(measure_t){ field_find(fields_server, always[i]), false, NULL }, warn,
                 crit, snap);
    }
}

/* ---- output ---- */

/* The message must not contain a bar, which starts the performance data. */
static char *message_safe(const char *message)
{
    char *safe = text_safe(message);

    for (char *at = safe; (at = strchr(at, '|')) != NULL;) {
        *at = '/';
    }
    return safe;
}

static int print_json(const result_t *result, const char *style)
{
    json_t *json = json_pack("{s:s, s:i, s:s, s:s}", "status", words[result->status], "code",
                             (int)result->status, "message", result->message, "perfdata",
                             result->perfdata);

    if (json != NULL && result->seconds > 0) {
        json_object_set_new(json, "seconds", json_real(result->seconds));
    }
    if (json == NULL) { /* the message contains an argument that is not UTF-8 */
        json = json_pack("{s:s, s:i}", "status", words[result->status], "code",
                         (int)result->status);
    }
    view_json(json, style);
    json_decref(json);
    return result->status;
}

static int print_line(const result_t *result)
{
    char *message = message_safe(result->message);

    printf("MPMSTATS %s - %s%s%s\n", words[result->status], message,
           result->perfdata[0] != '\0' ? " | " : "", result->perfdata);
    free(message);
    return result->status;
}

/* ---- */

/*
 * A dead server, or one with all processes stalled, is CRITICAL regardless of its last figures; a
 * stalled parent, or some stalled processes, is a WARNING.
 */
static void take_note(result_t *result, const sample_t *sample)
{
    char *note = sample_note(sample);

    if (note == NULL) {
        return;
    }
    result->status = sample->dead || sample_stands_still(sample) ? CHECK_CRITICAL : CHECK_WARNING;
    append(&result->message, ", ", note);
}

/* ---- over an interval ---- */

/* A second sample after @a span_us; NULL and @a failure filled when it fails. */
static sample_t *look_twice(const settings_t *settings, double span_us, sample_t **before,
                            failure_t *failure)
{
    const struct timespec pause = { (time_t)(span_us / 1e6), (long)fmod(span_us, 1e6) * 1000 };
    source_t *source = source_open(settings, failure);
    sample_t *after = NULL;

    *before = source == NULL ? NULL : source_take(source, failure);
    if (*before != NULL && (*before)->dead) {
        after = sample_hold(*before);
    }
    else if (*before != NULL && nanosleep(&pause, NULL) == 0) {
        after = source_take(source, failure);
    }
    source_close(source);
    return after;
}

/* The sample saved by the last check; NULL with rc RC_OK: there is none. */
static sample_t *last_check(failure_t *failure)
{
    source_t *source;
    sample_t *sample;

    failure->rc = RC_OK;
    if (access(given.since, F_OK) != 0 && errno == ENOENT) {
        return NULL;
    }
    source = source_open_file(given.since, failure);
    sample = source == NULL ? NULL : source_take(source, failure);
    source_close(source);
    return sample;
}

static sample_t *look_since(const settings_t *settings, sample_t **before, failure_t *failure)
{
    sample_t *after;
    char *text;
    bool kept;

    *before = NULL;
    if (!wholefile_usable(given.since, failure)) {
        return NULL;
    }
    *before = last_check(failure);
    if (*before == NULL && failure->rc != RC_OK) {
        return NULL;
    }
    after = source_once(settings, failure);
    /* keep the file: the next check compares with the last live sample */
    if (after == NULL || after->dead) {
        return after;
    }
    text = sample_text(after);
    kept = wholefile_write_private(given.since, text, failure);
    free(text);
    if (kept) {
        return after;
    }
    sample_free(after);
    return NULL;
}

static bool asks_for_vhost_times(const exprs_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].measure.vhost != NULL && is_time(&list->items[i].measure)) {
            return true;
        }
    }
    return false;
}

static bool asks_for_rates(const exprs_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_rate(&list->items[i].measure)) {
            return true;
        }
    }
    return false;
}

/* Covers the time since the server's start without an interval, or after a restart within it. */
static sample_t *take(const settings_t *settings, bool rates, result_t *result, failure_t *failure)
{
    bool usual = given.for_us < 0 && given.since == NULL && settings->from == NULL && rates;
    sample_t *before = NULL, *after;
    double seconds;

    if (given.since != NULL) {
        after = look_since(settings, &before, failure);
    }
    else if (usual || given.for_us > 0) {
        after = look_twice(settings, usual ? USUAL_INTERVAL_US : given.for_us, &before, failure);
    }
    else {
        after = source_once(settings, failure);
    }
    seconds = before != NULL && after != NULL ? measure_seconds(&before->snap, &after->snap) : 0;
    if (seconds > 0 && (!usual || (result->whole = source_once(settings, failure)) != NULL)
        && interval_take(after, before)) {
        result->seconds = seconds;
    }
    sample_free(before);
    return after;
}

static void add_interval(result_t *result)
{
    char *span;

    if (!(result->seconds > 0)) {
        return;
    }
    span = figure_span(result->seconds * 1e6);
    append(&result->message, ", ", memory_format("over %s", span));
    free(span);
}

/* ---- */

/* The default conditions: the alarms of the status page, as far as the MPM reports them. */
static void judge_usual(result_t *result, const snapshot_t *snap)
{
    exprs_t usual = { NULL, 0 }, told = { NULL, 0 };
    failure_t failure;

    if (!expr_parse(&usual, "saturated=1,workers_hung>0,processes_suspected>0,streams_saturated=1",
                    &failure)) {
        return;
    }
    for (size_t i = 0; i < usual.count; i++) {
        told = (exprs_t){ &usual.items[i], 1 };
        if (!isnan(measure_value(&usual.items[i].measure, snap))) {
            judge(result, &told, CHECK_WARNING, snap);
        }
    }
    expr_free(&usual);
}

static void look(const settings_t *settings, const exprs_t *warn, const exprs_t *crit,
                 result_t *result)
{
    settings_t detailed = *settings;
    failure_t failure;
    sample_t *sample;

    detailed.vhost_times = asks_for_vhost_times(warn) || asks_for_vhost_times(crit);
    sample = take(&detailed, asks_for_rates(warn) || asks_for_rates(crit), result, &failure);
    if (sample == NULL) {
        fail(result, &failure);
        return;
    }
    take_note(result, sample);
    judge(result, crit, CHECK_CRITICAL, &sample->snap);
    judge(result, warn, CHECK_WARNING, &sample->snap);
    if (warn->count + crit->count == 0) {
        judge_usual(result, &sample->snap);
    }
    if (result->message[0] == '\0') {
        append(&result->message, ", ",
               describe(&(measure_t){ field_find(fields_server, "workers_busy"), false, NULL },
                        &sample->snap));
    }
    add_interval(result);
    perf_all(result, warn, crit, &sample->snap);
    sample_free(sample);
}

static bool parse_all(const texts_t *texts, exprs_t *list, failure_t *failure)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (!expr_parse(list, texts->items[i], failure)) {
            return false;
        }
    }
    return true;
}

/* A wrong option is UNKNOWN for a plugin; RC_USAGE would mean WARNING. */
static int refuse(const failure_t *failure)
{
    result_t result = { CHECK_OK, memory_copy(""), memory_copy(""), 0, NULL };

    fail(&result, failure);
    print_line(&result);
    free(result.message);
    free(result.perfdata);
    return result.status;
}

static bool valid(const settings_t *settings, failure_t *failure)
{
    if (given.for_us > 0 && given.since != NULL) {
        return failure_set(failure, RC_USAGE,
                           "--for and --since name two intervals; leave out one of them");
    }
    if (given.for_us > 3600e6) {
        return failure_set(failure, RC_USAGE,
                           "--for wants an hour at most; for longer use --since FILE");
    }
    if (given.for_us > 0 && settings->from != NULL) {
        return failure_set(failure, RC_USAGE, "a saved answer does not change; leave out --for");
    }
    return true;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    exprs_t warn = { NULL, 0 }, crit = { NULL, 0 };
    result_t result = { CHECK_OK, memory_copy(""), memory_copy(""), 0, NULL };
    failure_t failure;
    int status;

    if (!valid(settings, &failure) || !command_no_arguments(argc, argv, &failure)
        || !parse_all(&given.warn, &warn, &failure) || !parse_all(&given.crit, &crit, &failure)) {
        fail(&result, &failure);
    }
    else {
        look(settings, &warn, &crit, &result);
    }
    status = settings->json != NULL ? print_json(&result, settings->json) : print_line(&result);
    expr_free(&warn);
    expr_free(&crit);
    sample_free(result.whole);
    free(result.message);
    free(result.perfdata);
    return status;
}

const command_t cmd_check = {
    .name = "check",
    .synopsis = "",
    .summary = "a monitoring plugin: OK, WARNING, CRITICAL or UNKNOWN, with performance data",
    .details =
        "A condition is KEY OP NUMBER, with a key of get --list, one of > >= < <= = != and a\n"
        "number with % (of the key's limit), us, ms, s, m, h, d (times) or K, M, G, T.\n"
        "Shares of requests (errors>1%) and times (queue.p99>1s) cover two seconds, for which the check\n"
        "waits, counters (crashes>0) the time since the server's start; with --since or --for all of\n"
        "them cover that interval. Gauges such as busy are current values. Default conditions:\n"
        "saturated=1, workers_hung>0, processes_suspected>0, streams_saturated=1.\n"
        "Exit codes: 0 OK, 1 WARNING, 2 CRITICAL (also: no answer, or dead), 3 UNKNOWN.\n",
    .examples =
        "  mpmstats check --warn 'busy>80%' --crit 'busy>95%,saturated=1'\n"
        "  mpmstats check --warn 'queue.p99>100ms' --crit 'vhost[www.example.org].errors>1%'\n"
        "  mpmstats check --since /var/lib/nagios/mpmstats.check --warn 'errors>1%,queue.p99>100ms'\n"
        "  mpmstats check --warn 'oldest>30s' --crit 'processes<1' --url www.example.org\n",
    .options = options,
    .target = &given,
    .run = run,
    .refuse = refuse,
};
