/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/config.h
 * @brief The module's directives that belong to a place in the configuration.
 *
 * Made while the configuration is read, in the parent; read-only from then on.
 */
#ifndef MPMSTATS_CONFIG_H
#define MPMSTATS_CONFIG_H

#include "httpd.h"
#include "http_config.h"

/** What a <Location> or <Directory> says. */
typedef struct {
    const char *auto_mpm;   /**< the name ?auto gives the MPM; NULL: its own */
} config_dir_t;

/** What applies to @a r. */
const config_dir_t *config_of_request(const request_rec *r);

/* For the module record. */
void *config_dir_create(apr_pool_t *pool, char *dir);
void *config_dir_merge(apr_pool_t *pool, void *base, void *add);

/** MPMStatsAutoMPM name. */
const char *config_set_auto_mpm(cmd_parms *cmd, void *dir, const char *name);

#endif
