/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/counted.h
 * @brief As what a connection is counted: in the shared counters and in httpd's scoreboard.
 *
 * Of the connection's owner.
 */
#ifndef MPMSTATS_MPM_CONN_COUNTED_H
#define MPMSTATS_MPM_CONN_COUNTED_H

#include "mpm/conn/conn.h"

/** What it does, in the log: "for the first byte". */
const char *counted_name(mpm_hybrid_conn_e kind);

/** Count @a k, which is not counted, as @a kind. */
void counted_in(conn_t *k, mpm_hybrid_conn_e kind);

/** Count it no longer. */
void counted_out(conn_t *k);

/** Count @a k, which is, as @a kind from now on. */
void counted_as(conn_t *k, mpm_hybrid_conn_e kind);

#endif
