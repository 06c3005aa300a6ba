/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/terminal.h
 * @brief Capabilities of stdout: width, colours, UTF-8.
 *
 * terminal_init() is called once, before any output. The results then stay
 * constant, except the width, which is read at each call.
 */
#ifndef MPMSTATS_CLI_COMMON_TERMINAL_H
#define MPMSTATS_CLI_COMMON_TERMINAL_H

#include <stdbool.h>

typedef enum {
    STYLE_PLAIN,
    STYLE_TITLE, /**< headings */
    STYLE_FAINT, /**< idle, empty, secondary */
    STYLE_GOOD,
    STYLE_BUSY, /**< working */
    STYLE_WARN,
    STYLE_ALARM
} style_e;

/** Reads locale and environment. Colours need a terminal, no NO_COLOR, and @a colour. */
void terminal_init(bool colour);

bool terminal_is_tty(void);
bool terminal_has_colour(void);
bool terminal_is_utf8(void);

/** Columns of a line: the terminal's, else $COLUMNS, else 0 (unlimited). */
int terminal_width(void);

/** Escape sequence that starts a style, or that ends it (STYLE_PLAIN); "" without colours. */
const char *terminal_style(style_e style);

/** Drawing characters, in UTF-8 or ASCII. */
typedef enum {
    GLYPH_FULL,     /**< bar: in use */
    GLYPH_HALF,     /**< bar: ready */
    GLYPH_EMPTY,    /**< bar: rest */
    GLYPH_ELLIPSIS, /**< marks cut text; always one column */
    GLYPH_DOT,      /**< separator */
    GLYPH_DOWN,     /**< sorted in descending order */
    GLYPH_UP
} glyph_e;
const char *terminal_glyph(glyph_e glyph);

#endif
