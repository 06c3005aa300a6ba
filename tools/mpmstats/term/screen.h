/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  term/screen.h
 * @brief Full-screen use of the terminal, restored however the program ends.
 *
 * Between screen_open() and screen_close() curses owns the terminal, and every
 * signal that would end or stop the program arrives at screen_signal_fd()
 * instead. One thread opens, draws and closes; threads started after
 * screen_open() block signals. A crash restores the terminal too; SIGKILL does not.
 */
#ifndef MPMSTATS_CLI_TERM_SCREEN_H
#define MPMSTATS_CLI_TERM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/failure.h"
#include "common/terminal.h"

/** Takes over the terminal. False and @a failure filled when stdout is not a capable terminal. */
bool screen_open(failure_t *failure);

/** Restores the terminal. No effect when the screen is not open. */
void screen_close(void);

/** Readable when screen_signal() has something to do. */
int screen_signal_fd(void);

/**
 * Handles one signal: resizes, stops and continues for the shell's job control, or
 * ends the program.
 */
void screen_signal(void);

int screen_rows(void);
int screen_columns(void);

/** Starts an empty frame; screen_show() displays it. */
void screen_clear(void);
void screen_show(void);

/** Makes the next screen_show() repaint the whole terminal. */
void screen_redraw(void);

/**
 * Writes safe text (text.h) at a position, cut after @a columns or at the line end;
 * returns the columns written. No effect outside the screen.
 */
int screen_put(int row, int column, int columns, style_e style, const char *safe);

/** The same in reverse video, padded to @a columns. */
int screen_put_bar(int row, int column, int columns, style_e style, const char *safe);

/** Shows the cursor at a position; hides it when the position is outside the screen. */
void screen_cursor(int row, int column);

/** Keys other than characters; function keys are SCREEN_F(1) and so on. */
typedef enum {
    SCREEN_NONE = 0x200000, /**< nothing typed; above every code point */
    SCREEN_UP,
    SCREEN_DOWN,
    SCREEN_PAGE_UP,
    SCREEN_PAGE_DOWN,
    SCREEN_HOME,
    SCREEN_END,
    SCREEN_BACKSPACE,
    SCREEN_ENTER,
    SCREEN_TAB,
    SCREEN_ESCAPE,
    SCREEN_LOST,
    SCREEN_OTHER,
    SCREEN_F0 = 0x200100
} screen_key_e;
#define SCREEN_F(number) (SCREEN_F0 + (number))

/** The next key: a code point or one of the above; never blocks. SCREEN_LOST: terminal closed. */
int screen_key(void);

#endif
