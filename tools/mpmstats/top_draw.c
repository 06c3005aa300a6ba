/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture of `top`. Everything is clipped by screen_put(), so a screen that is
 * too small shows less and nothing breaks.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "format.h"
#include "gauge.h"
#include "measure.h"
#include "memory.h"
#include "screen.h"
#include "text.h"
#include "table.h"
#include "top.h"

#define GAP 2
#define COLUMNS_MAX 32
#define LABEL_COLUMNS 12
#define BAR_MOST 40
#define BAR_LEAST 6
#define LIST_LEAST 4 /* rows for the list before the header may have more */

/* Text in exactly so many columns. */
static char *fitted(const char *safe, int width, bool right)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    if (out == NULL)
        return memory_copy("");
    if (right)
        text_print_right(out, safe, (size_t)width);
    else
        text_print_left(out, safe, (size_t)width);
    fclose(out);
    return text;
}

/* Puts text that was made for it, and frees it. */
static int put(int row, int column, style_e style, char *safe)
{
    int width = screen_put(row, column, screen_columns(), style, safe);

    free(safe);
    return width;
}

/* ---- the header ---- */

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

    if (!field_known(field, snap))
        return text;
    value = format_field(field, snap);
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
    used = put(row, 0, STYLE_TITLE, title);
    clock = format_time(snap->server.now_us == SNAPSHOT_UNKNOWN ? NAN : (double)snap->server.now_us);
    space = strchr(clock, ' ');
    if (top->paused && used + 8 < width)
        screen_put_bar(row, width - 8, 8, STYLE_WARN, " PAUSED ");
    else if (space != NULL && used + 10 < width)
        screen_put(row, width - 8, 8, STYLE_FAINT, space + 1);
    free(clock);
}

static int draw_glyphs(int row, int column, glyph_e glyph, style_e style, size_t count)
{
    for (size_t i = 0; i < count; i++)
        screen_put(row, column++, 1, style, terminal_glyph(glyph));
    return column;
}

static size_t bar_columns(const gauge_t *gauges)
{
    size_t columns = BAR_MOST, width = (size_t)screen_columns();

    for (size_t i = 0; i < GAUGES; i++) {
        size_t used = LABEL_COLUMNS + GAP + text_width(gauges[i].notes);

        if (gauge_has_bar(&gauges[i]) && width < used + columns)
            columns = width > used ? width - used : 0;
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
        column = draw_glyphs(row, column, GLYPH_EMPTY, STYLE_FAINT, columns - taken - ready) + GAP;
    }
    screen_put(row, column, screen_columns(), gauge->alarm ? STYLE_ALARM : STYLE_PLAIN, gauge->notes);
}

static int draw_gauges(const snapshot_t *snap, int row, int rows)
{
    gauge_t gauges[GAUGES];
    size_t columns;

    gauges_of(snap, gauges);
    columns = bar_columns(gauges);
    for (size_t i = 0; i < GAUGES && row < rows; i++) {
        if (!isnan(gauges[i].taken))
            draw_gauge(&gauges[i], row++, columns);
    }
    gauges_free(gauges);
    return row;
}

static char *rate_of(const top_t *top, const char *name)
{
    double rate = top->before == NULL ? NAN : measure_rate(field_find(fields_server, name), &top->before->snap,
                                                           &top->now->snap);

    if (isnan(rate))
        return memory_copy("-");
    return strcmp(name, "bytes") == 0 ? format_bytes(rate) : memory_format("%.1f", rate);
}

static void draw_traffic(const top_t *top, int row)
{
    const snapshot_t *snap = &top->now->snap;
    char *requests = rate_of(top, "requests"), *bytes = rate_of(top, "bytes");
    char *line = memory_format("%s requests/s", requests);

    line = joined(line, memory_format("%s/s", bytes));
    line = joined_field(line, "total ", "requests", snap);
    if (field_number(field_find(fields_server, "oldest_request_us"), snap) > 0)
        line = joined_field(line, "longest running ", "oldest_request_us", snap);
    screen_put(row, 0, LABEL_COLUMNS, STYLE_PLAIN, "Served");
    put(row, LABEL_COLUMNS, STYLE_PLAIN, line);
    free(requests);
    free(bytes);
}

