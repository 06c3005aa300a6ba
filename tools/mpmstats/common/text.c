/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Safe text: base/escape.h defines safe characters, wcwidth() their width.
 * Characters unknown to either are written as escapes.
 */
#include "common/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/escape.h"
#include "common/memory.h"
#include "common/terminal.h"

/* Decodes one character: returns its bytes, *code is its code point or ESCAPE_INVALID. */
static size_t decode(const char *at, int32_t *code)
{
    if ((unsigned char)*at < 0x80) { /* fast path: ASCII */
        *code = *at;
        return 1;
    }
    return escape_decode(at, strnlen(at, 4), code);
}

typedef struct {
    char *text;
    size_t length, room;
} buffer_t;

static void buffer_put(buffer_t *buffer, const char *data, size_t length)
{
    if (buffer->length + length + 1 > buffer->room) {
        buffer->room = (buffer->length + length + 1) * 2;
        buffer->text = memory_resize(buffer->text, buffer->room, 1);
    }
    memcpy(buffer->text + buffer->length, data, length);
    buffer->length += length;
    buffer->text[buffer->length] = '\0';
}

/* Writes characters of known width; others are escaped, as they would misalign the columns. */
static void put_measurable(void *sink, const char *data, size_t length)
{
    for (size_t at = 0, bytes; at < length; at += bytes) {
        char spelt[16];
        int32_t code;

        bytes = escape_decode(data + at, length - at, &code);
        if (code < 0x80 || wcwidth((wchar_t)code) >= 0) {
            buffer_put(sink, data + at, bytes);
        }
        else {
            snprintf(spelt, sizeof(spelt), "\\u{%x}", (unsigned)code);
            buffer_put(sink, spelt, strlen(spelt));
        }
    }
}

char *text_safe(const char *raw)
{
    buffer_t buffer = { memory_get(1, 1), 0, 1 };

    if (terminal_is_utf8()) {
        escape_terminal(put_measurable, &buffer, raw, strlen(raw));
    }
    else {
        escape_ascii(put_measurable, &buffer, raw, strlen(raw));
    }
    return buffer.text;
}

char *text_utf8(const char *raw)
{
    buffer_t buffer = { memory_get(1, 1), 0, 1 };

    for (size_t length; *raw != '\0'; raw += length) {
        int32_t code;

        length = decode(raw, &code);
        if (code == ESCAPE_INVALID) {
            buffer_put(&buffer, "\xef\xbf\xbd", 3);
        }
        else {
            buffer_put(&buffer, raw, length);
        }
    }
    return buffer.text;
}

/* Columns of the character at @a safe; *length is its bytes. */
static size_t columns_of(const char *safe, size_t *length)
{
    int32_t code;
    int width;

    *length = decode(safe, &code);
    width = code < 0x80 ? 1 : wcwidth((wchar_t)code);
    return width < 0 ? 0 : (size_t)width;
}

size_t text_width(const char *safe)
{
    size_t width = 0, length;

    for (; *safe != '\0'; safe += length) {
        width += columns_of(safe, &length);
    }
    return width;
}

size_t text_prefix(const char *safe, size_t columns)
{
    const char *at = safe;

    while (*at != '\0') {
        size_t length, width = columns_of(at, &length);

        if (width > columns) {
            break;
        }
        columns -= width;
        at += length;
    }
    return (size_t)(at - safe);
}

void text_spaces(FILE *out, size_t count)
{
    while (count-- > 0) {
        fputc(' ', out);
    }
}

/* Cuts to @a columns - 1 plus an ellipsis; a space replaces half a wide character. */
static void print_cut(FILE *out, const char *safe, size_t columns)
{
    size_t bytes = text_prefix(safe, columns - 1), rest = columns - 1;

    for (size_t at = 0, length; at < bytes; at += length) {
        rest -= columns_of(safe + at, &length);
    }
    fwrite(safe, 1, bytes, out);
    fputs(terminal_glyph(GLYPH_ELLIPSIS), out);
    text_spaces(out, rest);
}

void text_print_left(FILE *out, const char *safe, size_t columns)
{
    size_t width = text_width(safe);

    if (width > columns) {
        if (columns > 0) {
            print_cut(out, safe, columns);
        }
        return;
    }
    fputs(safe, out);
    text_spaces(out, columns - width);
}

void text_print_right(FILE *out, const char *safe, size_t columns)
{
    size_t width = text_width(safe);

    if (width < columns) {
        text_spaces(out, columns - width);
    }
    text_print_left(out, safe, width < columns ? width : columns);
}

void text_print_words(FILE *out, const char *safe, int width)
{
    do {
        size_t bytes = width > 0 ? text_prefix(safe, (size_t)width) : strlen(safe), space = bytes;

        while (safe[bytes] != '\0' && space > 0 && safe[space] != ' ') {
            space--;
        }
        if (safe[bytes] != '\0' && space > 0) {
            bytes = space;
        }
        fprintf(out, "%.*s\n", (int)bytes, safe);
        safe += bytes;
        safe += strspn(safe, " ");
        if (bytes == 0) {
            break;
        }
    } while (*safe != '\0');
}

static bool shown_in_json(int32_t code)
{
    if (code < 0x80) {
        return code == '\n' || (code >= 0x20 && code != 0x7f);
    }
    return terminal_is_utf8() && wcwidth((wchar_t)code) >= 0 && !escape_deceptive(code);
}

void text_print_json(FILE *out, const char *json)
{
    for (size_t length; *json != '\0'; json += length) {
        int32_t code;

        /* fast path */
        for (length = 0; json[length] == '\n' || (json[length] >= 0x20 && json[length] < 0x7f);
             length++) {
            ;
        }
        fwrite(json, 1, length, out);
        json += length;
        if (*json == '\0') {
            break;
        }
        length = decode(json, &code);
        if (shown_in_json(code)) {
            fwrite(json, 1, length, out);
        }
        else if (code > 0xffff) {
            fprintf(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)),
                    (unsigned)(0xdc00 + (code & 0x3ff)));
        }
        else {
            fprintf(out, "\\u%04x", code == ESCAPE_INVALID ? 0xfffdu : (unsigned)code);
        }
    }
}
