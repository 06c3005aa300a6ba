/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout of tables: two spaces between columns, no padding after the last one.
 */
#include "term/table.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"

#define GAP 2
#define LETTERS_LEAST 10 /* minimum width for wrapping letters */

typedef struct {
    char *text;
    style_e style;
} cell_t;

struct table {
    const column_t *columns;
    size_t count;
    size_t *natural; /* widest cell of each column */
    size_t *width;   /* as laid out; 0: hidden */
    bool *known;
    bool tight; /* last resort: cut columns down to their titles */
    cell_t *cells;
    size_t cells_count, room;
};

table_t *table_new(const column_t *columns, size_t count)
{
    table_t *table = memory_get(1, sizeof(*table));

    table->columns = columns;
    table->count = count;
    table->natural = memory_get(count, sizeof(*table->natural));
    table->width = memory_get(count, sizeof(*table->width));
    table->known = memory_get(count, sizeof(*table->known));
    for (size_t i = 0; i < count; i++) {
        table->natural[i] = text_width(columns[i].title);
    }
    return table;
}

void table_cell(table_t *table, char *text, style_e style)
{
    size_t column = table->cells_count % table->count;
    size_t width = text == NULL ? 1 : text_width(text);

    if (table->cells_count == table->room) {
        table->room = table->room * 2 + 64;
        table->cells = memory_resize(table->cells, table->room, sizeof(*table->cells));
    }
    if (width > table->natural[column]) {
        table->natural[column] = width;
    }
    table->known[column] |= text != NULL;
    table->cells[table->cells_count++] = (cell_t){ text, style };
}

void table_free(table_t *table)
{
    for (size_t i = 0; i < table->cells_count; i++) {
        free(table->cells[i].text);
    }
    free(table->cells);
    free(table->natural);
    free(table->width);
    free(table->known);
    free(table);
}

/* ---- layout ---- */

static size_t least_width(const table_t *table, size_t column)
{
    const column_t *spec = &table->columns[column];
    size_t natural = table->natural[column], least = spec->least, title = text_width(spec->title);

    if (spec->letters) {
        least = LETTERS_LEAST;
    }
    if (least == 0) {
        return natural;
    }
    if (least < title || table->tight) {
        least = title;
    }
    return least < natural ? least : natural;
}

static size_t line_width(const table_t *table)
{
    size_t sum = 0;

    for (size_t i = 0; i < table->count; i++) {
        if (table->width[i] > 0) {
            sum += table->width[i] + (sum > 0 ? GAP : 0);
        }
    }
    return sum;
}

/* Shrinks the widest cuttable columns evenly to fit @a width; false when they cannot. */
static bool shrink(table_t *table, size_t width)
{
    size_t line;

    while ((line = line_width(table)) > width) {
        size_t widest = table->count, next = 0, cut, excess = line - width;

        for (size_t i = 0; i < table->count; i++) {
            if (table->width[i] > least_width(table, i)
                && (widest == table->count || table->width[i] > table->width[widest])) {
                widest = i;
            }
        }
        if (widest == table->count) {
            return false;
        }
        for (size_t i = 0; i < table->count; i++) {
            if (i != widest && table->width[i] > least_width(table, i) && table->width[i] > next) {
                next = table->width[i];
            }
        }
        if (next < least_width(table, widest)) {
            next = least_width(table, widest);
        }
        cut = table->width[widest] > next ? table->width[widest] - next : 1;
        table->width[widest] -= cut < excess ? cut : excess;
    }
    return true;
}

static void layout(table_t *table, int width)
{
    int dropped = 0;

    for (size_t i = 0; i < table->count; i++) {
        dropped = table->columns[i].drop > dropped ? table->columns[i].drop : dropped;
    }
    for (;; dropped--) {
        for (size_t i = 0; i < table->count; i++) {
            bool shown = table->known[i]
                && (table->columns[i].drop <= dropped || table->columns[i].drop == 0);

            table->width[i] = shown ? table->natural[i] : 0;
        }
        if (width <= 0 || shrink(table, (size_t)width)) {
            return;
        }
        if (dropped == 0) {
            break;
        }
    }
    table->tight = true;
    shrink(table, (size_t)width);
}