/* False when the MPM does not tell. */
static bool draw_states(const snapshot_t *snap, int row)
{
    int column = LABEL_COLUMNS;

    for (const field_t *field = fields_server; field->name != NULL; field++) {
        char *value;

        if (strncmp(field->name, "connections.", 12) != 0 || !field_known(field, snap))
            continue;
        value = format_field(field, snap);
        column += put(row, column, field_number(field, snap) > 0 ? STYLE_PLAIN : STYLE_FAINT,
                      memory_format("%s %s", field->label, value)) + GAP;
        free(value);
    }
    if (column > LABEL_COLUMNS)
        screen_put(row, 0, LABEL_COLUMNS, STYLE_PLAIN, "by state");
    return column > LABEL_COLUMNS;
}

/* What must not be overlooked; at most one line. */
static bool draw_alarm(const top_t *top, int row, double now)
{
    if (top->trouble.rc != RC_OK) {
        char *safe = text_safe(top->trouble.text), *span = format_span(fmax(0, now - top->trouble_since) * 1e6);

        put(row, 0, STYLE_ALARM, memory_format("No answer for %s: %s", span, safe));
        free(safe);
        free(span);
        return true;
    }
    if (top->now != NULL && top->now->snap.totals.saturated == 1) {
        screen_put(row, 0, screen_columns(), STYLE_ALARM,
                   "SATURATED   every worker the limits allow is busy; new requests wait");
        return true;
    }
    return false;
}

/* As many lines as leave room for the list; returns the next row. */
static int draw_header(const top_t *top, double now)
{
    int most = screen_rows() - LIST_LEAST - 3, row = 0; /* tabs, headings and keys */

    if (row < most && top->now != NULL)
        draw_title(top, row++);
    if (draw_alarm(top, row, now))
        row++;
    if (top->now == NULL)
        return row;
    row = draw_gauges(&top->now->snap, row, most);
    if (row < most)
        draw_traffic(top, row++);
    if (row < most && draw_states(&top->now->snap, row))
        row++;
    return row;
}

static void draw_tabs(const top_t *top, int row, const rows_t *rows)
{
    int column = 0;
    char *facts = memory_format("%zu", rows->count);

    if (top->list == TOP_WORKERS && !top->show_idle) {
        free(facts);
        facts = memory_format("%zu busy, i shows idle ones", rows->count);
    }
    if (top->filter[0] != '\0' && top->mode != TOP_FILTER) {
        char *safe = text_safe(top->filter), *longer = memory_format("%s, filter: %s", facts, safe);

        free(safe);
        free(facts);
        facts = longer;
    }
    for (top_list_e list = 0; list < TOP_LISTS; list++) {
        char *title = memory_format(" %s ", top->lists[list].title);

        if (list == top->list)
            column += screen_put_bar(row, column, (int)text_width(title), STYLE_TITLE, title) + 1;
        else
            column += screen_put(row, column, screen_columns(), STYLE_FAINT, title) + 1;
        free(title);
    }
    put(row, column + 1, STYLE_FAINT, facts);
}

/* ---- the list ---- */

typedef struct {
    const top_column_t *columns[COLUMNS_MAX];
    int width[COLUMNS_MAX];
    size_t count;
} layout_t;

static int line_width(const layout_t *layout)
{
    int sum = 0;

    for (size_t i = 0; i < layout->count; i++)
        sum += layout->width[i] + (i > 0 ? GAP : 0);
    return sum;
}

