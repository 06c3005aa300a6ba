/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of `top`, the same as in htop where it has one.
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "term/screen.h"
#include "top/top.h"

/* ---- moving ---- */

/* The new cursor line for a movement key; SIZE_MAX for other keys. */
static size_t moved(size_t at, int key, size_t page)
{
    switch (key) {
    case SCREEN_UP:
    case 'k':
        return at > 0 ? at - 1 : 0;
    case SCREEN_DOWN:
    case 'j':
        return at + 1;
    case SCREEN_PAGE_UP:
        return at > page ? at - page : 0;
    case SCREEN_PAGE_DOWN:
        return at + page;
    case SCREEN_HOME:
        return 0;
    case SCREEN_END:
        return SIZE_MAX - 1;
    default:
        return SIZE_MAX;
    }
}

static bool move_selection(top_t *top, int key)
{
    top_list_t *list = &top->lists[top->list];
    size_t at = moved(list->selected, key, top->page > 0 ? (size_t)top->page : 1);

    if (at == SIZE_MAX) {
        return false;
    }
    list->selected = at; /* top_bound() limits it */
    return true;
}

/* ---- sorting ---- */

/* Selects the sort column; selecting it again reverses the order. */
static void sort_by(top_t *top, size_t column)
{
    top_list_t *list = &top->lists[top->list];

    list->reverse = list->sort == column && !list->reverse;
    list->sort = column;
    list->selected = list->first = 0;
}

static void sort_by_name(top_t *top, const char *title)
{
    const top_list_t *list = &top->lists[top->list];

    for (size_t i = 0; i < list->column_count; i++) {
        if (strcmp(list->columns[i].title, title) == 0) {
            sort_by(top, i);
        }
    }
}

static void key_in_sort(top_t *top, int key)
{
    const top_list_t *list = &top->lists[top->list];
    size_t at = moved(top->sort_cursor, key, list->column_count);

    if (at != SIZE_MAX) {
        top->sort_cursor = at < list->column_count ? at : list->column_count - 1;
    }
    else if (key == SCREEN_ENTER) {
        sort_by(top, top->sort_cursor);
        top->mode = TOP_BROWSE;
    }
    else if (key == SCREEN_ESCAPE || key == 'q' || key == SCREEN_F(6) || key == SCREEN_F(10)) {
        top->mode = TOP_BROWSE;
    }
}

/* ---- filtering ---- */

static void filter_begin(top_t *top)
{
    memcpy(top->filter_before, top->filter, sizeof(top->filter));
    top->mode = TOP_FILTER;
}

/* Removes the last character with all its bytes. */
static void filter_shorten(top_t *top)
{
    size_t length = strlen(top->filter);

    while (length > 0 && (top->filter[--length] & 0xc0) == 0x80) {
        ;
    }
    top->filter[length] = '\0';
}

static void filter_lengthen(top_t *top, int key)
{
    char bytes[MB_LEN_MAX];
    size_t length = strlen(top->filter), more;
    mbstate_t state = { 0 };

    if (key < ' ' || key >= SCREEN_NONE || wcwidth((wchar_t)key) < 0) {
        return;
    }
    more = wcrtomb(bytes, (wchar_t)key, &state);
    if (more == (size_t)-1 || length + more >= sizeof(top->filter)) {
        return;
    }
    memcpy(top->filter + length, bytes, more);
    top->filter[length + more] = '\0';
}

static void key_in_filter(top_t *top, int key)
{
    if (key == SCREEN_ENTER) {
        top->mode = TOP_BROWSE;
    }
    else if (key == SCREEN_ESCAPE) {
        memcpy(top->filter, top->filter_before, sizeof(top->filter));
        top->mode = TOP_BROWSE;
    }
    else if (key == SCREEN_BACKSPACE) {
        filter_shorten(top);
    }
    else if (key == 'u' - '`') {
        top->filter[0] = '\0';
    }
    else if (key < SCREEN_NONE) {
        filter_lengthen(top, key);
    }
    else {
        move_selection(top, key);
    }
}

/* ---- the rest ---- */

static void key_in_details(top_t *top, int key)
{
    size_t at = moved(top->details_first, key, top->page > 0 ? (size_t)top->page : 1);

    if (at != SIZE_MAX) {
        top->details_first = at; /* limited when drawn */
    }
    else if (key == SCREEN_ESCAPE || key == SCREEN_ENTER || key == 'q' || key == SCREEN_F(10)) {
        top->mode = TOP_BROWSE;
    }
}

/* Details follow the selected record, not its row. */
static void details_begin(top_t *top)
{
    rows_t rows;
    size_t at = top->lists[top->list].selected;

    if (top->now == NULL) {
        return;
    }
    rows = top_rows(top);
    if (at < rows.count) {
        top->details = top_identify(top, rows.items[at]);
        top->details_first = 0;
        top->mode = TOP_DETAILS;
    }
    rows_free(&rows);
}

static void key_in_browse(top_t *top, int key)
{
    top_list_t *list = &top->lists[top->list];

    if (move_selection(top, key)) {
        return;
    }
    switch (key) {
    case 'q':
    case SCREEN_F(10):
    case SCREEN_LOST:
        top->quit = true;
        break;
    case '?':
    case 'h':
    case SCREEN_F(1):
        top->mode = TOP_HELP;
        break;
    case '/':
    case '\\':
    case SCREEN_F(4):
        filter_begin(top);
        break;
    case SCREEN_ESCAPE:
        top->filter[0] = '\0';
        break;
    case '>':
    case '<':
    case '.':
    case ',':
    case SCREEN_F(6):
        top->sort_cursor = list->sort;
        top->mode = TOP_SORT;
        break;
    case 'I':
        list->reverse = !list->reverse;
        break;
    case 'T':
        sort_by_name(top, "AGE");
        break;
    case 'N':
        sort_by_name(top, "PID");
        break;
    case 'Z':
    case 'p':
        top->paused = !top->paused;
        break;
    case 'H':
    case 'i':
        top->show_idle = !top->show_idle;
        break;
    case SCREEN_TAB:
        top->list = (top->list + 1) % TOP_LISTS;
        break;
    case '1':
    case '2':
    case '3':
        top->list = (top_list_e)(key - '1');
        break;
    case SCREEN_ENTER:
        details_begin(top);
        break;
    case ' ':
    case SCREEN_F(5):
        top->refresh = true;
        break;
    case 'l' - '`':
        screen_redraw();
        break;
    default:
        break;
    }
}

void top_key(top_t *top, int key)
{
    if (key == SCREEN_LOST) {
        top->quit = true;
        return;
    }
    switch (top->mode) {
    case TOP_BROWSE:
        key_in_browse(top, key);
        break;
    case TOP_FILTER:
        key_in_filter(top, key);
        break;
    case TOP_SORT:
        key_in_sort(top, key);
        break;
    case TOP_HELP:
        top->mode = TOP_BROWSE;
        break;
    case TOP_DETAILS:
        key_in_details(top, key);
        break;
    }
}
