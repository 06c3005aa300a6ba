/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/handoff.h
 * @brief Passing client sockets between the prefork model's children and its lobby.
 *
 * Three SOCK_SEQPACKET pairs per generation; [0] is the end to read. The kernel delivers a message
 * to one of the readers. The parent keeps all ends for children it starts later.
 */
#ifndef MPMSTATS_MPM_PROCESS_HANDOFF_H
#define MPMSTATS_MPM_PROCESS_HANDOFF_H

#include <stdint.h>

typedef struct {
    int ready[2];     /**< lobby to children: the request can be read */
    int waiting[2];   /**< children to lobby: the first request is not complete */
    int lingering[2]; /**< children to lobby: lingering close, the server's side is shut down */
} handoff_pairs_t;

/** Message that accompanies a socket. */
typedef struct {
    unsigned char is_tls;      /**< waiting, ready: it begins with a TLS handshake */
    unsigned char is_short;    /**< lingering: LINGER_SHORT_TIME applies */
    unsigned char overdue;     /**< ready: timed out before the request was complete */
    unsigned char over_budget; /**< overdue: by mod_reqtimeout's budget */
    /** waiting, ready: run it without waiting for a complete request */
    unsigned char at_once;
    int keepalives; /**< requests that the generation before served on it */
    /** ready: time of the first byte, CLOCK_MONOTONIC µs; 0: not known */
    int64_t first_us;
    int64_t whole_us; /**< ready: time the request was complete; 0: not known */
} handoff_t;

/** Set every end to -1 (none). */
void handoff_none(handoff_pairs_t *pairs);

/** Create the pairs. 0, or -1 and errno, with every end -1. */
int handoff_open(handoff_pairs_t *pairs);

/** Close the open ends and set all to -1. */
void handoff_close(handoff_pairs_t *pairs);

/**
 * Move @a from, the parent's pairs that a cleanup closes, to @a to: a child owns them and closes
 * the ends it does not need.
 */
void handoff_take(handoff_pairs_t *to, handoff_pairs_t *from);

/**
 * Send @a client; the caller closes its own copy. 0, or -1 and errno (EAGAIN: the queue is full).
 */
int handoff_send(int fd, int client, const handoff_t *what);

/**
 * Take one without waiting. Its descriptor; -1 and errno (without a free descriptor it stays
 * queued); -2 at the end of file.
 */
int handoff_receive(int fd, handoff_t *what);

/** Number of sockets queued for the readers of @a fd. */
int handoff_queued(int fd);

#endif
