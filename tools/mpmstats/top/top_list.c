/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws the list of `top`: the columns that fit and the rows in view.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "term/screen.h"
#include "term/table.h"
#include "common/text.h"
#include "top/top_parts.h"

#define COLUMNS_MAX 32

/* Cuts or pads to exactly @a width columns. */
static char *fitted(const char *safe, int width, bool right)
{
    memory_text_t text;

    memory_text_open(&text);
    if (right) {
        text_print_right(text.out, safe, (size_t)width);
    }
    else {
        text_print_left(text.out, safe, (size_t)width);
    }
    return memory_text_close(&text);
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

        if (list == top->list) {
            column += screen_put_bar(row, column, (int)text_width(title), STYLE_TITLE, title) + 1;
        }
        else {
            column += screen_put(row, column, screen_columns(), STYLE_FAINT, title) + 1;
        }
        free(title);
    }
    top_put(row, column + 1, STYLE_FAINT, facts);
}

/* ---- column layout ---- */

typedef struct {
    const top_column_t *columns[COLUMNS_MAX];
    int width[COLUMNS_MAX];
    size_t count;
} layout_t;

static int line_width(const layout_t *layout)
{
    int sum = 0;

    for (size_t i = 0; i < layout->count; i++) {
        sum += layout->width[i] + (i > 0 ? TOP_GAP : 0);
    }
    return sum;
}

/* Drops the column of highest drop priority; false when none may be dropped. */
static bool drop_one(layout_t *layout)
{
    size_t least = 0;

    for (size_t i = 1; i < layout->count; i++) {
        if (layout->columns[i]->drop > layout->columns[least]->drop) {
            least = i;
        }
    }
    if (layout->count == 0 || layout->columns[least]->drop == 0) {
        return false;
    }
    layout->count--;
    for (size_t i = least; i < layout->count; i++) {
        layout->columns[i] = layout->columns[i + 1];
        layout->width[i] = layout->width[i + 1];
    }
    return true;
}

/* Columns of numbers take the width of the widest number in view, so no digit is cut. */
static int width_of(const top_t *top, const top_column_t *column, const rows_t *rows, bool sorted)
{
    const top_list_t *list = &top->lists[top->list];
    int width = column->width, title = (int)text_width(column->title) + (sorted ? 1 : 0);

    for (size_t i = list->first;
         column->right && i < rows->count && i < list->first + (size_t)top->page; i++) {
        char *text = top_cell(top, column, rows->items[i]);

        if (text != NULL && (int)text_width(text) > width) {
            width = (int)text_width(text);
        }
        free(text);
    }
    return width > title ? width : title;
}

static layout_t layout_of(const top_t *top, const rows_t *rows)
{
    const top_list_t *list = &top->lists[top->list];
    layout_t layout = { .count = 0 };
    int rest;

    for (size_t i = 0; i < list->column_count && i < COLUMNS_MAX; i++) {
        if (screen_columns() < list->columns[i].from || !top_column_known(top, &list->columns[i])) {
            continue;
        }
        layout.columns[layout.count] = &list->columns[i];
        layout.width[layout.count++] = width_of(top, &list->columns[i], rows, i == list->sort);
    }
    while (line_width(&layout) > screen_columns() && drop_one(&layout)) {
        ;
    }
    rest = screen_columns() - line_width(&layout);
    if (layout.count > 0 && rest > 0) {
        layout.width[layout.count - 1] += rest;
    }
    return layout;
}

/* ---- drawing ---- */

static void draw_headings(const top_t *top, const layout_t *layout, int row)
{
    const top_list_t *list = &top->lists[top->list];
    int column = 0;

    screen_put_bar(row, 0, screen_columns(), STYLE_GOOD, "");
    for (size_t i = 0; i < layout->count; i++) {
        const top_column_t *spec = layout->columns[i];
        bool sorted = spec == &list->columns[list->sort];
        char *title = memory_format("%s%s", spec->title,
                                    !sorted
                                        ? ""
                                        : terminal_glyph(list->reverse ? GLYPH_UP : GLYPH_DOWN));
        char *cell = fitted(title, layout->width[i], spec->right);

        screen_put_bar(row, column, layout->width[i], sorted ? STYLE_BUSY : STYLE_GOOD, cell);
        column += layout->width[i] + TOP_GAP;
        free(title);
        free(cell);
    }
}

static void draw_letters(int row, int column, const char *letters, int width)
{
    for (int i = 0; i < width && letters[i] != '\0'; i++) {
        char one[] = { letters[i], '\0' };

        screen_put(row, column + i, 1, table_letter_style(letters[i]), one);
    }
}

static void draw_cell(const top_t *top, const top_column_t *spec, int row, int column, int width,
                      const void *record)
{
    char *text = top_cell(top, spec, record);
    char *cell = fitted(text != NULL ? text : "-", width, spec->right);
    bool state = strncmp(spec->name, "state", 5) == 0;

    if (text != NULL && strcmp(spec->name, "scoreboard") == 0 && text_width(text) == strlen(text)) {
        draw_letters(row, column, text, width);
    }
    else {
        screen_put(row, column, width, state ? top_row_style(top, record) : STYLE_PLAIN, cell);
    }
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
        column += layout->width[i] + TOP_GAP;
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
            column += layout->width[c] + TOP_GAP;
        }
    }
    if (rows->count == 0) {
        screen_put(row, 0, screen_columns(), STYLE_FAINT,
                   top->list == TOP_VHOSTS && !top->now->recorded
                       ? "The server does not report virtual hosts."
                       : top->filter[0] != '\0' ? "No row matches the filter."
                                                : "Nothing to show.");
    }
}

void top_draw_list(top_t *top, int row)
{
    rows_t rows;
    layout_t layout;

    if (top->now == NULL) {
        char *safe = text_safe(top->origin);

        if (top->trouble.rc == RC_OK) {
            top_put(row, 0, STYLE_FAINT, memory_format("Waiting for %s", safe));
        }
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
