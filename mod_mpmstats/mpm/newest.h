/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/newest.h
 * @brief MPMLoadModule: LoadModule for a file whose name has a version in it.
 */
#ifndef MPMSTATS_MPM_NEWEST_H
#define MPMSTATS_MPM_NEWEST_H

#include "httpd.h"
#include "http_config.h"

/**
 * Loads @a name from the file with the highest version among those that match @a pattern. When none
 * does, a warning says so and the configuration is read on. While the configuration is being read,
 * as LoadModule.
 */
const char *newest_load(cmd_parms *cmd, void *tree, const char *name, const char *pattern);

#endif
