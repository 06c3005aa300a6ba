/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws the header of `top`, above the list.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fields/fields.h"
#include "fields/figure.h"
#include "fields/gauge.h"
#include "fields/measure.h"
#include "common/memory.h"
#include "term/screen.h"
#include "common/text.h"
#include "top/top_parts.h"

#define LABEL_COLUMNS 12
#define BAR_MOST 40
#define BAR_LEAST 6
#define LIST_LEAST 4 /* rows reserved for the list */

static char *joined(char *text, char *fact)
{
    char *both = memory_format("%s%s%s%s%s", text, text[0] != '\0' ? " " : "",
                               text[0] != '\0' ? terminal_glyph(GLYPH_DOT) : "",
                               text[0] != '\0' ? " " : "", fact);

    free(text);
    free(fact);
    return both;
}

static char *joined_field(char *text, const char *word, const char *name, const snapshot_t *snap)
{
    const field_t *field = field_find(fields_server, name);
    char *value, *fact;

    if (!field_known(field, snap)) {
        return text;
    }
    value = figure_field(field, snap);
    fact = memory_format("%s%s", word, value);
    free(value);
    return joined(text, fact);
}

static void draw_title(const top_t *top, int row)
{
    const snapshot_t *snap = &top->now->snap;
    char *title = joined_field(memory_copy(""), "", "name", snap), *clock;
    const char *space;
    int width = screen_columns(), used;

    if (title[0] == '\0') {
        free(title);
        title = text_safe(top->origin);
    }
    title = joined_field(title, "MPM ", "mpm", snap);
    title = joined_field(title, "model ", "model", snap);
    title = joined_field(title, "up ", "uptime_s", snap);
    title = joined_field(title, "load ", "load1", snap);
    used = top_put(row, 0, STYLE_TITLE, title);
    clock = figure_time(snap->server.now_us == SNAPSHOT_UNKNOWN ? NAN
                                                                : (double)snap->server.now_us);
    space = strchr(clock, ' ');
    if (top->paused && used + 8 < width) {
        screen_put_bar(row, width - 8, 8, STYLE_WARN, " PAUSED ");
    }
    else if (space != NULL && used + 10 < width) {
        screen_put(row, width - 8, 8, STYLE_FAINT, space + 1);
    }
    free(clock);
}

static int draw_glyphs(int row, int column, glyph_e glyph, style_e style, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        screen_put(row, column++, 1, style, terminal_glyph(glyph));
    }
    return column;
}

static size_t bar_columns(const gauge_t *gauges)
{
    size_t columns = BAR_MOST, width = (size_t)screen_columns();

    for (size_t i = 0; i < GAUGES; i++) {
        size_t used = LABEL_COLUMNS + TOP_GAP + text_width(gauges[i].notes);

        if (gauge_has_bar(&gauges[i]) && width < used + columns) {
            columns = width > used ? width - used : 0;
        }
    }
    return columns < BAR_LEAST ? 0 : columns;
}

static void draw_gauge(const gauge_t *gauge, int row, size_t columns)
{
    int column = LABEL_COLUMNS;

    screen_put(row, 0, LABEL_COLUMNS, STYLE_PLAIN, gauge->label);
    if (columns > 0 && gauge_has_bar(gauge)) {
        size_t ready, taken = gauge_share(gauge, columns, &ready);

        column = draw_glyphs(row, column, GLYPH_FULL, gauge_style(gauge), taken);
        column = draw_glyphs(row, column, GLYPH_HALF, STYLE_GOOD, ready);
        column = draw_glyphs(row, column, GLYPH_EMPTY, STYLE_FAINT, columns - taken - ready)
            + TOP_GAP;
    }
    screen_put(row, column, screen_columns(), gauge->alarm ? STYLE_ALARM : STYLE_PLAIN,
               gauge->notes);
}

