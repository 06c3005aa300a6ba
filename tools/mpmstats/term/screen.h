/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  term/screen.h
 * @brief The terminal as a whole screen, and giving it back whatever happens.
 *
 * Between screen_open() and screen_close() curses owns the terminal, and every
 * signal that would end or stop the program arrives at screen_signal_fd()
 * instead. One thread opens, draws and closes; threads started after
 * screen_open() take no signals. A crash restores the terminal too; only SIGKILL
 * cannot be helped.
 */
#ifndef MPMSTATS_CLI_TERM_SCREEN_H
#define MPMSTATS_CLI_TERM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/failure.h"
#include "common/terminal.h"

/** Takes the terminal over. False and @a failure filled when it is none or cannot do it. */
bool screen_open(failure_t *failure);

/** Gives it back. Harmless when it is not open. */
void screen_close(void);

/** Readable when screen_signal() has something to do. */
int screen_signal_fd(void);

/**
 * Takes one signal: adapts to a new size, stops and continues with the shell's
 * job control, and does not return from one that ends the program.
 */
void screen_signal(void);

int screen_rows(void);
int screen_columns(void);

/** Begins a new picture; screen_show() puts it on the terminal. */
void screen_clear(void);
void screen_show(void);

/** Everything is sent anew with the next screen_show(), whatever has scribbled on the terminal. */
void screen_redraw(void);

/**
 * Writes safe text (text.h) at a place, cut where @a columns or the line end;
 * returns the columns written. Outside the screen nothing happens.
 */
int screen_put(int row, int column, int columns, style_e style, const char *safe);

/** The same in reverse video, padded to @a columns. */
int screen_put_bar(int row, int column, int columns, style_e style, const char *safe);

/** Shows the cursor there, or hides it where the place is outside the screen. */
void screen_cursor(int row, int column);

/** Keys that are no character; those of the function keys are SCREEN_F(1) and so on. */
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

/**
 * The next key, a code point or one of the above; never waits. SCREEN_LOST: the terminal has gone.
 */
int screen_key(void);

#endif
