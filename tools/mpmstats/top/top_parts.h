/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  top/top_parts.h
 * @brief The parts of the screen of `top`, for top_draw.c.
 *
 * screen_put() clips everything, so a small screen shows less.
 */
#ifndef MPMSTATS_CLI_TOP_TOP_PARTS_H
#define MPMSTATS_CLI_TOP_TOP_PARTS_H

#include "common/terminal.h"
#include "top/top.h"

/** Gap between columns. */
#define TOP_GAP 2

/** screen_put() that frees @a safe; returns the columns written. */
int top_put(int row, int column, style_e style, char *safe);

/** Title, alarm, bars and rates from row 0, leaving room for a list; returns the next row. */
int top_draw_header(const top_t *top, double now);

/** Tabs, headings and rows from @a row on; sets top->page, scrolls the selection into it. */
void top_draw_list(top_t *top, int row);

#endif
