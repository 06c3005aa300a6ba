/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/facts.h
 * @brief What is settled while the configuration is read and stays true until the next restart.
 *
 * Written by the configuration hooks in the parent, before any child or thread
 * exists; read-only from then on.
 */
#ifndef MPMSTATS_STATS_FACTS_H
#define MPMSTATS_STATS_FACTS_H

#include <unistd.h>

#include "apr_pools.h"
#include "apr_time.h"
#include "httpd.h"

/** Who records which requests the workers serve, and whose. */
typedef enum {
    FACTS_DETAILS_NOBODY, /**< ExtendedStatus Off */
    FACTS_DETAILS_HTTPD,  /**< ExtendedStatus On, or mod_status is there */
    FACTS_DETAILS_US      /**< nothing is said: record_score.c */
} facts_details_e;

typedef struct {
    apr_time_t started;   /**< the parent process began to read its first configuration */
    apr_time_t restarted; /**< the configuration in force was loaded */
    pid_t parent;         /**< the process that runs the MPM's main loop */
    facts_details_e details;
} facts_t;

/** The facts; valid from post_config on. */
const facts_t *facts_get(void);

/**
 * A module that is loaded and works without threads only, by the name of its file; "" where none is
 * known. Once modules are loaded.
 */
const char *facts_prefork_only(void);

/** Hook pre_config. */
int facts_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/** Hook post_config. */
int facts_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

#endif
