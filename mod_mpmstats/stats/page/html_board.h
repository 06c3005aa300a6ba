/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html_board.h
 * @brief The scoreboard as a picture: a coloured cell a worker, grouped by process, and its legend.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_BOARD_H
#define MPMSTATS_STATS_PAGE_HTML_BOARD_H

#include "render/out.h"
#include "figures/snapshot.h"

void html_board_picture(out_t *out, const snapshot_t *snapshot);

/** Every state with its colour, its meaning and how many workers are in it. */
void html_board_legend(out_t *out, const snapshot_t *snapshot);

#endif
