/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/config_check.h
 * @brief Detects configuration mistakes that httpd accepts silently.
 *
 * httpd does not check handler names: SetHandler takes any word, and of two in one section the last
 * applies. So a configured status page can answer 404, or another module can answer instead. The
 * directives are searched for these cases.
 */
#ifndef MPMSTATS_STATS_CONFIG_CHECK_H
#define MPMSTATS_STATS_CONFIG_CHECK_H

#include "httpd.h"

/**
 * Hook check_config: reports them in a configuration test. Also refuses a segment and a scoreboard
 * in the same file.
 */
int config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/** Hook post_config: reports them in the error log. */
int config_check_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/**
 * The value of ListenBacklog, or httpd's default; httpd has no function for it. In post_config,
 * when the tree of directives exists.
 */
int config_listen_backlog(void);

#endif
