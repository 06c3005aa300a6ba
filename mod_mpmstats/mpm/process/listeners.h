/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/listeners.h
 * @brief The listening sockets, as a process sees them.
 */
#ifndef MPMSTATS_MPM_PROCESS_LISTENERS_H
#define MPMSTATS_MPM_PROCESS_LISTENERS_H

#include "ap_listen.h"

/**
 * The listeners, by bucket (ListenCoresBucketsRatio); set in open_logs, constant in a child. Every
 * child serves all of them.
 */
extern ap_listen_rec **listeners_buckets;

typedef struct {
    ap_listen_rec *listener;
    int fd; /**< -1: closed */
    unsigned char is_tls;
    /** the first request is looked at before anybody runs it, where MPMAsyncHead is On */
    unsigned char looks;
} listener_t;

/**
 * All of them, in @a p. They are made non-blocking, and accept with accept(2)'s status where they
 * do not know better.
 */
listener_t *listeners_list(apr_pool_t *p, unsigned *count);

/** Whether the error says that the socket itself is of no use any more; then it says so in the log. */
int listeners_is_broken(const listener_t *l, apr_status_t rv);

/**
 * Parent: from now on no client may begin a connection; those that have begun still can be
 * accepted.
 */
void listeners_refuse_new(void);

/**
 * Connections in the accept queue of @a fd. @a most: out, its limit, which one connection exceeds;
 * 0: not known.
 */
int listeners_queue(int fd, int *most);

#endif
