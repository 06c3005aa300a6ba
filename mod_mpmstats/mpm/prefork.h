/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork.h
 * @brief A child of the prefork model: one thread, one connection at a time.
 *
 * It gets connections from the lobby (lobby.h), each with a whole request head
 * in the socket, so it does not wait for the first one.
 */
#ifndef MPM_PREFORK_H
#define MPM_PREFORK_H

#include "mpm/lane.h"

/**
 * Be the child in @a slot; does not return.
 * @param queue_fd  where the lobby's connections come from; -1 with -X: accept by yourself
 */
void prefork_child_main(const lane_t *lane, int slot, int control_fd, int help_fd, int queue_fd)
    __attribute__((noreturn));

#endif
