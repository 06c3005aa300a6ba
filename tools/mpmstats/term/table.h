/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  term/table.h
 * @brief Tables that fit the line: wide columns are cut, then columns dropped by priority.
 *
 * Cells are safe text (text.h); the table owns and frees them. A column without a known cell is
 * hidden.
 */
#ifndef MPMSTATS_CLI_TERM_TABLE_H
#define MPMSTATS_CLI_TERM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/terminal.h"

typedef struct {
    const char *title;
    bool right; /**< numbers: right-aligned */
    /** scoreboard letters, coloured one by one and wrapped; last column only */
    bool letters;
    bool words;   /**< a sentence, wrapped between words; last column only */
    size_t least; /**< minimum width when cut; 0: never cut */
    int drop;     /**< priority for dropping, highest first; 0: never */
} column_t;

typedef struct table table_t;

/** @a columns must live as long as the table. */
table_t *table_new(const column_t *columns, size_t count);

/** Appends a cell, row by row. NULL as @a text: unknown. */
void table_cell(table_t *table, char *text, style_e style);

/** Prints heading and rows in lines of at most @a width columns; 0: unlimited. */
void table_print(table_t *table, FILE *out, int width);

void table_free(table_t *table);

/** Colour of a scoreboard letter. */
style_e table_letter_style(char letter);

#endif
