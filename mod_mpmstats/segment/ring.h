/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/ring.h
 * @brief The ring of events in a segment: the last few things that happened.
 *
 * Any thread of any process may write, without a lock: each event takes a number, and with it a
 * place, for which its record's `turn` is the seqlock. A writer that finds its place taken by a
 * later event, or being written, gives up (`events_lost`): so a place has one writer at a time. One
 * that is killed in the middle leaves a record that readers pass over; that place is lost.
 *
 * Reading is segment_read.h's.
 */
#ifndef MPMSTATS_SEGMENT_RING_H
#define MPMSTATS_SEGMENT_RING_H

#include "segment/write.h"

/**
 * Writes an event.
 * @param time  microseconds since the epoch
 * @param pid   process it is about; 0: the server
 * @param a, b  as SEGMENT_EVENTS says
 * @param text  cut to its field; may be ""
 */
void segment_ring_put(segment_t *segment, segment_event_e kind, uint64_t time, uint64_t pid,
                      uint64_t a, uint64_t b, const char *text);

#endif
