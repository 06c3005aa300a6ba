/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_board.h
 * @brief The scoreboard as a picture: a coloured cell for each worker, by process, and a legend.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_BOARD_H
#define MPMSTATS_STATS_PAGE_HTML_BOARD_H

#include "stats/page/html.h"

void html_board_picture(const html_t *html);

/** Every state with its colour, its meaning and its number of workers. */
void html_board_legend(const html_t *html);

#endif
