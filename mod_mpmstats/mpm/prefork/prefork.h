/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/prefork.h
 * @brief A child of the prefork model: one thread, one connection at a time.
 *
 * A connection whose first request has not come whole, or that only waits for its client to
 * close, is passed on to the lobby (lobby.h): the child waits for no client before the first
 * request and after the last answer. Between two requests the connection stays.
 */
#ifndef MPMSTATS_MPM_PREFORK_PREFORK_H
#define MPMSTATS_MPM_PREFORK_PREFORK_H

#include "mpm/process/handoff.h"
#include "mpm/lane.h"
#include "mpm/process/shared.h"

/**
 * Be the child in @a slot; does not return.
 * @param from_parent  what the parent says; NULL with -X
 * @param pairs  to and from the lobby: takes its ends, closes the others. None with -X.
 */
void prefork_child_main(const lane_t *lane, int slot, shared_mail_t *from_parent, int help_fd,
                        handoff_pairs_t *pairs) __attribute__((noreturn));

/**
 * Whether this child is ended with what it runs (SIGTERM), and has cut its client's connection. 0
 * elsewhere.
 */
int prefork_is_cut(void);

#endif
