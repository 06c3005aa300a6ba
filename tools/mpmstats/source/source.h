/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/source.h
 * @brief Where samples come from.
 *
 * A kind of source is one source_kind_t in a file of its own. source.c picks it by
 * the settings; commands do not know which one they have.
 */
#ifndef MPMSTATS_CLI_SOURCE_SOURCE_H
#define MPMSTATS_CLI_SOURCE_SOURCE_H

#include "common/failure.h"
#include "fields/sample.h"
#include "common/settings.h"

typedef struct source source_t;

/** How the server is, beside what it says. */
typedef struct {
    bool dead;
    char *note; /**< as by sample_note(), or NULL */
} source_fate_t;

/** What a kind of source does. @a state is its own, made by open. */
typedef struct {
    /** NULL and @a failure filled when the settings make no sense to it. */
    void *(*open)(const settings_t *settings, failure_t *failure);
    /** A new sample, or NULL and @a failure filled; the caller frees it. */
    sample_t *(*take)(void *state, failure_t *failure);
    /** See source_metrics(); NULL: there are none of such a source. */
    char *(*metrics)(void *state, bool openmetrics, source_fate_t *fate, failure_t *failure);
    /** Where the samples come from, for people; lives as long as the state. */
    const char *(*name)(void *state);
    void (*close)(void *state);
} source_kind_t;

extern const source_kind_t source_segment;
extern const source_kind_t source_http;
extern const source_kind_t source_file;

/**
 * Opens the source the settings ask for; nothing is read yet. Without an address, a file or
 * anything that belongs to one it is the segment of the server of this machine, and where there is
 * none the default address.
 */
source_t *source_open(const settings_t *settings, failure_t *failure);

/** Opens a saved sample. */
source_t *source_open_file(const char *path, failure_t *failure);

sample_t *source_take(source_t *source, failure_t *failure);

/**
 * The same, but a dead server is a failure (RC_UNREACHABLE): what is known of it does not change
 * any more.
 */
sample_t *source_take_living(source_t *source, failure_t *failure);

/**
 * The server as metrics: OpenMetrics 1.0, or the older text format of Prometheus. NULL and @a
 * failure filled when there are none. The caller frees them, and fate->note.
 */
char *source_metrics(source_t *source, bool openmetrics, source_fate_t *fate, failure_t *failure);

const char *source_name(const source_t *source);
void source_close(source_t *source);

/** Opens, takes one sample and closes. */
sample_t *source_once(const settings_t *settings, failure_t *failure);

#endif