/* Takes out the column that is missed least; false when none may go. */
static bool drop_one(layout_t *layout)
{
    size_t least = 0;

    for (size_t i = 1; i < layout->count; i++) {
        if (layout->columns[i]->drop > layout->columns[least]->drop)
            least = i;
    }
    if (layout->count == 0 || layout->columns[least]->drop == 0)
        return false;
    layout->count--;
    for (size_t i = least; i < layout->count; i++) {
        layout->columns[i] = layout->columns[i + 1];
        layout->width[i] = layout->width[i + 1];
    }
    return true;
}

/* A column of numbers is as wide as the widest in view, so that no digit is cut off. */
static int width_of(const top_t *top, const top_column_t *column, const rows_t *rows, bool sorted)
{
    const top_list_t *list = &top->lists[top->list];
    int width = column->width, title = (int)text_width(column->title) + (sorted ? 1 : 0);

    for (size_t i = list->first; column->right && i < rows->count && i < list->first + (size_t)top->page; i++) {
        char *text = top_cell(top, column, rows->items[i]);

        if (text != NULL && (int)text_width(text) > width)
            width = (int)text_width(text);
        free(text);
    }
    return width > title ? width : title;
}

static layout_t layout_of(const top_t *top, const rows_t *rows)
{
    const top_list_t *list = &top->lists[top->list];
    layout_t layout = {.count = 0};
    int rest;

    for (size_t i = 0; i < list->column_count && i < COLUMNS_MAX; i++) {
        if (!top_column_known(top, &list->columns[i]))
            continue;
        layout.columns[layout.count] = &list->columns[i];
        layout.width[layout.count++] = width_of(top, &list->columns[i], rows, i == list->sort);
    }
    while (line_width(&layout) > screen_columns() && drop_one(&layout))
        ;
    rest = screen_columns() - line_width(&layout);
    if (layout.count > 0 && rest > 0)
        layout.width[layout.count - 1] += rest;
    return layout;
}

static void draw_headings(const top_t *top, const layout_t *layout, int row)
{
    const top_list_t *list = &top->lists[top->list];
    int column = 0;

    screen_put_bar(row, 0, screen_columns(), STYLE_GOOD, "");
    for (size_t i = 0; i < layout->count; i++) {
        const top_column_t *spec = layout->columns[i];
        bool sorted = spec == &list->columns[list->sort];
        char *title = memory_format("%s%s", spec->title,
                                    !sorted ? "" : terminal_glyph(list->reverse ? GLYPH_UP : GLYPH_DOWN));
        char *cell = fitted(title, layout->width[i], spec->right);

        screen_put_bar(row, column, layout->width[i], sorted ? STYLE_BUSY : STYLE_GOOD, cell);
        column += layout->width[i] + GAP;
        free(title);
        free(cell);
    }
}

static void draw_letters(int row, int column, const char *letters, int width)
{
    for (int i = 0; i < width && letters[i] != '\0'; i++) {
        char one[] = {letters[i], '\0'};

        screen_put(row, column + i, 1, table_letter_style(letters[i]), one);
    }
}

static void draw_cell(const top_t *top, const top_column_t *spec, int row, int column, int width, const void *record)
{
    char *text = top_cell(top, spec, record);
    char *cell = fitted(text != NULL ? text : "-", width, spec->right);
    bool state = strncmp(spec->name, "state", 5) == 0;

    if (text != NULL && strcmp(spec->name, "scoreboard") == 0 && text_width(text) == strlen(text))
        draw_letters(row, column, text, width);
    else
        screen_put(row, column, width, state ? top_row_style(top, record) : STYLE_PLAIN, cell);
    free(cell);
    free(text);
}

static void draw_selected(const top_t *top, const layout_t *layout, int row, const void *record)
{
    int column = 0;

    screen_put_bar(row, 0, screen_columns(), STYLE_BUSY, "");
    for (size_t i = 0; i < layout->count; i++) {
        char *text = top_cell(top, layout->columns[i], record);
        char *cell = fitted(text != NULL ? text : "-", layout->width[i], layout->columns[i]->right);

        screen_put_bar(row, column, layout->width[i], STYLE_BUSY, cell);
        column += layout->width[i] + GAP;
        free(text);
        free(cell);
    }
}

