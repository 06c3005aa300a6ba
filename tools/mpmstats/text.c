/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Safe text. Widths are the C library's (wcwidth); what it does not know is
 * spelt out rather than guessed.
 */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "memory.h"
#include "terminal.h"

/* One character at @a at: its bytes, and its code point; -1 for a byte that is not UTF-8. */
static size_t decode(const unsigned char *at, int32_t *code)
{
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    int32_t value = length == 1 ? at[0] : at[0] & (0x7f >> length);

    *code = -1;
    if (at[0] >= 0xf8 || (at[0] >= 0x80 && at[0] < 0xc0))
        return 1;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) /* the NUL too */
            return 1;
        value = value << 6 | (at[i] & 0x3f);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 1;
    *code = value;
    return length;
}

/* Characters wcwidth() passes that reorder, hide or break what is around them, or have no agreed look. */
static bool deceptive(int32_t code)
{
    static const int32_t ranges[][2] = {
        {0xad, 0xad},       {0x34f, 0x34f},     {0x600, 0x605},     {0x61c, 0x61c},
        {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},     {0x8e2, 0x8e2},
        {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},
        {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},   {0xe000, 0xf8ff},
        {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1345f}, {0x1bca0, 0x1bca3},
        {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    }
    return false;
}

static bool printable(int32_t code)
{
    if (code < 0x80)
        return code >= 0x20 && code != 0x7f;
    return terminal_is_utf8() && wcwidth((wchar_t)code) >= 0 && !deceptive(code);
}

char *text_safe(const char *raw)
{
    const unsigned char *at = (const unsigned char *)raw;
    char *safe = memory_get(strlen(raw) + 1, 10); /* a 2-byte character may take 8: \u{9b} and so on */
    char *out = safe;

    while (*at != '\0') {
        int32_t code;
        size_t length = decode(at, &code);

        if (code < 0 || (code < 0x80 && !printable(code))) {
            out += sprintf(out, "\\x%02x", at[0]);
        } else if (!printable(code)) {
            out += sprintf(out, "\\u{%x}", (unsigned)code);
        } else {
            memcpy(out, at, length);
            out += length;
        }
        at += length;
    }
    return safe;
}

/* Columns of the character at @a safe, and its bytes. */
static size_t columns_of(const char *safe, size_t *length)
{
    int32_t code;
    int width;

    *length = decode((const unsigned char *)safe, &code);
    width = code < 0x80 ? 1 : wcwidth((wchar_t)code);
    return width < 0 ? 0 : (size_t)width;
}

size_t text_width(const char *safe)
{
    size_t width = 0, length;

    for (; *safe != '\0'; safe += length)
        width += columns_of(safe, &length);
    return width;
}

size_t text_prefix(const char *safe, size_t columns)
{
    const char *at = safe;

    while (*at != '\0') {
        size_t length, width = columns_of(at, &length);

        if (width > columns)
            break;
        columns -= width;
        at += length;
    }
    return (size_t)(at - safe);
}

void text_spaces(FILE *out, size_t count)
{
    while (count-- > 0)
        fputc(' ', out);
}

/* Cuts to @a columns - 1 and an ellipsis; half a wide character is replaced by a space. */
static void print_cut(FILE *out, const char *safe, size_t columns)
{
    size_t bytes = text_prefix(safe, columns - 1), rest = columns - 1;

    for (size_t at = 0, length; at < bytes; at += length)
        rest -= columns_of(safe + at, &length);
    fwrite(safe, 1, bytes, out);
    fputs(terminal_glyph(GLYPH_ELLIPSIS), out);
    text_spaces(out, rest);
}

void text_print_left(FILE *out, const char *safe, size_t columns)
{
    size_t width = text_width(safe);

    if (width > columns) {
        if (columns > 0)
            print_cut(out, safe, columns);
        return;
    }
    fputs(safe, out);
    text_spaces(out, columns - width);
}

void text_print_right(FILE *out, const char *safe, size_t columns)
{
    size_t width = text_width(safe);

    if (width < columns)
        text_spaces(out, columns - width);
    text_print_left(out, safe, width < columns ? width : columns);
}

void text_print_json(FILE *out, const char *json)
{
    const unsigned char *at = (const unsigned char *)json;

    while (*at != '\0') {
        int32_t code;
        size_t length = decode(at, &code);

        if (*at == '\n' || (code >= 0 && printable(code)))
            fwrite(at, 1, length, out);
        else if (code > 0xffff)
            fprintf(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)),
                    (unsigned)(0xdc00 + (code & 0x3ff)));
        else
            fprintf(out, "\\u%04x", code < 0 ? 0xfffdu : (unsigned)code);
        at += length;
    }
}
