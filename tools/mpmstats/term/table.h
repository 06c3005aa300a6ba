/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  term/table.h
 * @brief Tables that fit the line: narrow columns are kept, wide ones cut, the least wanted
 * dropped.
 *
 * Cells are safe text (text.h); the table takes them over and frees them. A column without any
 * known cell is not shown.
 */
#ifndef MPMSTATS_CLI_TERM_TABLE_H
#define MPMSTATS_CLI_TERM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/terminal.h"

typedef struct {
    const char *title;
    bool right; /**< numbers: aligned at their end */
    /** scoreboard letters, coloured one by one; wrapped over lines, last column only */
    bool letters;
    bool words;   /**< a sentence; wrapped over lines between words, last column only */
    size_t least; /**< may be cut down to so many columns; 0: never cut */
    int drop;     /**< dropped when the line is still too long, highest first; 0: never */
} column_t;

typedef struct table table_t;

/** @a columns must live as long as the table. */
table_t *table_new(const column_t *columns, size_t count);

/** The next cell, row by row. @a text NULL is "not known". */
void table_cell(table_t *table, char *text, style_e style);

/** Prints heading and rows in lines of at most @a width columns; 0: as long as need be. */
void table_print(table_t *table, FILE *out, int width);

void table_free(table_t *table);

/** Colour of a scoreboard letter. */
style_e table_letter_style(char letter);

#endif