static void draw_rows(const top_t *top, const layout_t *layout, const rows_t *rows, int row)
{
    const top_list_t *list = &top->lists[top->list];

    for (int i = 0; i < top->page && list->first + (size_t)i < rows->count; i++) {
        const void *record = rows->items[list->first + (size_t)i];
        int column = 0;

        if (list->first + (size_t)i == list->selected) {
            draw_selected(top, layout, row + i, record);
            continue;
        }
        for (size_t c = 0; c < layout->count; c++) {
            draw_cell(top, layout->columns[c], row + i, column, layout->width[c], record);
            column += layout->width[c] + GAP;
        }
    }
    if (rows->count == 0)
        screen_put(row, 0, screen_columns(), STYLE_FAINT,
                   top->filter[0] != '\0' ? "Nothing passes the filter." : "Nothing to show.");
}

static void draw_list(top_t *top, int row)
{
    rows_t rows;
    layout_t layout;

    if (top->now == NULL) {
        char *safe = text_safe(top->origin);

        if (top->trouble.rc == RC_OK)
            put(row, 0, STYLE_FAINT, memory_format("Waiting for %s", safe));
        free(safe);
        return;
    }
    rows = top_rows(top);
    top->page = screen_rows() - row - 3;
    top_bound(top, rows.count);
    draw_tabs(top, row, &rows);
    layout = layout_of(top, &rows);
    draw_headings(top, &layout, row + 1);
    draw_rows(top, &layout, &rows, row + 2);
    rows_free(&rows);
}

/* ---- over the list ---- */

static void draw_sort_menu(const top_t *top, int row)
{
    const top_list_t *list = &top->lists[top->list];
    int rows = screen_rows() - 1 - row, first = 0;

    if ((int)top->sort_cursor >= rows - 1)
        first = (int)top->sort_cursor - (rows - 2);
    screen_put_bar(row, 0, 16, STYLE_GOOD, " Sort by");
    for (int i = 1; i < rows && first + i - 1 < (int)list->column_count; i++) {
        size_t index = (size_t)(first + i - 1);
        char *text = memory_format(" %-15s", list->columns[index].title);

        if (index == top->sort_cursor)
            screen_put_bar(row + i, 0, 16, STYLE_BUSY, text);
        else
            screen_put(row + i, 0, 16, STYLE_PLAIN, text);
        free(text);
    }
}

static void draw_help(void)
{
    static const char *const lines[][2] = {
        {"Up Down k j", "select a row; also PgUp PgDn Home End"},
        {"Enter", "everything known of the selected row"},
        {"Tab", "the other list: workers, processes"},
        {"F4 \\ /", "filter: rows that contain a text; Esc takes it away"},
        {"i H", "show or hide idle workers"},
        {"F6 < >", "choose the column to sort by"},
        {"I", "turn the order round"},
        {"T  N", "sort by age, by PID"},
        {"Z p", "pause, and go on"},
        {"Space F5", "ask the server now"},
        {"Ctrl-L", "draw everything anew"},
        {"F1 ? h", "this help"},
        {"F10 q", "leave"},
    };
    int row = 0;

    screen_put(row++, 0, screen_columns(), STYLE_TITLE, "mpmstats top");
    screen_put(row++, 0, screen_columns(), STYLE_PLAIN,
               "Bars: taken, ready, and what the limit still allows. Letters as in mod_status.");
    row++;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++, row++) {
        screen_put(row, 2, 14, STYLE_BUSY, lines[i][0]);
        screen_put(row, 16, screen_columns(), STYLE_PLAIN, lines[i][1]);
    }
    screen_put(row + 1, 0, screen_columns(), STYLE_FAINT, "Any key goes back.");
}

