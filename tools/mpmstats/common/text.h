/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/text.h
 * @brief Text that is safe for a terminal, and its width in columns.
 *
 * Safe text contains printable characters only: no control bytes, no invalid
 * sequences, no format characters such as bidi overrides, and only ASCII where
 * the locale is not UTF-8. Text from a server, a file or the command line passes
 * text_safe() first; the other functions take safe text. The caller frees
 * returned strings.
 */
#ifndef MPMSTATS_CLI_COMMON_TEXT_H
#define MPMSTATS_CLI_COMMON_TEXT_H

#include <stddef.h>
#include <stdio.h>

/**
 * A safe copy: unprintable characters become \x1b or \u{202e}, a backslash is doubled. Do not
 * apply it to safe text.
 */
char *text_safe(const char *raw);

/** A copy with U+FFFD in place of invalid UTF-8; the caller frees it. */
char *text_utf8(const char *raw);

/** Columns of safe text. */
size_t text_width(const char *safe);

/** Length in bytes of the longest prefix of safe text that fits @a columns. */
size_t text_prefix(const char *safe, size_t columns);

/** Prints safe text in exactly @a columns: cut with an ellipsis, or padded on the right. */
void text_print_left(FILE *out, const char *safe, size_t columns);

/** The same, padded on the left. */
void text_print_right(FILE *out, const char *safe, size_t columns);

/**
 * Prints safe text and a line end, wrapped between words at @a width columns; 0: in one line.
 */
void text_print_words(FILE *out, const char *safe, int width);

/** Prints @a count spaces. */
void text_spaces(FILE *out, size_t count);

/**
 * Prints json_dumps() output safely: characters that are not safe become \uXXXX,
 * which is equivalent JSON.
 */
void text_print_json(FILE *out, const char *json);

#endif
