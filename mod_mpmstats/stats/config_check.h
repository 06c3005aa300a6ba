/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/config_check.h
 * @brief What httpd takes without a word and is a mistake all the same.
 *
 * httpd knows no names of handlers: SetHandler takes any word, and of two in one section the last
 * counts. So a status page can be configured and answer 404, or another module's page be there. The
 * directives are looked through for that.
 */
#ifndef MPMSTATS_STATS_CONFIG_CHECK_H
#define MPMSTATS_STATS_CONFIG_CHECK_H

#include "httpd.h"

/**
 * Hook check_config: tells it in a configuration test. Also refuses a segment and a scoreboard in
 * the same file.
 */
int config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/** Hook post_config: tells it in the error log. */
int config_check_start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/**
 * What ListenBacklog says, or httpd's default: httpd itself tells nobody. In post_config, once the
 * directives are a tree.
 */
int config_listen_backlog(void);

#endif
