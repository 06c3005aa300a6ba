/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/clock.h
 * @brief The clock of deadlines and durations.
 */
#ifndef MPMSTATS_BASE_CLOCK_H
#define MPMSTATS_BASE_CLOCK_H

#include "apr_time.h"

/** CLOCK_MONOTONIC in µs: the same in all processes of the machine, unaffected by clock changes. */
apr_time_t clock_now(void);

#endif
