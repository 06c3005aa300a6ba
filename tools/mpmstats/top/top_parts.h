/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  top/top_parts.h
 * @brief The parts of the picture of `top`, for top_draw.c.
 *
 * Everything is clipped by screen_put(), so a screen that is too small shows less
 * and nothing breaks.
 */
#ifndef MPMSTATS_CLI_TOP_TOP_PARTS_H
#define MPMSTATS_CLI_TOP_TOP_PARTS_H

#include "common/terminal.h"
#include "top/top.h"

/** Columns between two columns. */
#define TOP_GAP 2

/** Puts safe text that was made for it at a place, and frees it; returns the columns written. */
int top_put(int row, int column, style_e style, char *safe);

/**
 * Title, alarm, bars and rates from row 0 on, as many lines as leave room for a list; returns the
 * next row.
 */
int top_draw_header(const top_t *top, double now);

/** Tabs, headings and rows from @a row on; sets top->page and keeps the selection in it. */
void top_draw_list(top_t *top, int row);

#endif
