/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/local_maps.h
 * @brief Finds segments outside the default directories by the processes that map them.
 *
 * Only processes with httpd's name that belong to root or to our user count: other users could
 * fake a segment. Reading another process's memory map mostly requires root; without permission
 * nothing is found.
 */
#ifndef MPMSTATS_CLI_SOURCE_LOCAL_MAPS_H
#define MPMSTATS_CLI_SOURCE_LOCAL_MAPS_H

#include <sys/types.h>

typedef void local_maps_found_fn(void *context, const char *path);

/** Calls @a found for each segment that @a pid maps. */
void local_maps_of(pid_t pid, local_maps_found_fn *found, void *context);

/** The same for the process a pid file names. */
void local_maps_of_pid_file(const char *path, local_maps_found_fn *found, void *context);

/** The same for every process of the machine: expensive. */
void local_maps_of_all(local_maps_found_fn *found, void *context);

#endif
