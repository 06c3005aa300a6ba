/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/memory.h
 * @brief MaxMemoryPerChild: retiring a child that has grown too large; and giving back what a rush
 * has left. Ticker only.
 */
#ifndef MPMSTATS_MPM_PROCESS_MEMORY_H
#define MPMSTATS_MPM_PROCESS_MEMORY_H

#include "apr_time.h"

/** Private memory of this process in bytes, 0 when it cannot be told. */
apr_int64_t memory_private(void);

/** Look, now and then, and stop the child gracefully when it is above its limit. */
void memory_look(apr_time_t now);

/**
 * Gives memory back to the system, when a rush is over: what was freed stays with the process
 * otherwise, spread over malloc()'s arenas, of which many threads have many.
 * @param connections  that the process holds now
 */
void memory_return(apr_time_t now, int connections);

#endif
