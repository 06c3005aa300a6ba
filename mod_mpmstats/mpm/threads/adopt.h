/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/adopt.h
 * @brief Taking the connections that the previous generation passes on (handover.h).
 */
#ifndef MPMSTATS_MPM_THREADS_ADOPT_H
#define MPMSTATS_MPM_THREADS_ADOPT_H

#include <stdbool.h>

#include "mpm/conn/conn.h"

/** Add the queue of these connections to epoll, or remove it. Any thread. */
void adopt_watch(bool on);

/** A worker takes one of them and runs it. */
void adopt_take(conn_worker_t *w);

#endif
