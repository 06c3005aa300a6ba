/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checked allocation; the only place that exits on failure.
 */
#include "common/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rc.h"

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("mpmstats: out of memory; nothing was changed, try again later\n", stderr);
        exit(RC_LOCAL);
    }
    return memory;
}

void *memory_get(size_t count, size_t size)
{
    return checked(calloc(count == 0 ? 1 : count, size));
}

void *memory_resize(void *old, size_t count, size_t size)
{
    return checked(reallocarray(old, count == 0 ? 1 : count, size));
}

char *memory_copy(const char *text)
{
    return checked(strdup(text));
}

char *memory_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    return checked(length < 0 ? NULL : text);
}

FILE *memory_text_open(memory_text_t *text)
{
    text->out = checked(open_memstream(&text->text, &text->length));
    return text->out;
}

char *memory_text_close(memory_text_t *text)
{
    int cut = ferror(text->out);

    cut |= fclose(text->out);
    return checked(cut ? NULL : text->text);
}
