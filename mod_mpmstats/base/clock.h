/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/clock.h
 * @brief The clock of deadlines and durations, which nobody can set.
 */
#ifndef MPMSTATS_BASE_CLOCK_H
#define MPMSTATS_BASE_CLOCK_H

#include "apr_time.h"

/** Monotonic time in µs (CLOCK_MONOTONIC): the same in all processes of the machine. */
apr_time_t clock_now(void);

#endif
