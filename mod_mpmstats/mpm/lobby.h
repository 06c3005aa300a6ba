/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/lobby.h
 * @brief Where connections of the prefork model wait for their request head.
 *
 * A process of the server that runs no request: it accepts, looks at what clients send
 * without taking it (MSG_PEEK), and passes a socket on to a free child when the head, and
 * a small body, are all there. So a client that sends slowly occupies no
 * child, and no connection waits behind another one's request while a child is free.
 * What is encrypted cannot be looked at: a TLS connection is passed on with its ClientHello.
 */
#ifndef MPM_LOBBY_H
#define MPM_LOBBY_H

#include "mpm/lane.h"

/** Be the lobby; does not return. @a queue_fd is the end to write of handoff.h's pair. */
void lobby_main(const lane_t *lane, int control_fd, int help_fd, int queue_fd)
    __attribute__((noreturn));

#endif
