/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/memory.h
 * @brief Memory, threads and processor time of each child, as /proc tells the parent.
 */
#ifndef MPMSTATS_STATS_RECORD_MEMORY_H
#define MPMSTATS_STATS_RECORD_MEMORY_H

/** In the parent: looks at every process; at the costly part, shared memory, at a few of them. */
void record_memory_look(void);

#endif
