/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws the screen of `top`: header, list, overlays, last line.
 */
#include <stdlib.h>
#include <string.h>

#include "fields/fields.h"
#include "fields/figure.h"
#include "common/memory.h"
#include "term/screen.h"
#include "common/text.h"
#include "top/top_parts.h"

int top_put(int row, int column, style_e style, char *safe)
{
    int width = screen_put(row, column, screen_columns(), style, safe);

    free(safe);
    return width;
}

/* ---- overlays ---- */

static void draw_sort_menu(const top_t *top, int row)
{
    const top_list_t *list = &top->lists[top->list];
    int rows = screen_rows() - 1 - row, first = 0;

    if ((int)top->sort_cursor >= rows - 1) {
        first = (int)top->sort_cursor - (rows - 2);
    }
    screen_put_bar(row, 0, 16, STYLE_GOOD, " Sort by");
    for (int i = 1; i < rows && first + i - 1 < (int)list->column_count; i++) {
        size_t index = (size_t)(first + i - 1);
        char *text = memory_format(" %-15s", list->columns[index].title);

        if (index == top->sort_cursor) {
            screen_put_bar(row + i, 0, 16, STYLE_BUSY, text);
        }
        else {
            screen_put(row + i, 0, 16, STYLE_PLAIN, text);
        }
        free(text);
    }
}

static void draw_help(void)
{
    static const char *const lines[][2] = {
        { "Up Down k j", "select a row; also PgUp PgDn Home End" },
        { "Enter", "all values of the selected row" },
        { "Tab  1 2 3", "the next list; workers, processes, virtual hosts" },
        { "F4 \\ /", "filter: rows that contain a text; Esc removes it" },
        { "i H", "show or hide idle workers" },
        { "F6 < >", "choose the column to sort by" },
        { "I", "turn the order round" },
        { "T  N", "sort by age, by PID" },
        { "Z p", "pause, and go on" },
        { "Space F5", "ask the server now" },
        { "Ctrl-L", "draw everything anew" },
        { "F1 ? h", "this help" },
        { "F10 q", "leave" },
    };
    int row = 0;

    screen_put(row++, 0, screen_columns(), STYLE_TITLE, "mpmstats top");
    screen_put(row++, 0, screen_columns(), STYLE_PLAIN,
               "Bars: in use, ready, and unused up to the limit. Letters as in mod_status.");
    row++;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++, row++) {
        screen_put(row, 2, 14, STYLE_BUSY, lines[i][0]);
        screen_put(row, 16, screen_columns(), STYLE_PLAIN, lines[i][1]);
    }
    screen_put(row + 1, 0, screen_columns(), STYLE_FAINT, "Any key goes back.");
}

/* Draws a value over several lines, hiding those before @a first; returns the next line. */
static int draw_value(const char *label, const char *safe, int line, int first, int rows)
{
    int width = screen_columns() - 20 > 10 ? screen_columns() - 20 : 10;

    for (bool begin = true; begin || *safe != '\0'; begin = false, line++) {
        size_t bytes = text_prefix(safe, (size_t)width);

        if (line >= first && line - first < rows) {
            screen_put(line - first, 0, 18, STYLE_FAINT, begin ? label : "");
            screen_put(line - first, 20, width, STYLE_PLAIN, safe);
        }
        if (bytes == 0) {
            break;
        }
        safe += bytes;
    }
    return line;
}

static int draw_fields(const top_t *top, const void *record, int first, int rows)
{
    int line = 0;

    for (const field_t *field = top_fields(top); field->name != NULL; field++) {
        char *value;

        if (!field_known(field, record)) {
            continue;
        }
        value = figure_field(field, record);
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
    if (lines - rows < (int)(top->details_first < 100000 ? top->details_first : 100000)) {
        top->details_first = lines > rows ? (size_t)(lines - rows) : 0;
    }
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
    static const char *const browse[][2] = { { "F1", "Help" },   { "F4", "Filter" },
                                             { "F6", "SortBy" }, { "Tab", "List" },
                                             { "Z", "Pause" },   { "i", "Idle" },
                                             { "Enter", "Row" }, { "F10", "Quit" },
                                             { NULL, NULL } };
    static const char *const menu[][2] = { { "Enter", "Sort" },
                                           { "Esc", "Cancel" },
                                           { NULL, NULL } };
    static const char *const details[][2] = { { "Esc", "Back" }, { NULL, NULL } };

    if (top->mode == TOP_FILTER) {
        draw_filter_line(top);
    }
    else {
        draw_keys(top->mode == TOP_SORT ? menu : top->mode == TOP_DETAILS ? details : browse);
    }
}

void top_draw(top_t *top, double now)
{
    int row;

    screen_clear();
    screen_cursor(-1, -1);
    if (top->mode == TOP_HELP) {
        draw_help();
    }
    else if (top->mode == TOP_DETAILS && top->now != NULL) {
        draw_details(top);
    }
    else {
        row = top_draw_header(top, now);
        top_draw_list(top, row);
        if (top->mode == TOP_SORT) {
            draw_sort_menu(top, row + 1);
        }
    }
    if (top->mode != TOP_HELP) {
        draw_footer(top);
    }
    screen_show();
}
