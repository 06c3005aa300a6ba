/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/escape.h
 * @brief Bytes from a client, made harmless for HTML, JSON and a terminal.
 *
 * The input is any bytes; the output is always valid UTF-8 (escape_ascii(): ASCII) that means the
 * same to every reader:
 *
 * | input                              | html        | json          | terminal, ascii |
 * |------------------------------------|-------------|---------------|-----------------|
 * | its own special characters         | `&lt;` …    | `\"` `\\` `\u003c` | `\\`       |
 * | C0 control bytes, DEL              | U+2400 … (a picture of the control) | `\n` … or `\u001b` | `\n` `\r` `\t` or `\x1b` |
 * | C1 controls, characters that reorder or hide text | U+FFFD | `\u202e`    | `\u{202e}`     |
 * | not UTF-8 (overlong forms, surrogates, above U+10FFFF, cut short) | U+FFFD for each maximal part | the same | `\x80` for each byte |
 * | any other character                | itself      | itself        | itself; ascii: `\u{e9}` |
 *
 * JSON also escapes `<`, `>` and `&`, so that it can stand inside an HTML page; the quotes around a
 * string are the caller's. HTML is safe as text and in a quoted attribute value.
 *
 * Threads: any; no state. Nothing is allocated. Units: bytes.
 */
#ifndef MPMSTATS_BASE_ESCAPE_H
#define MPMSTATS_BASE_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Takes @a len bytes (more than 0, whole characters and whole escapes only); they are valid only
 * during the call.
 */
typedef void (*escape_sink_fn)(void *sink, const char *data, size_t len);

/* To a sink: pieces in order, long stretches that need no escaping in one piece. */
void escape_html(escape_sink_fn put, void *sink, const char *src, size_t len);
void escape_json(escape_sink_fn put, void *sink, const char *src, size_t len);
void escape_terminal(escape_sink_fn put, void *sink, const char *src, size_t len);
void escape_ascii(escape_sink_fn put, void *sink, const char *src, size_t len);

/*
 * To a buffer of @a size bytes, NUL included (0: nothing is written). What does not fit is left
 * out, but never a part of a character or of an escape.
 * Returns the length of the whole, so that a result of @a size or more says that it was cut.
 */
size_t escape_html_buf(char *dst, size_t size, const char *src, size_t len);
size_t escape_json_buf(char *dst, size_t size, const char *src, size_t len);
size_t escape_terminal_buf(char *dst, size_t size, const char *src, size_t len);
size_t escape_ascii_buf(char *dst, size_t size, const char *src, size_t len);

/**
 * Length of the string in a field of @a size bytes, as in the scoreboard: up to its NUL or the end.
 * If it fills the field (with or without its NUL) and the last character was cut, that character is
 * left out.
 */
size_t escape_field(const char *field, size_t size);

/** escape_decode(): a byte, or the beginning of a character, that is no UTF-8. */
#define ESCAPE_INVALID (-1)

/**
 * One character of at most @a len bytes (1 at least) at @a src.
 * @param code its code point, or ESCAPE_INVALID
 * @return its bytes; of what is invalid, the longest part that could have begun a character (1 at
 * least)
 */
size_t escape_decode(const char *src, size_t len, int32_t *code);

/** Whether a character reorders, hides or breaks the text around it, or has no look of its own. */
bool escape_deceptive(int32_t code);

#endif
