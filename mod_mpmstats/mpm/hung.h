/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/hung.h
 * @brief Telling of workers that have been in one run for too long. Ticker only.
 */
#ifndef MPM_HUNG_H
#define MPM_HUNG_H

#include "apr_time.h"

/** Before the first look. */
void hung_child_init(void);

/** Look at all workers; each run that is too long (MPMHungRequestTime) is logged once. */
void hung_look(apr_time_t now);

#endif
