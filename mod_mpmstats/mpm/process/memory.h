/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/memory.h
 * @brief MaxMemoryPerChild, and returning freed memory to the system. Ticker
 * (prefork: the only thread).
 */
#ifndef MPMSTATS_MPM_PROCESS_MEMORY_H
#define MPMSTATS_MPM_PROCESS_MEMORY_H

#include "apr_time.h"

/** Private memory of this process in bytes, 0 if unknown. */
apr_int64_t memory_private(void);

/** Every 2 seconds: drain the child if it is above MaxMemoryPerChild. */
void memory_look(apr_time_t now);

/**
 * When the number of connections has changed much and is steady again, return freed memory to the
 * system: otherwise it stays in malloc()'s arenas, of which a process with many threads has many,
 * between what connections keep.
 * @param connections  current number of the process's connections
 */
void memory_return(apr_time_t now, int connections);

#endif
