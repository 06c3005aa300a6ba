/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/escape.h
 * @brief Escapes bytes from a client for HTML, JSON and a terminal.
 *
 * The input is any bytes; the output is always valid UTF-8 (escape_ascii(): ASCII) that every
 * reader decodes alike:
 *
 * | input                              | html        | json          | terminal, ascii |
 * |------------------------------------|-------------|---------------|-----------------|
 * | its own special characters         | `&lt;` …    | `\"` `\\` `\u003c` | `\\`       |
 * | C0 control bytes, DEL              | U+2400 … (a picture of the control) | `\n` … or `\u001b` | `\n` `\r` `\t` or `\x1b` |
 * | C1 controls, characters that reorder or hide text | U+FFFD | `\u202e`    | `\u{202e}`     |
 * | not UTF-8 (overlong forms, surrogates, above U+10FFFF, cut short) | U+FFFD for each maximal part | the same | `\x80` for each byte |
 * | any other character                | itself      | itself        | itself; ascii: `\u{e9}` |
 *
 * JSON also escapes `<`, `>` and `&`, so that it can be embedded in an HTML page; the caller
 * writes the quotes around a string. HTML is safe as text and in a quoted attribute value.
 *
 * Threads: any; no state, no allocation. Units: bytes.
 */
#ifndef MPMSTATS_BASE_ESCAPE_H
#define MPMSTATS_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Receives @a len bytes (more than 0, whole characters and whole escapes only), valid during the
 * call only.
 */
typedef void (*escape_sink_fn)(void *sink, const char *data, size_t len);

/* To a sink: pieces in order; a run of bytes that needs no escaping is one piece. */
void escape_html(escape_sink_fn put, void *sink, const char *src, size_t len);
void escape_json(escape_sink_fn put, void *sink, const char *src, size_t len);
void escape_terminal(escape_sink_fn put, void *sink, const char *src, size_t len);
void escape_ascii(escape_sink_fn put, void *sink, const char *src, size_t len);

/**
 * HTML to a buffer of @a size bytes, NUL included (0: nothing is written). The output is cut to fit,
 * never inside a character or an entity.
 * Returns the length of the uncut output: a result of @a size or more means that it was cut.
 */
size_t escape_html_buf(char *dst, size_t size, const char *src, size_t len);

/**
 * Length of the string in a fixed field of @a size bytes, as in the scoreboard: up to its NUL or
 * the end, less a last character that was cut because the string fills the field.
 */
size_t escape_field(const char *field, size_t size);

/** escape_decode(): a byte, or the beginning of a character, that is not UTF-8. */
#define ESCAPE_INVALID (-1)

/**
 * Decodes one character of the @a len bytes (1 at least) at @a src.
 * @param code its code point, or ESCAPE_INVALID
 * @return its length; of an invalid sequence, the longest prefix that could begin a character (1 at
 * least)
 */
size_t escape_decode(const char *src, size_t len, int32_t *code);

/** Whether a character reorders, hides or breaks the text around it, or is invisible. */
bool escape_deceptive(int32_t code);

#endif
