/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/query.h
 * @brief Removes the query string, which may hold secrets, from a request line.
 */
#ifndef BASE_QUERY_H
#define BASE_QUERY_H

#include "apr_pools.h"

/**
 * @a line without the text between its question mark and its protocol; @a line itself if there is
 * none.
 */
const char *query_cut(apr_pool_t *pool, const char *line);

#endif
