/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/ring.h
 * @brief The ring of events in a segment: the latest events.
 *
 * Any thread of any process may write, without a lock: each event takes a number, which selects a
 * record, whose `turn` is a seqlock. A writer gives up (`events_lost`) if a later event has the
 * record or another writer is at it: so a record has one writer at a time. A writer killed in the
 * middle leaves a record that readers skip and writers never reuse.
 *
 * Reading: segment/read.h.
 */
#ifndef MPMSTATS_SEGMENT_RING_H
#define MPMSTATS_SEGMENT_RING_H

#include "segment/write.h"

/**
 * Writes an event.
 * @param time  microseconds since the epoch
 * @param pid   the process concerned; 0: the server
 * @param a, b  see SEGMENT_EVENTS
 * @param text  cut to its field; may be ""
 */
void segment_ring_put(segment_t *segment, segment_event_e kind, uint64_t time, uint64_t pid,
                      uint64_t a, uint64_t b, const char *text);

#endif
