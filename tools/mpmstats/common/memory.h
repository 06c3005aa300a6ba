/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/memory.h
 * @brief Allocation that does not fail: a program that prints tables has nothing better to do then.
 *
 * When memory is short these print one line and exit with RC_LOCAL. Everything
 * they return is the caller's to free().
 */
#ifndef MPMSTATS_CLI_COMMON_MEMORY_H
#define MPMSTATS_CLI_COMMON_MEMORY_H

#include <stddef.h>
#include <stdio.h>

/** @a count zeroed elements of @a size bytes; never NULL, not even for none. */
void *memory_get(size_t count, size_t size);

/** realloc() of an array to @a count elements of @a size bytes; new ones are not zeroed. */
void *memory_resize(void *old, size_t count, size_t size);

char *memory_copy(const char *text);

/** sprintf() into memory. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Text that is written piece by piece. */
typedef struct {
    FILE *out; /**< to write to */
    char *text;
    size_t length; /**< valid once it is closed */
} memory_text_t;

/** Begins one; @a text stays where it is until it is closed. Returns text->out. */
FILE *memory_text_open(memory_text_t *text);

/** Ends it. Returns all that was written, never NULL. */
char *memory_text_close(memory_text_t *text);

#endif
