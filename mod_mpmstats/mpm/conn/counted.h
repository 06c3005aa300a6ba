/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/counted.h
 * @brief The kind a connection is counted under, in the shared counters and httpd's scoreboard.
 *
 * For the connection's owner.
 */
#ifndef MPMSTATS_MPM_CONN_COUNTED_H
#define MPMSTATS_MPM_CONN_COUNTED_H

#include "mpm/conn/conn.h"

/** The kind as the log names it: "for the first byte". */
const char *counted_name(mpm_hybrid_conn_e kind);

/** Start counting @a k, as @a kind. */
void counted_in(conn_t *k, mpm_hybrid_conn_e kind);

/** Stop counting @a k. */
void counted_out(conn_t *k);

/** Change the kind of @a k, which is counted, to @a kind. */
void counted_as(conn_t *k, mpm_hybrid_conn_e kind);

/** @a k has @a more descriptors beside its socket, or is about to have them. */
void counted_files(conn_t *k, unsigned char more);

/**
 * Descriptors of mod_http2 for a connection: its pollset, the pipe that wakes it, and the file of
 * the last response, which it closes when it reads next.
 */
#define COUNTED_HTTP2_FILES 4

/** Of a new connection, which may become HTTP/2 if its server allows it. */
unsigned char counted_files_at_first(const conn_t *k);

/** Of a connection whose protocol is known. */
unsigned char counted_files_of(const conn_t *k);

#endif
