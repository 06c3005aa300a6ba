/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of the status view: the server, and gauges with their limits.
 */
#include "view/view.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields/fields.h"
#include "fields/figure.h"
#include "fields/gauge.h"
#include "common/memory.h"
#include "common/terminal.h"
#include "common/text.h"

#define LABEL_COLUMNS 12
/* From this age on, the age of sampled values is shown. */
#define SAMPLED_OLD_US 100000

#define BAR_MOST 40
#define BAR_LEAST 8

/* A line of facts with separators, wrapped at the terminal's width. */
typedef struct {
    size_t column, indent, width;
    bool first;
} flow_t;

static flow_t flow_begin(const char *label)
{
    int width = terminal_width();
    flow_t flow = { .width = width > 0 ? (size_t)width : (size_t)-1, .first = true };

    if (label != NULL) {
        text_print_left(stdout, label, LABEL_COLUMNS);
        flow.column = flow.indent = LABEL_COLUMNS;
    }
    return flow;
}

/* Frees @a fact. */
static void flow_put(flow_t *flow, const char *separator, char *fact)
{
    char *safe = text_safe(fact);
    size_t width = text_width(safe), gap = flow->first ? 0 : text_width(separator);

    if (!flow->first && flow->column + gap + width > flow->width) {
        fputc('\n', stdout);
        text_spaces(stdout, flow->indent);
        flow->column = flow->indent;
    }
    else if (!flow->first) {
        fputs(separator, stdout);
        flow->column += gap;
    }
    if (flow->column + width > flow->width) {
        width = flow->width > flow->column ? flow->width - flow->column : 1;
    }
    text_print_left(stdout, safe, width);
    flow->column += width;
    flow->first = false;
    free(safe);
    free(fact);
}

static void flow_end(const flow_t *flow)
{
    if (!flow->first || flow->indent > 0) {
        fputc('\n', stdout);
    }
}

static char *dot(void)
{
    return memory_format(" %s ", terminal_glyph(GLYPH_DOT));
}

/* Adds "word value" of a field, if known. */
static void flow_field(flow_t *flow, const char *separator, const char *format, const char *name,
                       const snapshot_t *snap)
{
    const field_t *field = field_find(fields_server, name);
    char *value;

    if (!field_known(field, snap)) {
        return;
    }
    value = field_is_text(field) ? memory_copy(field_string(field, snap))
                                 : figure_field(field, snap);
    if (strcmp(format, "%s") == 0) {
        flow_put(flow, separator, value);
        return;
    }
    flow_put(flow, separator, memory_format("%s %s", format, value));
    free(value);
}

static double since(apr_int64_t then, const snapshot_t *snap)
{
    if (then == SNAPSHOT_UNKNOWN || snap->server.now_us == SNAPSHOT_UNKNOWN) {
        return NAN;
    }
    return (double)(snap->server.now_us - then);
}

static void put_times(flow_t *flow, const char *separator, const snapshot_t *snap)
{
    double restarted = since(snap->server.restarted_us, snap);
    double started = since(snap->server.started_us, snap);
    char *span;

    flow_field(flow, separator, "up", "uptime_s", snap);
    /* the start counts as a restart too: show only a later one */
    if (!isnan(restarted) && !isnan(started) && started - restarted > 2e6) {
        span = figure_span(restarted < 0 ? 0 : restarted);
        flow_put(flow, separator, memory_format("restarted %s ago", span));
        free(span);
    }
    if (snap->server.sampled_age_us > SAMPLED_OLD_US) {
        flow_field(flow, separator, "sampled", "sampled_age_us", snap);
    }
    if (snap->server.load1 >= 0 && snap->server.load5 >= 0 && snap->server.load15 >= 0) {
        flow_put(flow, separator,
                 memory_format("load %.2f %.2f %.2f", snap->server.load1, snap->server.load5,
                               snap->server.load15));
    }
}

