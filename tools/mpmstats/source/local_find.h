/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/local_find.h
 * @brief Where the segment of a server of this machine is.
 */
#ifndef MPMSTATS_CLI_SOURCE_LOCAL_FIND_H
#define MPMSTATS_CLI_SOURCE_LOCAL_FIND_H

#include "common/failure.h"
#include "common/settings.h"

typedef enum {
    LOCAL_FOUND,  /**< one */
    LOCAL_NONE,   /**< nobody named one, and there is none in the usual places */
    LOCAL_CLOSED, /**< there is one, which we may not read and nobody named */
    LOCAL_FAILED  /**< several, or what was named cannot be; the failure says so */
} local_find_e;

/**
 * The segment that --segment or --instance names, else the one in $APACHE_RUN_DIR, else that of the
 * only server in the usual places. Servers that are dead do not count beside one that lives.
 * @param path  receives the file's name when the answer is LOCAL_FOUND or LOCAL_CLOSED, from
 * malloc()
 */
local_find_e local_find(const settings_t *settings, char **path, failure_t *failure);

#endif
