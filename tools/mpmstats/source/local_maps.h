/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/local_maps.h
 * @brief Segments by who has them mapped: those that are in no usual place.
 *
 * Only of processes that are called like an httpd and belong to root or to us: anybody else could
 * have made one to mislead us. Takes the rights to see another process's memory map, root's mostly;
 * without them nothing is found.
 */
#ifndef MPMSTATS_CLI_SOURCE_LOCAL_MAPS_H
#define MPMSTATS_CLI_SOURCE_LOCAL_MAPS_H

#include <sys/types.h>

typedef void local_maps_found_fn(void *context, const char *path);

/** Calls @a found for each segment that the process has mapped. */
void local_maps_of(pid_t pid, local_maps_found_fn *found, void *context);

/** The same for the process a pid file names. */
void local_maps_of_pid_file(const char *path, local_maps_found_fn *found, void *context);

/** The same for every process of the machine, which may be many. */
void local_maps_of_all(local_maps_found_fn *found, void *context);

#endif
