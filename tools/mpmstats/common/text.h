/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/text.h
 * @brief Text a terminal may be given, and its width in columns.
 *
 * "Safe" text holds only what the terminal prints: no control byte, nothing
 * invalid, no character without a place of its own such as a bidi override, and
 * only ASCII where the locale is not UTF-8. Everything that came from a server,
 * a file or the command line passes text_safe() first; the other functions take
 * safe text. Strings returned are the caller's to free.
 */
#ifndef MPMSTATS_CLI_COMMON_TEXT_H
#define MPMSTATS_CLI_COMMON_TEXT_H

#include <stddef.h>
#include <stdio.h>

/**
 * A safe copy; what cannot be shown is spelt out (\x1b, \u{202e}), a backslash is doubled. Not for
 * safe text.
 */
char *text_safe(const char *raw);

/** The same bytes with U+FFFD for what is not UTF-8; the caller frees it. */
char *text_utf8(const char *raw);

/** Columns of safe text. */
size_t text_width(const char *safe);

/** Bytes at the front of safe text that fill at most @a columns. */
size_t text_prefix(const char *safe, size_t columns);

/** Prints safe text in exactly @a columns: cut with an ellipsis, or padded at the end. */
void text_print_left(FILE *out, const char *safe, size_t columns);

/** The same, padded at the front. */
void text_print_right(FILE *out, const char *safe, size_t columns);

/**
 * Prints safe text and a line end, in lines of at most @a width columns broken between words; 0: in
 * one line.
 */
void text_print_words(FILE *out, const char *safe, int width);

/** Prints @a count spaces. */
void text_spaces(FILE *out, size_t count);

/**
 * Prints json_dumps() output so that a terminal shows it harmlessly: characters
 * that are not safe become \uXXXX, which means the same in JSON.
 */
void text_print_json(FILE *out, const char *json);

#endif
