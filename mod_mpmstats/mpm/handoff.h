/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/handoff.h
 * @brief Passing client sockets from the lobby to prefork children.
 *
 * One SOCK_SEQPACKET pair for a generation: the lobby writes, all children read,
 * and the kernel gives each message to one of them. When the last writer closes
 * its end the readers see the end of file.
 */
#ifndef MPM_HANDOFF_H
#define MPM_HANDOFF_H

typedef struct {
    unsigned char overdue;      /**< its head did not come in time: all there is, is there */
} handoff_t;

/** Make the pair: [0] to read, [1] to write. 0, or -1 and errno. */
int handoff_open(int fds[2]);

/** Pass @a client on; the caller still has to close it. 0, or -1 and errno (EAGAIN: the queue is full). */
int handoff_send(int fd, int client, const handoff_t *what);

/** Take one without waiting. Its descriptor; -1 and errno; -2 at the end of file. */
int handoff_receive(int fd, handoff_t *what);

#endif