void view_server(const snapshot_t *snap, const char *origin)
{
    char *separator = dot();
    flow_t flow;

    if (origin != NULL) {
        char *when = figure_time(
            snap->server.now_us == SNAPSHOT_UNKNOWN ? NAN : (double)snap->server.now_us);

        flow = flow_begin(NULL);
        flow_put(&flow, separator, memory_format("from %s", origin));
        flow_put(&flow, separator, memory_format("taken %s", when));
        flow_end(&flow);
        free(when);
    }
    fputs(terminal_style(STYLE_TITLE), stdout);
    flow = flow_begin(NULL);
    flow_field(&flow, separator, "%s", "name", snap);
    flow_field(&flow, separator, "%s", "version", snap);
    flow_end(&flow);
    fputs(terminal_style(STYLE_PLAIN), stdout);
    flow = flow_begin(NULL);
    flow_field(&flow, separator, "MPM", "mpm", snap);
    flow_field(&flow, separator, "model", "model", snap);
    flow_field(&flow, separator, "pid", "pid", snap);
    flow_field(&flow, separator, "generation", "generation", snap);
    flow_field(&flow, separator, "configuration", "config_generation", snap);
    put_times(&flow, separator, snap);
    flow_end(&flow);
    free(separator);
}

/* ---- bars ---- */

static void print_glyphs(glyph_e glyph, style_e style, size_t count)
{
    if (count == 0) {
        return;
    }
    fputs(terminal_style(style), stdout);
    for (size_t i = 0; i < count; i++) {
        fputs(terminal_glyph(glyph), stdout);
    }
    fputs(terminal_style(STYLE_PLAIN), stdout);
}

static void print_bar(const gauge_t *gauge, size_t columns)
{
    size_t ready, taken = gauge_share(gauge, columns, &ready);

    print_glyphs(GLYPH_FULL, gauge_style(gauge), taken);
    print_glyphs(GLYPH_HALF, STYLE_GOOD, ready);
    print_glyphs(GLYPH_EMPTY, STYLE_FAINT, columns - taken - ready);
    fputs("  ", stdout);
}

/* One width for all bars, so they compare: what the longest notes leave; 0: no bars. */
static size_t bar_columns(const gauge_t *gauges)
{
    int width = terminal_width();
    size_t columns = BAR_MOST;

    for (size_t i = 0; i < GAUGES && width > 0; i++) {
        size_t used = LABEL_COLUMNS + 2 + text_width(gauges[i].notes);
        size_t room = (size_t)width > used ? (size_t)width - used : 0;

        if (gauge_has_bar(&gauges[i]) && room < columns) {
            columns = room;
        }
    }
    return columns < BAR_LEAST ? 0 : columns;
}

static void print_gauge(const gauge_t *gauge, size_t columns)
{
    int width = terminal_width();
    size_t notes = text_width(gauge->notes);

    text_print_left(stdout, gauge->label, LABEL_COLUMNS);
    if (columns > 0 && gauge_has_bar(gauge)) {
        print_bar(gauge, columns);
    }
    else if (width > 0 && notes > (size_t)width - LABEL_COLUMNS) {
        notes = (size_t)width - LABEL_COLUMNS;
    }
    text_print_left(stdout, gauge->notes, notes);
    fputc('\n', stdout);
}

static double value(const char *name, const snapshot_t *snap)
{
    return field_number(field_find(fields_server, name), snap);
}

static void line_traffic(const snapshot_t *snap)
{
    flow_t flow;
    char *separator = dot();

    flow = flow_begin("Served");
    if (!isnan(value("requests", snap))) {
        char *requests = figure_count(value("requests", snap));

        flow_put(&flow, separator,
                 memory_format("%s request%s", requests, strcmp(requests, "1") == 0 ? "" : "s"));
        free(requests);
    }
    if (!isnan(value("bytes", snap))) {
        flow_put(&flow, separator, figure_bytes(value("bytes", snap)));
    }
    if (value("oldest_request_us", snap) > 0) {
        flow_field(&flow, separator, "longest running request", "oldest_request_us", snap);
    }
    flow_end(&flow);
    free(separator);
}

