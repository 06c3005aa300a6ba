/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/memory.h
 * @brief Memory, threads and processor time of each child, read from /proc by the parent.
 */
#ifndef MPMSTATS_STATS_RECORD_MEMORY_H
#define MPMSTATS_STATS_RECORD_MEMORY_H

/** In the parent: samples every process; shared memory, which is costly, only of a few. */
void record_memory_look(void);

#endif
