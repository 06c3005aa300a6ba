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
 * Be the child in @a slot; takes its ends of @a pairs, which are none with -X. The parent tells it
 * things by shared_mail_t. Returns what to exit with.
 */
int prefork_main(int slot, int control_fd, handoff_pairs_t *pairs);

#endif
