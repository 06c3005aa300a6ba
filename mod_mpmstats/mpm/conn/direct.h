/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/direct.h
 * @brief Writing the end of a short response, and a short TLS record, at once.
 *
 * The core's output filter keeps short responses, in case others follow, until the
 * MPM flushes it: this costs a copy of the brigade, an 8 KB pool for the life of the
 * connection, and a second pass. If no request follows, direct.c writes the response
 * at once, non-blocking; bytes the socket does not accept go through the core. Its files
 * are read, not mapped. A TLS record of a handshake or a short response would be copied and kept
 * likewise.
 */
#ifndef MPMSTATS_MPM_CONN_DIRECT_H
#define MPMSTATS_MPM_CONN_DIRECT_H

#include <stdbool.h>

#include "util_filter.h"
#include "mpm/conn/conn.h"

/** Register the filter for TLS records; once, in register_hooks. */
void direct_register(void);

/** Write the short TLS records of @a k at once. Owner. */
void direct_attach(conn_t *k);

/** Find mod_logio, which counts written bytes, and mod_reqtimeout's filter; once, after the configuration was read. */
void direct_init(void);

/**
 * Whether @a bb is a short beginning of a response (the header comes alone) that may be kept
 * until the rest arrives; each response ends with an EOS or EOR bucket. Owner.
 */
bool direct_keeps(conn_t *k, ap_filter_t *next, apr_bucket_brigade *bb);

/**
 * Write the bytes of @a bb if it is the end of a response in memory, no output is
 * pending, and @a next is the core's filter. Removes the written bytes from @a bb;
 * the core's next write finds errors. Owner.
 */
void direct_write(conn_t *k, ap_filter_t *next, apr_bucket_brigade *bb);

#endif
