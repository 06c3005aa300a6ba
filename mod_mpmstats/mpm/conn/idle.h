/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/idle.h
 * @brief List of the parked HTTP/2 connections without an open stream, the longest parked first.
 *
 * Each holds the descriptors of four HTTP/1 connections, and its client expects a GOAWAY at any
 * time: they are ended first when a process is at its limit. The caller serializes with the park's
 * lock.
 */
#ifndef MPMSTATS_MPM_CONN_IDLE_H
#define MPMSTATS_MPM_CONN_IDLE_H

#include <stdbool.h>

#include "mpm/conn/conn.h"

/** Whether @a k belongs into the list. Owner. */
bool idle_is(const conn_t *k);

/** Append @a k, which is not in the list of heads.h. */
void idle_enter(conn_t *k);

/** Remove @a k; no-op if it is not in the list. */
void idle_leave(conn_t *k);

/** The one that is parked longest, NULL if there is none. */
conn_t *idle_oldest(void);

#endif
