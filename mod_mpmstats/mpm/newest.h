/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/newest.h
 * @brief MPMLoadModule: LoadModule for a file with a version in its name.
 */
#ifndef MPMSTATS_MPM_NEWEST_H
#define MPMSTATS_MPM_NEWEST_H

#include "httpd.h"
#include "http_config.h"

/**
 * Loads @a name from the file with the highest version that matches @a pattern. Without a match it
 * logs a warning and returns NULL. Runs while the configuration is read, as LoadModule does.
 */
const char *newest_load(cmd_parms *cmd, void *tree, const char *name, const char *pattern);

#endif
