/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/board.h
 * @brief httpd's scoreboard for readers of the segment: where it is, and how it is laid out.
 *
 * For the parent, and a child that begins before its parent has described it; the last for any.
 */
#ifndef MPMSTATS_STATS_RECORD_BOARD_H
#define MPMSTATS_STATS_RECORD_BOARD_H

#include "segment/board.h"
#include "segment/write.h"

/** Fields that are described. */
unsigned record_board_fields(void);

/**
 * Bytes to keep in the segment for the scoreboard; 0: it goes elsewhere. Once the MPM has read its
 * directives.
 */
size_t record_board_size(void);

/** Before httpd makes its scoreboard: has it use the room in the segment, the first time. */
void record_board_place(segment_t *segment);

/** Once there is a scoreboard: says in the segment where it is. */
void record_board_describe(segment_t *segment);

/** In any process, for a request that reads it: the scoreboard as this process has it. */
board_t *record_board_open(const segment_view_t *view);

#endif
