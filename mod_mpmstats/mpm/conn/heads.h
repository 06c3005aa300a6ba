/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/heads.h
 * @brief The connections of this process that are sending a head (or small body), and what is held
 * of it.
 *
 * In the order in which they began. Callers take turns: with the park's lock, or because the process
 * has one thread.
 */
#ifndef MPMSTATS_MPM_CONN_HEADS_H
#define MPMSTATS_MPM_CONN_HEADS_H

#include "mpm/conn/conn.h"

/** @a k is one of them now, the youngest; nothing if it has been. */
void heads_enter(conn_t *k);

/** @a k is none any more, and nothing of it counts; nothing if it is none. */
void heads_leave(conn_t *k);

/** So many bytes are held of @a k's request, which is not whole. */
void heads_hold(conn_t *k, apr_size_t bytes);

/** The oldest of them; then go on by `younger`. */
conn_t *heads_oldest(void);

/** Of those that @a may_be (NULL: all) the one that holds most, and anything; NULL: there is none. */
conn_t *heads_largest(int (*may_be)(const conn_t *));

/** What they hold, in all. Any thread, at any time: a hint. */
apr_int64_t heads_bytes(void);

#endif
