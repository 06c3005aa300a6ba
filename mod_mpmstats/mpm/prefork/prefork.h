/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/prefork.h
 * @brief A child of the prefork model: one thread, one connection at a time.
 *
 * A connection whose first request is incomplete, or that is in lingering close, is passed to the
 * lobby (lobby.h): the child waits for no client before the first request or after the last
 * response. Between two requests the connection stays.
 */
#ifndef MPMSTATS_MPM_PREFORK_PREFORK_H
#define MPMSTATS_MPM_PREFORK_PREFORK_H

#include "mpm/process/handoff.h"
#include "mpm/lane.h"
#include "mpm/process/shared.h"

/**
 * Main function of the child in @a slot (start_main_t). Keeps its ends of @a pairs (with -X there
 * are none). Reads control messages from shared_mail_t; @a control_fd is unused.
 */
int prefork_main(int slot, int control_fd, handoff_pairs_t *pairs);

#endif
