/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/stash.h
 * @brief Bytes that were read ahead: a brigade from which httpd's readers are served first.
 *
 * Of the connection's owner. Its buckets are of memory of their own (stash_keep).
 */
#ifndef MPMSTATS_MPM_CONN_STASH_H
#define MPMSTATS_MPM_CONN_STASH_H

#include "apr_buckets.h"
#include "util_filter.h"

/** Keep the bytes of @a e beyond this call: filters below may lend us their buffers. */
apr_status_t stash_keep(apr_bucket *e);

/**
 * A client that sends byte by byte would cost a bucket for each: put the last one together with the
 * one before if both are small.
 */
void stash_merge_last(apr_bucket_brigade *stash);

/** Whether a line end, or what is no bytes, is in it. */
int stash_has_line(const apr_bucket_brigade *stash);

/**
 * Drop the line ends in front. @a dropped: out, how many bytes are added to it. APR_EAGAIN: there was
 * nothing else.
 */
apr_status_t stash_eat_crlf(apr_bucket_brigade *stash, apr_size_t *dropped);

/**
 * What an input filter answers that has these bytes, and more behind them, in any @a mode but AP_MODE_EATCRLF. No call leaves a bucket
 * without bytes in front.
 */
apr_status_t stash_read(apr_bucket_brigade *stash, apr_bucket_brigade *bb, ap_input_mode_t mode,
                        apr_off_t readbytes);

/** Copy at most @a size bytes from @a offset on. */
void stash_copy(const apr_bucket_brigade *stash, apr_uint64_t offset, char *to, apr_size_t size);

#endif