/* Failures since the server's start; nothing for counts of 0. */
static void line_events(const snapshot_t *snap)
{
    static const struct {
        const char *name, *label;
    } events[] = {
        { "saturations", "saturated" },
        { "crashes", "crashes" },
        { "shortages_files", "out of files" },
        { "shortages_memory", "out of memory" },
        { "shortages_processes", "out of processes" },
        { "shortages_threads", "out of threads" },
        { "shortages_log_space", "log disk full" },
        { "shortages_accept_queue", "accept queue full" },
        { "clock_jumps", "clock set" },
    };
    flow_t flow = { .first = true };
    char *separator = dot();

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (!(value(events[i].name, snap) > 0)) {
            continue;
        }
        if (flow.first) {
            flow = flow_begin("Events");
        }
        flow_field(&flow, separator, events[i].label, events[i].name, snap);
    }
    if (!flow.first) {
        flow_end(&flow);
    }
    free(separator);
}

/* p50 and p99 of queue, handler and total time of requests. */
static void line_times(const snapshot_t *snap)
{
    static const char *const phases[] = { "queue", "handler", "total" };
    flow_t flow = { .first = true };
    char *separator = dot();

    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        char *half = memory_format("%s.p50", phases[i]), *most = memory_format("%s.p99", phases[i]);

        if (!isnan(value(half, snap)) && !isnan(value(most, snap))) {
            char *half_span = figure_span(value(half, snap)),
                 *most_span = figure_span(value(most, snap));

            if (flow.first) {
                flow = flow_begin("Times");
            }
            flow_put(&flow, separator,
                     memory_format("%s %s, 99 %% within %s", phases[i], half_span, most_span));
            free(half_span);
            free(most_span);
        }
        free(half);
        free(most);
    }
    if (!flow.first) {
        flow_end(&flow);
    }
    free(separator);
}

void view_gauges(const snapshot_t *snap)
{
    gauge_t gauges[GAUGES];
    size_t columns;
    flow_t flow;

    gauges_of(snap, gauges);
    columns = bar_columns(gauges);
    for (size_t i = 0; i < GAUGES; i++) {
        if (!isnan(gauges[i].taken)) {
            print_gauge(&gauges[i], columns);
        }
    }
    gauges_free(gauges);
    line_traffic(snap);
    line_events(snap);
    if (snap->totals.workers_hung > 0) {
        fputs(terminal_style(STYLE_ALARM), stdout);
        flow = flow_begin("HUNG");
        flow_put(&flow, " ",
                 memory_format("%lld in one request for longer than MPMHungRequestTime;",
                               (long long)snap->totals.workers_hung));
        flow_put(&flow, " ", memory_copy("mpmstats workers --sort age names them"));
        flow_end(&flow);
        fputs(terminal_style(STYLE_PLAIN), stdout);
    }
    line_times(snap);
    if (snap->totals.streams_saturated == 1) {
        fputs(terminal_style(STYLE_ALARM), stdout);
        flow = flow_begin("HTTP/2");
        flow_put(&flow, " ",
                 memory_format(
                     "%lld streams wait for a worker of mod_http2 (H2MaxWorkers), all the time",
                     (long long)snap->totals.streams_queued));
        flow_end(&flow);
        fputs(terminal_style(STYLE_PLAIN), stdout);
    }
    if (snap->totals.saturated == 1) {
        fputs(terminal_style(STYLE_ALARM), stdout);
        flow = flow_begin("SATURATED");
        flow_put(&flow, " ",
                 memory_copy(
                     "every worker the limits allow is busy, or every thread of mod_http2;"));
        flow_put(&flow, " ", memory_copy("new requests wait"));
        flow_end(&flow);
        fputs(terminal_style(STYLE_PLAIN), stdout);
    }
}

/* ---- lists of figures ---- */

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A line of all known fields whose JSON path starts with @a path. */
static void list_fields(const char *label, const char *path, const snapshot_t *snap)
{
    flow_t flow = { .first = true };

    for (const field_t *field = fields_server; field->name != NULL; field++) {
        char *shown;

        if (!has_prefix(field->path, path) || !field_known(field, snap)) {
            continue;
        }
        if (flow.first) {
            flow = flow_begin(label);
        }
        shown = figure_field(field, snap);
        flow_put(&flow, "  ", memory_format("%s %s", field->label, shown));
        free(shown);
    }
    if (!flow.first) {
        flow_end(&flow);
    }
}

void view_connections(const snapshot_t *snap)
{
    list_fields("by state", "totals.connections_by_state.", snap);
}

void view_limits(const snapshot_t *snap)
{
    list_fields("Limits", "limits.", snap);
}
