/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/rarely.h
 * @brief Telling of what happens often once a second at most, and how often it has happened.
 */
#ifndef MPMSTATS_MPM_PROCESS_RARELY_H
#define MPMSTATS_MPM_PROCESS_RARELY_H

#include <stdatomic.h>

#include "apr_time.h"

/** All zero at first. */
typedef struct {
    _Atomic apr_time_t said; /**< monotonic; when it was told last */
    _Atomic unsigned times;  /**< since then */
} rarely_t;

/**
 * It has happened once more. How often since it was told last, if it is to be told now; otherwise
 * 0. Any thread.
 */
unsigned rarely_say(rarely_t *r);

#endif
