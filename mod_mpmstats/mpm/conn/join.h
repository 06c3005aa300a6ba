/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/join.h
 * @brief The beginning of a TLS response in one bucket.
 *
 * mod_ssl joins small buckets, so that header and body share a record, in a buffer of 8 KB that
 * then stays with the connection. It leaves alone a brigade that needs no joining. So the buckets
 * are joined above it, with the same result, in memory that is free again when they were sent.
 * Owner of the connection.
 */
#ifndef MPMSTATS_MPM_CONN_JOIN_H
#define MPMSTATS_MPM_CONN_JOIN_H

#include <stdbool.h>

#include "apr_buckets.h"

/**
 * Whether @a bb is a beginning that mod_ssl would wait with for more: short, in memory that
 * outlives the call, and without a metadata bucket.
 */
bool join_keeps(const apr_bucket_brigade *bb);

/** Join what mod_ssl would join. After an error of a read @a bb is as it was, or split. */
void join_beginning(apr_bucket_brigade *bb);

#endif
