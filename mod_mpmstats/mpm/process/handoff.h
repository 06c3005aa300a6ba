/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/handoff.h
 * @brief Passing client sockets between the prefork model's children and its lobby.
 *
 * Three SOCK_SEQPACKET pairs for a generation, each with its end to read at [0]:
 * what one process writes the kernel gives to one of those that read. The parent
 * keeps all ends, for the children it has yet to start.
 */
#ifndef MPMSTATS_MPM_PROCESS_HANDOFF_H
#define MPMSTATS_MPM_PROCESS_HANDOFF_H

#include <stdint.h>

typedef struct {
    int ready[2];     /**< lobby to children: its request can be read */
    int waiting[2];   /**< children to lobby: its first request is not whole yet */
    int lingering[2]; /**< children to lobby: answered, and our side is shut */
} handoff_pairs_t;

/** What is said of a socket that is passed on. */
typedef struct {
    unsigned char is_tls;      /**< waiting, ready: it begins with a TLS handshake */
    unsigned char is_short;    /**< lingering: the shorter time */
    unsigned char overdue;     /**< ready: its head did not come in time: all there is, is there */
    unsigned char over_budget; /**< overdue: as mod_reqtimeout counts it */
    /** waiting, ready: there is nothing to wait for, anybody may run it */
    unsigned char at_once;
    int keepalives; /**< requests answered on it, by a child of the generation before */
    /** ready: when its first byte was seen, CLOCK_MONOTONIC; 0: not known */
    int64_t first_us;
    int64_t whole_us; /**< ready: when it was seen to be whole; 0: not known */
} handoff_t;

/** No pairs: every end -1. */
void handoff_none(handoff_pairs_t *pairs);

/** Make the pairs. 0, or -1 and errno; then there are none. */
int handoff_open(handoff_pairs_t *pairs);

/** Close what is open of them; then there are none. */
void handoff_close(handoff_pairs_t *pairs);

/**
 * Moves @a from to @a to: the parent's, in a child that closes what it does not need. No cleanup
 * knows them then.
 */
void handoff_take(handoff_pairs_t *to, handoff_pairs_t *from);

/**
 * Pass @a client on; the caller still has to close it. 0, or -1 and errno (EAGAIN: the queue is
 * full).
 */
int handoff_send(int fd, int client, const handoff_t *what);

/**
 * Take one without waiting. Its descriptor; -1 and errno (without descriptors it stays where it
 * is); -2 at the end of file.
 */
int handoff_receive(int fd, handoff_t *what);

/** How many are on their way to the readers of @a fd. */
int handoff_queued(int fd);

#endif
