/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats valid JSON without parsing it: brackets and commas outside strings suffice.
 */
#include "common/layout.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

typedef struct {
    char *text;
    size_t length, room;
    int indent, level;
} layout_t;

static void put(layout_t *layout, const char *data, size_t length)
{
    if (layout->length + length + 1 > layout->room) {
        layout->room = (layout->length + length + 1) * 2;
        layout->text = memory_resize(layout->text, layout->room, 1);
    }
    memcpy(layout->text + layout->length, data, length);
    layout->length += length;
}

static void new_line(layout_t *layout)
{
    if (layout->indent == 0) {
        return;
    }
    put(layout, "\n", 1);
    for (int i = layout->level * layout->indent; i > 0; i--) {
        put(layout, " ", 1);
    }
}

static size_t spaces(const char *at)
{
    return strspn(at, " \t\r\n");
}

/*
 * Bytes up to the end of the string or to an escaped HTML character, which is then written
 * unescaped.
 */
static size_t piece_of_string(const char *at, const char **instead)
{
    static const char *const escapes[][2] = { { "\\u0026", "&" },
                                              { "\\u003c", "<" },
                                              { "\\u003e", ">" } };
    size_t length = strcspn(at, "\\\"");

    *instead = NULL;
    while (at[length] == '\\' && at[length + 1] != '\0') {
        for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
            if (strncmp(at + length, escapes[i][0], 6) == 0) {
                *instead = escapes[i][1];
                return length;
            }
        }
        length += 2;
        length += strcspn(at + length, "\\\"");
    }
    return length;
}

/* Writes a string with its quotes; returns the bytes consumed. */
static size_t put_string(layout_t *layout, const char *at)
{
    size_t length = 1, piece;
    const char *instead;

    put(layout, at, 1);
    do {
        piece = piece_of_string(at + length, &instead);
        put(layout, at + length, piece);
        length += piece;
        if (instead != NULL) {
            put(layout, instead, 1);
            length += 6;
        }
    } while (instead != NULL);
    if (at[length] == '"') {
        put(layout, at + length, 1);
        length++;
    }
    return length;
}

/* Writes an opening bracket, or both of an empty pair; returns the bytes consumed. */
static size_t open_at(layout_t *layout, const char *at)
{
    size_t gap = 1 + spaces(at + 1);

    put(layout, at, 1);
    if (at[gap] == ']' || at[gap] == '}') {
        put(layout, at + gap, 1);
        return gap + 1;
    }
    layout->level++;
    new_line(layout);
    return gap;
}

static size_t put_next(layout_t *layout, const char *at)
{
    size_t length = 1;

    switch (*at) {
    case '{':
    case '[':
        return open_at(layout, at);
    case '}':
    case ']':
        layout->level--;
        new_line(layout);
        put(layout, at, 1);
        break;
    case ',':
        put(layout, at, 1);
        new_line(layout);
        break;
    case ':':
        put(layout, ": ", layout->indent > 0 ? 2 : 1);
        break;
    case '"':
        return put_string(layout, at);
    default:
        length = strcspn(at, "{}[],:\" \t\r\n");
        put(layout, at, length);
        break;
    }
    return length;
}

char *layout_json(const char *json, int indent)
{
    layout_t layout = { .text = memory_get(1, 1), .room = 1, .indent = indent };

    for (json += spaces(json); *json != '\0'; json += spaces(json)) {
        json += put_next(&layout, json);
    }
    layout.text[layout.length] = '\0';
    return layout.text;
}
