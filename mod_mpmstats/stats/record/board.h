/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/board.h
 * @brief Describes httpd's scoreboard in the segment: its location and its layout.
 *
 * In the parent, or in a child that starts before the parent has described it; record_board_open()
 * in any process.
 */
#ifndef MPMSTATS_STATS_RECORD_BOARD_H
#define MPMSTATS_STATS_RECORD_BOARD_H

#include "segment/board.h"
#include "segment/write.h"

/** The number of described fields. */
unsigned record_board_fields(void);

/**
 * Bytes to reserve in the segment for the scoreboard; 0: it is placed elsewhere. After the MPM has
 * read its directives.
 */
size_t record_board_size(void);

/** Before httpd first creates its scoreboard: places it in the segment. */
void record_board_place(segment_t *segment);

/** After the scoreboard exists: describes it in the segment. */
void record_board_describe(segment_t *segment);

/** Opens this process's mapping of the scoreboard, for a request that reads it. */
board_t *record_board_open(void);

#endif
