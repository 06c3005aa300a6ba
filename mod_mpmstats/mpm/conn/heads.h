/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/heads.h
 * @brief List of the connections that are receiving a head (or small body), and their buffered
 * bytes.
 *
 * Oldest first. The caller serializes: with the park's lock, or in a process of one thread.
 */
#ifndef MPMSTATS_MPM_CONN_HEADS_H
#define MPMSTATS_MPM_CONN_HEADS_H

#include "mpm/conn/conn.h"

/** Append @a k as the youngest; no-op if it is in the list. */
void heads_enter(conn_t *k);

/** Remove @a k and its bytes; no-op if it is not in the list. */
void heads_leave(conn_t *k);

/** Set the bytes buffered of @a k's incomplete request. */
void heads_hold(conn_t *k, apr_size_t bytes);

/** The oldest one, NULL if none; iterate with `younger`. */
conn_t *heads_oldest(void);

/** The one with most buffered bytes of those that @a may_be (NULL: all) accepts; NULL: none. */
conn_t *heads_largest(int (*may_be)(const conn_t *));

/** Buffered bytes, total. Any thread; a hint. */
apr_int64_t heads_bytes(void);

#endif
