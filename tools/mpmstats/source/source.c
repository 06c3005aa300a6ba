/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selects the source.
 */
#include "source/source.h"

#include <stdlib.h>

#include "source/local_find.h"
#include "common/memory.h"

struct source {
    const source_kind_t *kind;
    void *state;
};

static source_t *open_kind(const source_kind_t *kind, const settings_t *settings,
                           failure_t *failure)
{
    void *state = kind->open(settings, failure);
    source_t *source;

    if (state == NULL) {
        return NULL;
    }
    source = memory_get(1, sizeof(*source));
    source->kind = kind;
    source->state = state;
    return source;
}

/* The option that selects HTTP, or NULL. */
static const char *address_option(const settings_t *settings)
{
    return settings->unix_socket != NULL ? "--unix-socket"
        : settings->user != NULL         ? "--user"
        : settings->cacert != NULL       ? "--cacert"
        : settings->insecure             ? "--insecure"
        : settings->url != NULL          ? "--url"
                                         : NULL;
}

static bool agree(const settings_t *settings, failure_t *failure)
{
    const char *local = settings->segment != NULL ? "--segment"
        : settings->instance != NULL              ? "--instance"
                                                  : NULL;
    const char *address = address_option(settings);

    if (local != NULL && settings->from != NULL) {
        return failure_set(
            failure, RC_USAGE,
            "%s reads a running server, --from a saved answer; leave one of them out", local);
    }
    if (local != NULL && address != NULL) {
        return failure_set(
            failure, RC_USAGE,
            "%s reads a file of this machine, %s asks a server; leave one of them out", local,
            address);
    }
    if (settings->segment != NULL && settings->instance != NULL) {
        return failure_set(failure, RC_USAGE,
                           "--segment and --instance name the same thing; leave one of them out");
    }
    return true;
}

/* The kind, with the path of a segment found. NULL and @a failure filled: invalid settings. */
static const source_kind_t *choose(settings_t *settings, failure_t *failure)
{
    bool named = settings->segment != NULL || settings->instance != NULL;
    char *path;

    if (!agree(settings, failure)) {
        return NULL;
    }
    if (settings->from != NULL) {
        return &source_file;
    }
    if (!named && (settings->url_usual != NULL || address_option(settings) != NULL)) {
        return &source_http;
    }
    switch (local_find(settings, &path, failure)) {
    case LOCAL_FOUND:
        settings->segment = path;
        return &source_segment;
    case LOCAL_NONE:
        return &source_http;
    case LOCAL_CLOSED:
        settings->closed = path;
        return &source_http;
    default:
        return NULL;
    }
}

source_t *source_open(const settings_t *settings, failure_t *failure)
{
    settings_t found = *settings;
    const source_kind_t *kind = choose(&found, failure);
    source_t *source = kind == NULL ? NULL : open_kind(kind, &found, failure);

    if (found.segment != settings->segment) {
        free(found.segment);
    }
    free(found.closed);
    return source;
}

source_t *source_open_file(const char *path, failure_t *failure)
{
    settings_t settings = { .from = (char *)path };

    return open_kind(&source_file, &settings, failure);
}

sample_t *source_take(source_t *source, failure_t *failure)
{
    return source->kind->take(source->state, failure);
}

sample_t *source_take_living(source_t *source, failure_t *failure)
{
    sample_t *sample = source_take(source, failure);
    char *note;

    if (sample == NULL || !sample->dead) {
        return sample;
    }
    note = sample_note(sample);
    failure_set(failure, RC_UNREACHABLE, "%s", note);
    free(note);
    sample_free(sample);
    return NULL;
}

char *source_metrics(source_t *source, bool openmetrics, source_fate_t *fate, failure_t *failure)
{
    *fate = (source_fate_t){ false, NULL };
    if (source->kind->metrics != NULL) {
        return source->kind->metrics(source->state, openmetrics, fate, failure);
    }
    failure_set(failure, RC_USAGE,
                "a saved answer has no metrics; read a server with --url or --segment");
    return NULL;
}

const char *source_name(const source_t *source)
{
    return source->kind->name(source->state);
}

void source_close(source_t *source)
{
    if (source == NULL) {
        return;
    }
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
