/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/adopt.h
 * @brief Taking the connections that the generation before passes on (handover.h).
 */
#ifndef MPMSTATS_MPM_THREADS_ADOPT_H
#define MPMSTATS_MPM_THREADS_ADOPT_H

#include "mpm/conn/conn.h"

/** Put the queue of these connections into epoll, or take it out. Any thread. */
void adopt_watch(int on);

/** A worker takes one of them, and runs it. */
void adopt_take(conn_worker_t *w);

#endif
