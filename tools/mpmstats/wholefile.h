/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tools/mpmstats/wholefile.h
 * @brief Files that others read: written whole or not at all.
 */
#ifndef MPMSTATS_WHOLEFILE_H
#define MPMSTATS_WHOLEFILE_H

#include <stdbool.h>

#include "failure.h"

/** May a file of that name be replaced? Not a device or a pipe: an ordinary file would take its place. */
bool wholefile_usable(const char *path, failure_t *failure);

/** Puts @a text in the place of the file @a path: a reader, and a crash, finds the old file or the new one. */
bool wholefile_write(const char *path, const char *text, failure_t *failure);

#endif
