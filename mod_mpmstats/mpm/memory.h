/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/memory.h
 * @brief MaxMemoryPerChild: retiring a child that has grown too large. Ticker only.
 */
#ifndef MPM_MEMORY_H
#define MPM_MEMORY_H

#include "apr_time.h"

/** Private memory of this process in bytes, 0 when it cannot be told. */
apr_int64_t memory_private(void);

/** Look, now and then, and stop the child gracefully when it is above its limit. */
void memory_look(apr_time_t now);

#endif
