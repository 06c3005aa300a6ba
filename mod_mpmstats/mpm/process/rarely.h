/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/rarely.h
 * @brief Rate limit for log messages: once a second, with the number of events.
 */
#ifndef MPMSTATS_MPM_PROCESS_RARELY_H
#define MPMSTATS_MPM_PROCESS_RARELY_H

#include <stdatomic.h>

#include "apr_time.h"

/** Initially all zero. */
typedef struct {
    _Atomic apr_time_t said; /**< monotonic; time of the last message */
    _Atomic unsigned times;  /**< events since then */
} rarely_t;

/** Count an event. The number of events since the last message, or 0 if none is due. Any thread. */
unsigned rarely_say(rarely_t *r);

#endif
