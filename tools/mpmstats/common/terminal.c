/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities of stdout. Only the eight ECMA-48 colours are used, so no terminfo is
 * needed.
 */
#include "common/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Written by terminal_init() only. */
static bool is_tty, is_utf8, with_colour;

static bool colour_wanted(void)
{
    const char *off = getenv("NO_COLOR"), *term = getenv("TERM");

    if (off != NULL && off[0] != '\0') {
        return false;
    }
    return term != NULL && strcmp(term, "dumb") != 0;
}

void terminal_init(bool colour)
{
    /* not LC_ALL: keeps the decimal point, for scripts and JSON */
    setlocale(LC_CTYPE, "");
    is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    is_tty = isatty(STDOUT_FILENO) == 1;
    with_colour = colour && is_tty && colour_wanted();
}

bool terminal_is_tty(void)
{
    return is_tty;
}

bool terminal_has_colour(void)
{
    return with_colour;
}

bool terminal_is_utf8(void)
{
    return is_utf8;
}

static int clamp_width(long width)
{
    return width < 20 ? 20 : width > 10000 ? 10000 : (int)width;
}

int terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    if (is_tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return clamp_width(size.ws_col);
    }
    if (columns != NULL && strtol(columns, NULL, 10) > 0) {
        return clamp_width(strtol(columns, NULL, 10));
    }
    return is_tty ? 80 : 0;
}

const char *terminal_style(style_e style)
{
    static const char *const sequences[] = {
        [STYLE_PLAIN] = "\033[0m",    [STYLE_TITLE] = "\033[1m", [STYLE_FAINT] = "\033[2m",
        [STYLE_GOOD] = "\033[32m",    [STYLE_BUSY] = "\033[36m", [STYLE_WARN] = "\033[33m",
        [STYLE_ALARM] = "\033[1;31m",
    };

    return with_colour ? sequences[style] : "";
}

const char *terminal_glyph(glyph_e glyph)
{
    static const char *const glyphs[][2] = {
        [GLYPH_FULL] = { "#", "\u2588" },  [GLYPH_HALF] = { "=", "\u2592" },
        [GLYPH_EMPTY] = { ".", "\u2591" }, [GLYPH_ELLIPSIS] = { "~", "\u2026" },
        [GLYPH_DOT] = { "|", "\u00b7" },   [GLYPH_DOWN] = { "v", "\u25bd" },
        [GLYPH_UP] = { "^", "\u25b3" },
    };

    return glyphs[glyph][is_utf8];
}
