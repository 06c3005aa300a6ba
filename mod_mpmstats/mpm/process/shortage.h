/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/shortage.h
 * @brief Logs shortages of system resources: the begin, with the limit to raise, and the end.
 *
 * A shortage is an interval from the first refusal until there was none for SHORTAGE_QUIET. It is
 * counted and logged once per server, by the process that is refused first. The state is in shared
 * memory and may be wrong; it only decides whether a message is written.
 */
#ifndef MPMSTATS_MPM_PROCESS_SHORTAGE_H
#define MPMSTATS_MPM_PROCESS_SHORTAGE_H

#include <stdbool.h>

#include "apr_errno.h"
#include "apr_time.h"
#include "mpm/mpm_hybrid.h"

/** A shortage ends after this time without a refusal. */
#define SHORTAGE_QUIET apr_time_from_sec(2)

/** Retry interval of accepting without descriptors or memory. */
#define SHORTAGE_PAUSE apr_time_from_msec(100)

/** Whether @a rv reports a shortage of descriptors or memory. */
bool shortage_is(apr_status_t rv);

/**
 * Note that this process cannot @a what ("accept connections") because of @a rv, a shortage_is()
 * status. Any thread.
 */
void shortage_of(apr_status_t rv, const char *what);

/** Note that this process cannot accept because of @a rv, a shortage_is() status. Any thread. */
void shortage_of_accepting(apr_status_t rv);

/** The same, then sleep for SHORTAGE_PAUSE. */
void shortage_pause_accepting(apr_status_t rv);

/** Note that a thread or process could not be created; @a have: existing threads. Any thread. */
void shortage_of_threads(apr_status_t rv, int have);
void shortage_of_processes(apr_status_t rv);

/** Parent, about once a second: check the log's disk and the clock, log shortages that ended. */
void shortage_look(apr_time_t now);

/** Parent: note that an accept queue is full, with @a most connections. */
void shortage_of_queue(int most);

#endif
