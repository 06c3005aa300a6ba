/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples from a file written by `save` or `--json`, or from standard input.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/decode.h"
#include "source/http.h"
#include "common/memory.h"
#include "source/source.h"

static void *source_file_open(const settings_t *settings, failure_t *failure)
{
    if (settings->unix_socket != NULL) {
        failure_set(failure, RC_USAGE,
                    "--from reads a file, not a socket; leave out --unix-socket");
        return NULL;
    }
    return memory_copy(settings->from);
}

static const char *source_file_name(void *state)
{
    return strcmp(state, "-") == 0 ? "standard input" : state;
}

/* All of @a file, NUL-terminated; NULL when it is unreadable or too large. */
static char *read_all(FILE *file, const char *name, size_t *length, failure_t *failure)
{
    size_t room = 1 << 16;
    char *data = memory_get(room, 1);

    *length = 0;
    for (;;) {
        size_t got = fread(data + *length, 1, room - *length - 1, file);

        *length += got;
        if (got == 0) {
            break;
        }
        if (*length + 1 == room && room <= HTTP_BYTES_MAX) {
            data = memory_resize(data, room *= 2, 1);
        }
    }
    data[*length] = '\0';
    if (!ferror(file) && *length <= HTTP_BYTES_MAX) {
        return data;
    }
    if (ferror(file)) {
        failure_set(failure, RC_LOCAL, "cannot read %s: %s; name a file written by save", name,
                    strerror(errno));
    }
    else {
        failure_set(failure, RC_ANSWER, "%s is larger than %zu MiB; name a file written by save",
                    name, HTTP_BYTES_MAX >> 20);
    }
    free(data);
    return NULL;
}

static sample_t *source_file_take(void *state, failure_t *failure)
{
    const char *path = state, *name = source_file_name(state);
    bool named = strcmp(path, "-") != 0;
    FILE *file = named ? fopen(path, "re") : stdin;
    sample_t *sample = NULL;
    size_t length;
    char *data;

    if (file == NULL) {
        failure_set(failure, RC_LOCAL, "cannot open %s: %s; name a file written by save", name,
                    strerror(errno));
        return NULL;
    }
    data = read_all(file, name, &length, failure);
    if (named) {
        fclose(file);
    }
    if (data != NULL) {
        sample = decode_sample(data, length, name, failure);
    }
    free(data);
    return sample;
}

const source_kind_t source_file = {
    .open = source_file_open,
    .take = source_file_take,
    .name = source_file_name,
    .close = free,
};
