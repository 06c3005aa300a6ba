/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/memory.h
 * @brief Allocation that never returns NULL.
 *
 * On failure these print one line and exit with RC_LOCAL. The caller frees the
 * results with free().
 */
#ifndef MPMSTATS_CLI_COMMON_MEMORY_H
#define MPMSTATS_CLI_COMMON_MEMORY_H

#include <stddef.h>
#include <stdio.h>

/** @a count zeroed elements of @a size bytes; never NULL, even when @a count is 0. */
void *memory_get(size_t count, size_t size);

/** realloc() to @a count elements of @a size bytes; new elements are not zeroed. */
void *memory_resize(void *old, size_t count, size_t size);

char *memory_copy(const char *text);

/** sprintf() into allocated memory. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** A text built through a stream. */
typedef struct {
    FILE *out; /**< the stream to write to */
    char *text;
    size_t length; /**< valid after memory_text_close() */
} memory_text_t;

/** Opens the stream; @a text must not move until memory_text_close(). Returns text->out. */
FILE *memory_text_open(memory_text_t *text);

/** Closes the stream. Returns the text, never NULL. */
char *memory_text_close(memory_text_t *text);

#endif