/* ---- printing ---- */

style_e table_letter_style(char letter)
{
    switch (letter) {
    case '_':
        return STYLE_GOOD;
    case '.':
        return STYLE_FAINT;
    case 'W':
    case 'R':
        return STYLE_BUSY;
    case 'K':
    case 'C':
    case 'L':
    case 'D':
        return STYLE_WARN;
    default:
        return STYLE_TITLE;
    }
}

/* Prints letters; neighbours of one style share an escape sequence. */
static void print_letters(FILE *out, const char *letters, size_t count)
{
    for (size_t i = 0; i < count;) {
        style_e style = table_letter_style(letters[i]);
        size_t run = 1;

        while (i + run < count && table_letter_style(letters[i + run]) == style) {
            run++;
        }
        fprintf(out, "%s%.*s%s", terminal_style(style), (int)run, letters + i,
                terminal_style(STYLE_PLAIN));
        i += run;
    }
}

/* Bytes of the next line of a wrapped cell; words break at a space. */
static size_t wrap_at(const char *text, size_t width, bool words)
{
    size_t bytes = text_prefix(text, width), space = bytes;

    if (!words || text[bytes] == '\0') {
        return bytes;
    }
    while (space > 0 && text[space] != ' ') {
        space--;
    }
    return space > 0 ? space : bytes;
}

static void print_wrapped(FILE *out, const char *text, size_t indent, size_t width, bool words)
{
    while (text[0] != '\0') {
        size_t bytes = wrap_at(text, width, words);

        if (words) {
            fwrite(text, 1, bytes, out);
        }
        else {
            print_letters(out, text, bytes);
        }
        text += bytes;
        text += words && text[0] == ' ';
        if (text[0] == '\0' || bytes == 0) {
            return;
        }
        fputc('\n', out);
        text_spaces(out, indent);
    }
}

static void print_cell(const table_t *table, FILE *out, size_t column, const char *text, bool last)
{
    size_t width = table->width[column];

    if (table->columns[column].right) {
        text_print_right(out, text, width);
    }
    else {
        text_print_left(out, text, last && text_width(text) < width ? text_width(text) : width);
    }
}

static size_t last_shown(const table_t *table)
{
    size_t last = 0;

    for (size_t i = 0; i < table->count; i++) {
        last = table->width[i] > 0 ? i : last;
    }
    return last;
}

static void print_row(const table_t *table, FILE *out, const cell_t *row)
{
    size_t last = last_shown(table), indent = 0;

    for (size_t i = 0; i <= last; i++) {
        const char *text = row[i].text != NULL ? row[i].text : "-";
        const char *style = terminal_style(row[i].style);

        if (table->width[i] == 0) {
            continue;
        }
        if (table->columns[i].letters || table->columns[i].words) {
            print_wrapped(out, text, indent, table->width[i], table->columns[i].words);
        }
        else {
            fputs(row[i].style == STYLE_PLAIN ? "" : style, out);
            print_cell(table, out, i, text, i == last);
            fputs(row[i].style == STYLE_PLAIN ? "" : terminal_style(STYLE_PLAIN), out);
        }
        if (i < last) {
            text_spaces(out, GAP);
        }
        indent += table->width[i] + GAP;
    }
    fputc('\n', out);
}

void table_print(table_t *table, FILE *out, int width)
{
    size_t last;

    layout(table, width);
    last = last_shown(table);
    fputs(terminal_style(STYLE_FAINT), out);
    for (size_t i = 0; i <= last; i++) {
        if (table->width[i] == 0) {
            continue;
        }
        print_cell(table, out, i, table->columns[i].title, i == last);
        if (i < last) {
            text_spaces(out, GAP);
        }
    }
    fprintf(out, "%s\n", terminal_style(STYLE_PLAIN));
    for (size_t i = 0; i + table->count <= table->cells_count; i += table->count) {
        print_row(table, out, table->cells + i);
    }
}