/* One value over as many lines as it needs; returns the next line. Lines before @a first are not seen. */
static int draw_value(const char *label, const char *safe, int line, int first, int rows)
{
    int width = screen_columns() - 20 > 10 ? screen_columns() - 20 : 10;

    for (bool begin = true; begin || *safe != '\0'; begin = false, line++) {
        size_t bytes = text_prefix(safe, (size_t)width);

        if (line >= first && line - first < rows) {
            screen_put(line - first, 0, 18, STYLE_FAINT, begin ? label : "");
            screen_put(line - first, 20, width, STYLE_PLAIN, safe);
        }
        if (bytes == 0)
            break;
        safe += bytes;
    }
    return line;
}

static int draw_fields(const top_t *top, const void *record, int first, int rows)
{
    const field_t *fields = top->list == TOP_WORKERS ? fields_worker : fields_process;
    int line = 0;

    for (const field_t *field = fields; field->name != NULL; field++) {
        char *value;

        if (!field_known(field, record))
            continue;
        value = format_field(field, record);
        line = draw_value(field->name, value, line, first, rows);
        free(value);
    }
    return line;
}

static void draw_details(top_t *top)
{
    const void *record = top_find(top, &top->details);
    int rows = screen_rows() - 1, lines;

    if (record == NULL) {
        screen_put(0, 0, screen_columns(), STYLE_WARN, "It is gone.");
        return;
    }
    lines = draw_fields(top, record, 0, 0);
    if (lines - rows < (int)(top->details_first < 100000 ? top->details_first : 100000))
        top->details_first = lines > rows ? (size_t)(lines - rows) : 0;
    top->page = rows;
    draw_fields(top, record, (int)top->details_first, rows);
}

/* ---- the last line ---- */

static void draw_keys(const char *const keys[][2])
{
    int row = screen_rows() - 1, column = 0;

    for (size_t i = 0; keys[i][0] != NULL; i++) {
        char *word = memory_format("%-6s", keys[i][1]);

        column += screen_put(row, column, screen_columns(), STYLE_PLAIN, keys[i][0]);
        column += screen_put_bar(row, column, (int)strlen(word), STYLE_BUSY, word);
        free(word);
    }
}

static void draw_filter_line(const top_t *top)
{
    int row = screen_rows() - 1, column;
    char *safe = text_safe(top->filter);
    char *line = memory_format("Filter: %s", safe);

    column = screen_put(row, 0, screen_columns() - 1, STYLE_TITLE, line);
    screen_cursor(row, column);
    free(line);
    free(safe);
}

static void draw_footer(const top_t *top)
{
    static const char *const browse[][2] = {
        {"F1", "Help"}, {"F4", "Filter"}, {"F6", "SortBy"}, {"Tab", "List"}, {"Z", "Pause"}, {"i", "Idle"},
        {"Enter", "Row"}, {"F10", "Quit"}, {NULL, NULL}};
    static const char *const menu[][2] = {{"Enter", "Sort"}, {"Esc", "Cancel"}, {NULL, NULL}};
    static const char *const details[][2] = {{"Esc", "Back"}, {NULL, NULL}};

    if (top->mode == TOP_FILTER)
        draw_filter_line(top);
    else
        draw_keys(top->mode == TOP_SORT ? menu : top->mode == TOP_DETAILS ? details : browse);
}

void top_draw(top_t *top, double now)
{
    int row;

    screen_clear();
    screen_cursor(-1, -1);
    if (top->mode == TOP_HELP) {
        draw_help();
    } else if (top->mode == TOP_DETAILS && top->now != NULL) {
        draw_details(top);
    } else {
        row = draw_header(top, now);
        draw_list(top, row);
        if (top->mode == TOP_SORT)
            draw_sort_menu(top, row + 1);
    }
    if (top->mode != TOP_HELP)
        draw_footer(top);
    screen_show();
}
