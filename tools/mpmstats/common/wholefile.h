/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/wholefile.h
 * @brief Files that others read: written whole or not at all.
 */
#ifndef MPMSTATS_CLI_COMMON_WHOLEFILE_H
#define MPMSTATS_CLI_COMMON_WHOLEFILE_H

#include <stdbool.h>

#include "common/failure.h"

/**
 * May a file of that name be replaced? Not a device or a pipe: an ordinary file would take its
 * place.
 */
bool wholefile_usable(const char *path, failure_t *failure);

/** The same, and may one be made there? Ahead of work that would be lost. */
bool wholefile_possible(const char *path, failure_t *failure);

/**
 * Puts @a text in the place of the file @a path: a reader, and a crash, finds the old file or the
 * new one.
 */
bool wholefile_write(const char *path, const char *text, failure_t *failure);

/**
 * The same for what has requests or addresses of clients in it: mode 0600, whatever the umask and
 * the old file's mode.
 */
bool wholefile_write_private(const char *path, const char *text, failure_t *failure);

#endif
