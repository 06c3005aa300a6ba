/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/doors.h
 * @brief The listening sockets, as a process sees them.
 */
#ifndef MPMSTATS_MPM_PROCESS_DOORS_H
#define MPMSTATS_MPM_PROCESS_DOORS_H

#include "ap_listen.h"

typedef struct {
    ap_listen_rec *listener;
    int fd; /**< -1: closed */
    unsigned char is_tls;
    /** the first request is looked at before anybody runs it, where MPMAsyncHead is On */
    unsigned char looks;
} door_t;

/**
 * All of them, in @a p. They are made non-blocking, and accept with accept(2)'s status where they
 * do not know better.
 */
door_t *doors_list(apr_pool_t *p, unsigned *count);

#endif
