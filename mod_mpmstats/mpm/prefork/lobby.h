/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/lobby.h
 * @brief Where connections of the prefork model wait for their clients.
 *
 * A process of the server that runs no request and none of the modules' code. Children accept;
 * they pass on to the lobby what they would have to wait for: a connection whose first request
 * has not come whole, and one that has been answered and whose client has not closed it yet
 * (lingering close). When a request is whole, or its time is over, the connection goes to
 * whichever child is free first. So a client that sends slowly, or does not close,
 * occupies no child, and no connection waits behind another one's request while a child is free.
 * What is encrypted cannot be looked at: a TLS connection waits here for its ClientHello only.
 */
#ifndef MPMSTATS_MPM_PREFORK_LOBBY_H
#define MPMSTATS_MPM_PREFORK_LOBBY_H

#include "mpm/process/handoff.h"

/**
 * Be the lobby, which the parent tells things through @a control_fd; it counts what waits in
 * @a record of the shared counters. Takes its ends of @a pairs, closes the others. Returns what to
 * exit with.
 */
int lobby_main(int record, int control_fd, handoff_pairs_t *pairs);

#endif
