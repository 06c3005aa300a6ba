/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/listeners.h
 * @brief The listening sockets of a process.
 */
#ifndef MPMSTATS_MPM_PROCESS_LISTENERS_H
#define MPMSTATS_MPM_PROCESS_LISTENERS_H

#include <stdbool.h>

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
    /** HTTP: with MPMAsyncHead On, wait for a complete first request before running it */
    unsigned char looks;
} listener_t;

/**
 * All listeners, allocated in @a p; makes them non-blocking. Those without an accept_func get one
 * that returns accept(2)'s errno.
 */
listener_t *listeners_list(apr_pool_t *p, unsigned *count);

/** Whether @a rv means that the listening socket itself is unusable; logs it. */
bool listeners_is_broken(const listener_t *l, apr_status_t rv);

/** Parent: refuse new connections from now on; those in the backlog can still be accepted. */
void listeners_refuse_new(void);

/**
 * Number of connections in the accept queue of @a fd. @a most: out, its limit (a full queue holds
 * one more); 0: not known.
 */
int listeners_queue(int fd, int *most);

#endif
