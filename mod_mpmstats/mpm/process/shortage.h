/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/shortage.h
 * @brief Telling of what the system has refused: once when it begins, with the limit to raise, and
 * when it is over.
 *
 * A shortage is an interval: it begins with the first refusal and is over when there was none for
 * SHORTAGE_QUIET. It concerns the server: whichever process is refused first tells of it, the
 * others do not repeat it, and it is counted once. The state lies in shared memory and may be
 * wrong; all it decides is whether a message is written.
 */
#ifndef MPMSTATS_MPM_PROCESS_SHORTAGE_H
#define MPMSTATS_MPM_PROCESS_SHORTAGE_H

#include "apr_errno.h"
#include "apr_time.h"
#include "mpm/mpm_hybrid.h"

/** Over when nothing was refused for so long. */
#define SHORTAGE_QUIET apr_time_from_sec(2)

/** Without descriptors or memory there is no use in trying again sooner. */
#define SHORTAGE_PAUSE apr_time_from_msec(100)

/** Whether @a rv says that descriptors or memory are short. */
int shortage_is(apr_status_t rv);

/**
 * This process cannot @a what ("accept connections") because of @a rv, for which shortage_is(). Any
 * thread.
 */
void shortage_of(apr_status_t rv, const char *what);

/** This process cannot accept because of @a rv, for which shortage_is(). Any thread. */
void shortage_of_accepting(apr_status_t rv);

/** The same, and then sleep for SHORTAGE_PAUSE. */
void shortage_pause_accepting(apr_status_t rv);

/** No thread or process could be created. Any thread. */
void shortage_of_threads(apr_status_t rv, int have);
void shortage_of_processes(apr_status_t rv);

/** Parent, at most about once a second: look at what nobody else sees, and tell what is over. */
void shortage_look(apr_time_t now);

/** Parent: the accept queue of a socket holds all of the @a most connections it can. */
void shortage_of_queue(int most);

#endif
