/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/handover.h
 * @brief From one generation to the next: what old children may begin, and passing their
 * connections on.
 *
 * A graceful restart begins with httpd destroying the configuration pool, and with it modules'
 * daemons, sockets and piped loggers. So a child goes through
 *
 *   HANDOVER_OFF -> HANDOVER_HOLD   the restart begins: accept nothing, begin no request; what runs goes on
 *   HANDOVER_HOLD -> HANDOVER_GIVE  the new generation serves: it gets the connections
 *   HANDOVER_HOLD -> HANDOVER_OFF   there is no new generation yet: go on as before
 *
 * Where nothing of that kind is there (settle_is_due()) a restart leaves it HANDOVER_OFF.
 *
 * Connections travel through one SOCK_SEQPACKET pair of the whole server, which the parent makes at
 * the start: finishing children of every generation write to it, children that accept read from it.
 * A message is a handover_t, the bytes the old child has read, and the descriptor. A reader trusts
 * a message as little as a client: whoever can write there can also connect.
 */
#ifndef MPMSTATS_MPM_PROCESS_HANDOVER_H
#define MPMSTATS_MPM_PROCESS_HANDOVER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "apr_pools.h"
#include "httpd.h"

/** The most bytes that are passed on with a connection. */
#define HANDOVER_BYTES_MAX (160 * 1024)

/**
 * What the next process has to know of a connection. Times are of CLOCK_MONOTONIC in µs, 0: none.
 */
typedef struct handover_t {
    int64_t deadline;     /**< between requests: when its keep-alive time is over */
    int64_t first_us;     /**< when the first byte of the request was seen */
    int64_t budget_until; /**< of a head whose budget has begun: mod_reqtimeout's */
    int64_t budget_max_until;
    int32_t budget_rate;
    int32_t keepalives; /**< requests answered on it */
    /** that follow: read from the socket, and not of a request that was begun */
    uint32_t bytes;
    uint8_t used;    /**< a request has been begun on it */
    uint8_t is_tls;  /**< nothing was read, but it begins with a TLS handshake */
    uint8_t at_once; /**< there is nothing to wait for, anybody may run it */
} handover_t;

enum { HANDOVER_OFF, HANDOVER_HOLD, HANDOVER_GIVE };

/** Use handover_state(). Written by the ticker (prefork: the only thread). */
extern _Atomic int handover_now;

static inline int handover_state(void)
{
    return atomic_load(&handover_now);
}

/**
 * Parent: make the pair of the server, if there is none, or if @a fresh a new one. 0, or -1 and
 * errno.
 */
int handover_open(int fresh);

/* ---- child --------------------------------------------------------------- */

/** Prepare this child. Ticker, before the workers start. */
void handover_child_init(void);

/** The ticker's: change the state. */
void handover_hold(void);
void handover_go_on(void);
void handover_give(void);

/**
 * Ticker (prefork: the only thread): nobody will take connections any more, so none is passed on
 * from now on.
 */
void handover_keep(void);

/** Whether that is so. Any thread. */
int handover_keeps(void);

/** Ticker: nobody has ended the hold for too long. */
int handover_is_overdue(void);

/** Descriptor to read connections from. */
int handover_fd(void);

/** eventfd that is readable while children hold, -1 where there is none. */
int handover_hold_fd(void);

/**
 * Pass @a client on with @a bytes; the caller still closes it. 0, or -1 and errno. Waits a little
 * where the queue is full.
 */
int handover_send(int client, const handover_t *what, const char *bytes);

/**
 * Take one without waiting; its descriptor, or -1 and errno. @a bytes: room for HANDOVER_BYTES_MAX,
 * filled with what->bytes.
 */
int handover_receive(handover_t *what, char *bytes);

/**
 * A socket of APR's for a descriptor that has been passed on; NULL (and @a fd closed): its client
 * has gone.
 */
apr_socket_t *handover_socket(int fd, apr_pool_t *pool);

#endif
