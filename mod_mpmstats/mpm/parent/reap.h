/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/reap.h
 * @brief Cleaning up after children that have ended.
 */
#ifndef MPMSTATS_MPM_PARENT_REAP_H
#define MPMSTATS_MPM_PARENT_REAP_H

#include <stdbool.h>

#include "mpm/parent/procs.h"

/**
 * Process @a pid has ended: if it was a child of the MPM, clean up after it and return true.
 * @param generation  out: of the child
 * @param lived       out: µs since it was started
 */
bool reap_ended(pid_t pid, int *generation, apr_interval_time_t *lived);

/** Whether any process is waiting to be reaped. */
bool reap_zombies(void);

/**
 * Wait until all children have ended; send SIGTERM after 3 and 5 seconds (prefork: also after 0.2),
 * SIGKILL after 9, return after 10. Handles httpd's other children (apr_proc_other_child), too.
 */
void reap_reclaim(void);

/** The process of @a entry has ended: clean up after it. */
void reap_note_ended(int entry);

#endif
