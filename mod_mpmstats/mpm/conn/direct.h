/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/direct.h
 * @brief The end of a short response, written at once.
 *
 * The core's output filter keeps short responses until the MPM asks it to write
 * them, in case others follow: a copy of the brigade, a pool of 8 KB for as long
 * as the connection lives, and a second pass. Where nothing follows, the response
 * may as well be written now, without waiting; what the socket does not take goes
 * the usual way.
 */
#ifndef MPMSTATS_MPM_CONN_DIRECT_H
#define MPMSTATS_MPM_CONN_DIRECT_H

#include "util_filter.h"
#include "mpm/conn/conn.h"

/** Look for mod_logio, which counts what is written; once, after the configuration was read. */
void direct_init(void);

/**
 * Whether @a bb is a short beginning of a response (its header comes alone) that may wait
 * for the rest, which is sure to come: each response ends with a bucket of its own. Owner.
 */
int direct_keeps(conn_t *k, ap_filter_t *next, apr_bucket_brigade *bb);

/**
 * Write the bytes of @a bb if it is the end of a response in memory, if nothing is
 * waiting to be written before it, and if @a next is the core's filter. What was
 * written is gone from @a bb afterwards; errors are left for the core to find. Owner.
 */
void direct_write(conn_t *k, ap_filter_t *next, apr_bucket_brigade *bb);

#endif
