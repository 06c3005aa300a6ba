/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/wholefile.h
 * @brief Files written atomically: readers see the old content or the new.
 */
#ifndef MPMSTATS_CLI_COMMON_WHOLEFILE_H
#define MPMSTATS_CLI_COMMON_WHOLEFILE_H

#include <stdbool.h>

#include "common/failure.h"

/** True when @a path may be replaced: a regular file or none, never a device or a pipe. */
bool wholefile_usable(const char *path, failure_t *failure);

/** The same, and a file can be created there. For use before work that would be lost. */
bool wholefile_possible(const char *path, failure_t *failure);

/** Replaces @a path by @a text atomically: readers and a crash find the old file or the new one. */
bool wholefile_write(const char *path, const char *text, failure_t *failure);

/**
 * The same for text with requests or client addresses: mode 0600, regardless of the umask and of
 * the old file's mode.
 */
bool wholefile_write_private(const char *path, const char *text, failure_t *failure);

#endif
