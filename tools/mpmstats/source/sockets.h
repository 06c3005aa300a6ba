/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/sockets.h
 * @brief Who waits in front of a server of this machine, as the kernel sees it.
 *
 * The server is not asked: this works when it answers nobody. TCP only.
 */
#ifndef MPMSTATS_CLI_SOURCE_SOCKETS_H
#define MPMSTATS_CLI_SOURCE_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct sockets sockets_t;

typedef struct {
    double queue;   /**< connections nobody has accepted, over all listeners */
    double fullest; /**< connections in the fullest of these queues */
    double limit;   /**< the places it has */
    double unread;  /**< accepted connections with a request, or part of one, nobody has read */
} sockets_look_t;

/**
 * Finds the listening sockets of the server with that parent process. Where we may
 * not see which they are, everything that listens on @a port is taken; 0: nothing is.
 * NULL when there are none, or the kernel does not tell.
 */
sockets_t *sockets_open(pid_t parent, int port);

/** False, and nothing known, when the kernel does not tell. */
bool sockets_look(sockets_t *sockets, sockets_look_t *look);

/** May be NULL. */
void sockets_close(sockets_t *sockets);

/**
 * Connections this machine has turned away since it started because a listen queue was full; NAN.
 */
double sockets_overflows(void);

/** net.core.somaxconn; 0 when not known. */
int sockets_somaxconn(void);

#endif
