/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/query.h
 * @brief Request lines without their query string, which may hold what is nobody else's business.
 */
#ifndef BASE_QUERY_H
#define BASE_QUERY_H

#include "apr_pools.h"

/**
 * @a line without what stands between its question mark and its protocol; @a line itself where
 * there is nothing.
 */
const char *query_cut(apr_pool_t *pool, const char *line);

#endif
