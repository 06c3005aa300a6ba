/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/source.h
 * @brief Sources of samples: segment, HTTP, saved file.
 *
 * Each kind is one source_kind_t in its own file. source.c selects it by the
 * settings; commands are independent of the kind.
 */
#ifndef MPMSTATS_CLI_SOURCE_SOURCE_H
#define MPMSTATS_CLI_SOURCE_SOURCE_H

#include "common/failure.h"
#include "fields/sample.h"
#include "common/settings.h"

typedef struct source source_t;

/** State of the server besides its figures. */
typedef struct {
    bool dead;
    char *note; /**< as from sample_note(), or NULL */
} source_fate_t;

/** A kind of source. open() creates its @a state. */
typedef struct {
    /** NULL and @a failure filled when the settings are invalid for it. */
    void *(*open)(const settings_t *settings, failure_t *failure);
    /** A new sample, or NULL and @a failure filled; the caller frees it. */
    sample_t *(*take)(void *state, failure_t *failure);
    /** See source_metrics(); NULL: not available from this kind. */
    char *(*metrics)(void *state, bool openmetrics, source_fate_t *fate, failure_t *failure);
    /** The origin of the samples, to print; valid as long as the state. */
    const char *(*name)(void *state);
    void (*close)(void *state);
} source_kind_t;

extern const source_kind_t source_segment;
extern const source_kind_t source_http;
extern const source_kind_t source_file;

/**
 * Opens the source that the settings select, without reading it. The default is the segment of
 * the local server, then the default address.
 */
source_t *source_open(const settings_t *settings, failure_t *failure);

/** Opens a saved sample. */
source_t *source_open_file(const char *path, failure_t *failure);

sample_t *source_take(source_t *source, failure_t *failure);

/**
 * The same, but a dead server is a failure (RC_UNREACHABLE), since its figures no longer change.
 */
sample_t *source_take_living(source_t *source, failure_t *failure);

/**
 * The server as metrics: OpenMetrics 1.0 or the older Prometheus text format. NULL and @a failure
 * filled when not available. The caller frees the text and fate->note.
 */
char *source_metrics(source_t *source, bool openmetrics, source_fate_t *fate, failure_t *failure);

const char *source_name(const source_t *source);
void source_close(source_t *source);

/** Opens, takes one sample and closes. */
sample_t *source_once(const settings_t *settings, failure_t *failure);

#endif
