/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/lobby.h
 * @brief The lobby: the prefork model's process in which connections wait for their clients.
 *
 * It runs no request and no module's code. Children accept, and pass to the lobby the connections
 * that wait: those whose first request is not complete, and those in lingering close. When a
 * request is complete or timed out, the next free child gets the connection. So slow clients occupy
 * no child, and no connection waits behind another one's request while a child is free. Encrypted
 * data cannot be inspected: a TLS connection waits here for its ClientHello only.
 */
#ifndef MPMSTATS_MPM_PREFORK_LOBBY_H
#define MPMSTATS_MPM_PREFORK_LOBBY_H

#include "mpm/process/handoff.h"

/**
 * Main function of the lobby (start_main_t). @a record: its record in the shared counters; @a
 * control_fd: socket for control messages. Keeps its ends of @a pairs and closes the others.
 */
int lobby_main(int record, int control_fd, handoff_pairs_t *pairs);

#endif
