/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The choice of a source.
 */
#include "source.h"

#include <stdlib.h>

#include "memory.h"

struct source {
    const source_kind_t *kind;
    void *state;
};

static source_t *open_kind(const source_kind_t *kind, const settings_t *settings, failure_t *failure)
{
    void *state = kind->open(settings, failure);
    source_t *source;

    if (state == NULL)
        return NULL;
    source = memory_get(1, sizeof(*source));
    source->kind = kind;
    source->state = state;
    return source;
}

source_t *source_open(const settings_t *settings, failure_t *failure)
{
    return open_kind(settings->from != NULL ? &source_file : &source_http, settings, failure);
}

source_t *source_open_file(const char *path, failure_t *failure)
{
    settings_t settings = {.from = (char *)path};

    return open_kind(&source_file, &settings, failure);
}

sample_t *source_take(source_t *source, failure_t *failure)
{
    return source->kind->take(source->state, failure);
}

const char *source_name(const source_t *source)
{
    return source->kind->name(source->state);
}

void source_close(source_t *source)
{
    if (source == NULL)
        return;
    source->kind->close(source->state);
    free(source);
}

sample_t *source_once(const settings_t *settings, failure_t *failure)
{
    source_t *source = source_open(settings, failure);
    sample_t *sample = source == NULL ? NULL : source_take(source, failure);

    source_close(source);
    return sample;
}