static int draw_gauges(const snapshot_t *snap, int row, int rows)
{
    gauge_t gauges[GAUGES];
    size_t columns;

    gauges_of(snap, gauges);
    columns = bar_columns(gauges);
    for (size_t i = 0; i < GAUGES && row < rows; i++) {
        if (!isnan(gauges[i].taken)) {
            draw_gauge(&gauges[i], row++, columns);
        }
    }
    gauges_free(gauges);
    return row;
}

static char *rate_of(const top_t *top, const char *name)
{
    double rate = top->before == NULL
        ? NAN
        : measure_rate(&(measure_t){ .field = field_find(fields_server, name) }, &top->before->snap,
                       &top->now->snap);

    if (isnan(rate)) {
        return memory_copy("-");
    }
    return strcmp(name, "bytes") == 0 ? figure_bytes(rate) : memory_format("%.1f", rate);
}

static void draw_traffic(const top_t *top, int row)
{
    const snapshot_t *snap = &top->now->snap;
    char *requests = rate_of(top, "requests"), *bytes = rate_of(top, "bytes");
    char *line = memory_format("%s requests/s", requests);

    line = joined(line, memory_format("%s/s", bytes));
    line = joined_field(line, "total ", "requests", snap);
    if (field_number(field_find(fields_server, "oldest_request_us"), snap) > 0) {
        line = joined_field(line, "longest running ", "oldest_request_us", snap);
    }
    screen_put(row, 0, LABEL_COLUMNS, STYLE_PLAIN, "Served");
    top_put(row, LABEL_COLUMNS, STYLE_PLAIN, line);
    free(requests);
    free(bytes);
}

/* False when the MPM does not report connections by state. */
static bool draw_states(const snapshot_t *snap, int row)
{
    int column = LABEL_COLUMNS;

    for (const field_t *field = fields_server; field->name != NULL; field++) {
        char *value;

        if (strncmp(field->name, "connections.", 12) != 0 || !field_known(field, snap)) {
            continue;
        }
        value = figure_field(field, snap);
        column += top_put(row, column, field_number(field, snap) > 0 ? STYLE_PLAIN : STYLE_FAINT,
                          memory_format("%s %s", field->label, value))
            + TOP_GAP;
        free(value);
    }
    if (column > LABEL_COLUMNS) {
        screen_put(row, 0, LABEL_COLUMNS, STYLE_PLAIN, "by state");
    }
    return column > LABEL_COLUMNS;
}

/* Draws the most important warning; at most one line. */
static bool draw_alarm(const top_t *top, int row, double now)
{
    char *note;

    if (top->trouble.rc != RC_OK) {
        char *safe = text_safe(top->trouble.text),
             *span = figure_span(fmax(0, now - top->trouble_since) * 1e6);

        top_put(row, 0, STYLE_ALARM, memory_format("No answer for %s: %s", span, safe));
        free(safe);
        free(span);
        return true;
    }
    if (top->now != NULL && (note = sample_note(top->now)) != NULL) {
        char *safe = text_safe(note);

        top_put(row, 0, STYLE_ALARM, safe);
        free(note);
        return true;
    }
    if (top->now != NULL && top->now->snap.totals.saturated == 1) {
        screen_put(
            row, 0, screen_columns(), STYLE_ALARM,
            "SATURATED   every worker the limits allow is busy, or every thread of mod_http2; new requests wait");
        return true;
    }
    return false;
}

int top_draw_header(const top_t *top, double now)
{
    int most = screen_rows() - LIST_LEAST - 3, row = 0; /* tabs, headings and keys */

    if (row < most && top->now != NULL) {
        draw_title(top, row++);
    }
    if (draw_alarm(top, row, now)) {
        row++;
    }
    if (top->now == NULL) {
        return row;
    }
    row = draw_gauges(&top->now->snap, row, most);
    if (row < most) {
        draw_traffic(top, row++);
    }
    if (row < most && draw_states(&top->now->snap, row)) {
        row++;
    }
    return row;
}
