/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/facts.h
 * @brief Facts determined while the configuration is read, constant until the next restart.
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

/** Whether the client and request of each worker are recorded in the scoreboard, and for whom. */
typedef enum {
    FACTS_DETAILS_NOBODY, /**< ExtendedStatus Off */
    FACTS_DETAILS_HTTPD,  /**< ExtendedStatus On, or mod_status is loaded: as httpd records it */
    FACTS_DETAILS_US      /**< neither is set: for this module's figures */
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
 * The file name of a loaded module that works only without threads; "" if none is known. After
 * modules are loaded.
 */
const char *facts_prefork_only(void);

/** Hook pre_config. */
int facts_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/** Hook post_config. */
int facts_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

#endif
