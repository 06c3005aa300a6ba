/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/local_find.h
 * @brief Finds the segment file of a local server.
 */
#ifndef MPMSTATS_CLI_SOURCE_LOCAL_FIND_H
#define MPMSTATS_CLI_SOURCE_LOCAL_FIND_H

#include "common/failure.h"
#include "common/settings.h"

typedef enum {
    LOCAL_FOUND,  /**< exactly one */
    LOCAL_NONE,   /**< none named, none in the default directories */
    LOCAL_CLOSED, /**< none named; one exists without read permission */
    LOCAL_FAILED  /**< several, or the named one is invalid; see the failure */
} local_find_e;

/**
 * The segment named by --segment or --instance, else the one in $APACHE_RUN_DIR, else that of the
 * only server in the default directories. Dead servers are ignored when one is alive.
 * @param path  receives the malloc()ed file name with LOCAL_FOUND and LOCAL_CLOSED
 */
local_find_e local_find(const settings_t *settings, char **path, failure_t *failure);

#endif
