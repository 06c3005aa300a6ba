/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/sample.h
 * @brief A sample: one snapshot of a server and the owner of its memory.
 *
 * Sources (source.h) fill a sample; commands read sample->snap or sample_document(),
 * regardless of the source. Values that a source does not have are unknown, not 0
 * (snapshot.h). Clients choose some of the strings, which may not be UTF-8: pass
 * them through text_safe() before printing.
 *
 * One thread at a time owns a sample.
 */
#ifndef MPMSTATS_CLI_FIELDS_SAMPLE_H
#define MPMSTATS_CLI_FIELDS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "apr_pools.h"
#include "common/failure.h"
#include "figures/snapshot.h"

typedef struct sample sample_t;

struct sample {
    snapshot_t snap;
    /** the segment file it was read from; NULL: an HTTP answer or a saved file */
    char *origin;
    bool dead;     /**< the server no longer runs; this is its last known state */
    bool stopped;  /**< with dead: an orderly stop */
    double age_us; /**< age of a dead server's figures; else 0 */
    bool recorded; /**< virtual hosts, handlers, listeners and events are known */
    /** time since the live parent process last made progress; 0: it is working */
    double silent_us;
    /** number of stalled processes of a live server; see sample_still() */
    int still;
    long long still_pid; /**< one of them */
    int holders;         /**< reference count, see sample_hold() */

    /* Storage: the received document, which owns the strings, or memory of this program. */
    json_t *document; /**< NULL: not yet requested; see sample_document() */
    apr_pool_t *pool; /**< owns everything in snap; NULL: sample_rows() allocated the rows */
    /**
     * Returns the document of @a snap as text, or only its array @a section. @a snap is this
     * sample's or a copy with fewer rows. The caller frees the text.
     */
    char *(*describe)(const sample_t *sample, const snapshot_t *snap, const char *section);
    /** microseconds at each number of busy workers, for describe(); or NULL */
    snapshot_bucket_t *busy_time;
    size_t busy_times;
};

/** A sample with every value unknown; exits the program when memory is short. */
sample_t *sample_new(void);

/** Number of rows of each kind. */
typedef struct {
    size_t processes, workers, vhosts, handlers, listeners, events;
} sample_counts_t;

/** Allocates the rows, every value unknown. */
void sample_rows(sample_t *sample, const sample_counts_t *counts);

/** Adds a reference; returns @a sample. */
sample_t *sample_hold(sample_t *sample);

void sample_free(sample_t *sample);

/** The sample as JSON, unknown keys of newer servers included; a borrowed reference. */
json_t *sample_document(sample_t *sample);

/** The same as text, in any layout; the caller frees it. */
char *sample_text(const sample_t *sample);

/** True when the recorded figures are known; else false and @a failure filled. */
bool sample_is_recorded(const sample_t *sample, failure_t *failure);

/**
 * Counts the stalled processes: main thread without progress for STILL_US, or reported by
 * @a stopped, which may be NULL. The figures of a stalled process are out of date.
 */
void sample_still(sample_t *sample,
                  bool (*stopped)(const sample_t *sample, const snapshot_process_t *process));

/** True when all processes are stalled, so no request is served. */
bool sample_stands_still(const sample_t *sample);

/** A warning to print with the sample, e.g. "the server is dead", or NULL. Caller frees it. */
char *sample_note(const sample_t *sample);

/**
 * Ends a command that has printed a sample: frees it and prints sample_note() on stderr. Returns
 * the exit code.
 */
int sample_end(sample_t *sample, int rc);

#endif
