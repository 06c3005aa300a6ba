/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_board.h
 * @brief The scoreboard as a picture: a coloured cell a worker, grouped by process, and its legend.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_BOARD_H
#define MPMSTATS_STATS_PAGE_HTML_BOARD_H

#include "stats/page/html.h"

void html_board_picture(const html_t *html);

/** Every state with its colour, its meaning and how many workers are in it. */
void html_board_legend(const html_t *html);

#endif
