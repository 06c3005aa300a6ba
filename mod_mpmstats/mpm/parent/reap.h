/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/reap.h
 * @brief The ends of children.
 */
#ifndef MPMSTATS_MPM_PARENT_REAP_H
#define MPMSTATS_MPM_PARENT_REAP_H

#include "mpm/parent/procs.h"

/** Our child of that pid has ended: clear up after it. Non-zero if it was one of ours.
 *  @param generation  out: of the child
 *  @param lived       out: µs since it was started */
int reap_ended(pid_t pid, int *generation, apr_interval_time_t *lived);

/** Whether any process is waiting to be reaped. */
int reap_zombies(void);

/**
 * Wait until all children have ended, first patiently, then with SIGTERM, in the
 * end with SIGKILL; other children of httpd are looked after as well.
 */
void reap_reclaim(void);

/** The process of @a entry is no more: clear up after it. */
void reap_note_ended(int entry);

#endif
