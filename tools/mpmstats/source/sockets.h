/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/sockets.h
 * @brief Accept queues and unread data of a local server, read from the kernel.
 *
 * Needs no answer of the server, so it works while the server is saturated. TCP only.
 */
#ifndef MPMSTATS_CLI_SOURCE_SOCKETS_H
#define MPMSTATS_CLI_SOURCE_SOCKETS_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct sockets sockets_t;

typedef struct {
    double queue;   /**< connections not yet accepted, over all listeners */
    double fullest; /**< connections in the fullest accept queue */
    double limit;   /**< capacity of that queue */
    double unread;  /**< accepted connections with unread data */
} sockets_look_t;

/**
 * Finds the listening sockets of the server with that parent process. Without
 * permission to see them it takes every listener on @a port; 0: none.
 * NULL when there are none, or the kernel does not report them.
 */
sockets_t *sockets_open(pid_t parent, int port);

/** False and every value unknown when the kernel does not report them. */
bool sockets_look(sockets_t *sockets, sockets_look_t *look);

/** May be NULL. */
void sockets_close(sockets_t *sockets);

/** Connections refused by full accept queues since the machine started; NAN: unknown. */
double sockets_overflows(void);

/** net.core.somaxconn; 0: unknown. */
int sockets_somaxconn(void);

#endif
