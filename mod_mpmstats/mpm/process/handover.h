/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/handover.h
 * @brief Graceful restart: what old children may begin, and passing their connections to the next
 * generation.
 *
 * At a graceful restart httpd destroys the configuration pool, and with it modules' daemons,
 * sockets and piped loggers. So a child goes through
 *
 *   HANDOVER_OFF -> HANDOVER_HOLD   the restart begins: accept nothing, begin no request
 *   HANDOVER_HOLD -> HANDOVER_GIVE  the new generation serves: pass the connections to it
 *   HANDOVER_HOLD -> HANDOVER_OFF   there is no new generation yet: serve again
 *
 * If no such daemon exists (settle_is_due()), the state stays HANDOVER_OFF.
 *
 * Connections pass through one SOCK_SEQPACKET pair per server, which the parent creates: draining
 * children of all generations write to it, accepting children read from it. A message is a
 * handover_t, the bytes the old child has read, and the descriptor. Readers trust it no more than a
 * client's data.
 */
#ifndef MPMSTATS_MPM_PROCESS_HANDOVER_H
#define MPMSTATS_MPM_PROCESS_HANDOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apr_pools.h"
#include "httpd.h"

/** Most bytes that are passed with a connection. */
#define HANDOVER_BYTES_MAX (160 * 1024)

/**
 * State of a connection for the next process. Times are CLOCK_MONOTONIC in µs, 0: none.
 */
typedef struct handover_t {
    int64_t deadline;     /**< between requests: end of the keep-alive time */
    int64_t first_us;     /**< first byte of the request */
    int64_t budget_until; /**< this and the next two: mod_reqtimeout's budget for a begun head */
    int64_t budget_max_until;
    int32_t budget_rate;
    int32_t keepalives; /**< requests served on it */
    /** number of bytes that follow: read from the socket, of no request that was begun */
    uint32_t bytes;
    uint8_t used;    /**< a request was begun on it */
    uint8_t is_tls;  /**< nothing was read, and it begins with a TLS handshake */
    uint8_t at_once; /**< run it without waiting for a complete request */
} handover_t;

enum { HANDOVER_OFF, HANDOVER_HOLD, HANDOVER_GIVE };

/** Use handover_state(). Written by the ticker (prefork: the only thread). */
extern _Atomic int handover_now;

static inline int handover_state(void)
{
    return atomic_load(&handover_now);
}

/** Parent: create the pair if there is none, or replace it if @a fresh. 0, or -1 and errno. */
int handover_open(bool fresh);

/* ---- child --------------------------------------------------------------- */

/** Prepare this child. Ticker, before the workers start. */
void handover_child_init(void);

/** Ticker (prefork: the only thread): change the state. */
void handover_hold(void);
void handover_go_on(void);
void handover_give(void);

/**
 * Ticker (prefork: the only thread): pass on no connections, as no process will read them any more.
 */
void handover_keep(void);

/** Whether handover_keep() was called. Any thread. */
int handover_keeps(void);

/** Ticker: whether the hold exceeds its deadline (restart_wait_ms and 10 s). */
bool handover_is_overdue(void);

/** Descriptor to read connections from. */
int handover_fd(void);

/** eventfd that is readable from HANDOVER_HOLD on until HANDOVER_OFF; -1: none. */
int handover_hold_fd(void);

/**
 * Pass @a client with @a bytes; the caller closes its own copy. 0, or -1 and errno. Waits up to 200
 * ms if the queue is full.
 */
int handover_send(int client, const handover_t *what, const char *bytes);

/**
 * Take one without waiting; its descriptor, or -1 and errno. @a bytes: room for HANDOVER_BYTES_MAX,
 * filled with what->bytes.
 */
int handover_receive(handover_t *what, char *bytes);

/**
 * An APR socket for a received descriptor; NULL, with @a fd closed, if the client has disconnected.
 */
apr_socket_t *handover_socket(int fd, apr_pool_t *pool);

#endif
