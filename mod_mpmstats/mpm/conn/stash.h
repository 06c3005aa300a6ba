/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/stash.h
 * @brief Bytes read ahead: the brigade from which httpd's readers are served first.
 *
 * For the connection's owner. Its buckets own their memory (stash_keep).
 */
#ifndef MPMSTATS_MPM_CONN_STASH_H
#define MPMSTATS_MPM_CONN_STASH_H

#include <stdbool.h>

#include "apr_buckets.h"
#include "util_filter.h"

/** Copy the bytes of @a e if it does not own them: filters below reuse their buffers. */
apr_status_t stash_keep(apr_bucket *e);

/**
 * Merge the last two buckets if they are small: a client that sends byte by byte would cost a
 * bucket for each.
 */
void stash_merge_last(apr_bucket_brigade *stash);

/** Whether @a stash contains a line end, or a bucket without data. */
bool stash_has_line(const apr_bucket_brigade *stash);

/**
 * Drop leading line ends and add their bytes to @a dropped. APR_EAGAIN: the stash is empty then.
 */
apr_status_t stash_eat_crlf(apr_bucket_brigade *stash, apr_size_t *dropped);

/**
 * Read as from an input filter with these bytes and more to follow, in any @a mode but
 * AP_MODE_EATCRLF. Leaves no empty bucket in front.
 */
apr_status_t stash_read(apr_bucket_brigade *stash, apr_bucket_brigade *bb, ap_input_mode_t mode,
                        apr_off_t readbytes);

/** Copy at most @a size bytes from @a offset on. */
void stash_copy(const apr_bucket_brigade *stash, apr_uint64_t offset, char *to, apr_size_t size);

#endif
