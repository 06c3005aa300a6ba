/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/sample.h
 * @brief One look at a server: a snapshot, and what owns its memory.
 *
 * Commands read sample->snap and, for JSON, sample_document(); sources (source.h) fill it, so
 * it does not matter whether the figures came from an address or a file. What
 * a source does not know is unknown there, not zero (see snapshot.h). Strings
 * are not harmless, clients chose some of them, and need not be UTF-8: they go through text_safe()
 * before they reach a terminal.
 *
 * A sample belongs to one thread at a time.
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
    /** the segment it was read from, without asking the server; NULL: it answered, or a file did */
    char *origin;
    bool dead;     /**< its server runs no more, what is here is the last that was known … */
    bool stopped;  /**< … and it was stopped in order */
    double age_us; /**< of what is here; 0 unless dead */
    bool recorded; /**< virtual hosts, handlers, listeners and events are known */
    /** a living server's parent process has not done anything for so long; 0: it is at work */
    double silent_us;
    /** of a living server's processes, those that do not move; see sample_still() */
    int still;
    long long still_pid; /**< one of them */
    int holders;         /**< how many will call sample_free() */

    /*
     * What the figures lie in: the document that was sent, which owns the strings, or memory of
     * this program's.
     */
    json_t *document; /**< NULL: nobody has asked for it yet; see sample_document() */
    apr_pool_t *pool; /**< of everything in snap; NULL: its rows are sample_rows()'s */
    /**
     * Makes the text of the document of @a snap, which is this sample's, or one with some of its
     * rows; or of its array
     * @a section alone. The caller frees it.
     */
    char *(*describe)(const sample_t *sample, const snapshot_t *snap, const char *section);
    /** microseconds spent at each number of busy workers, for describe(); or NULL */
    snapshot_bucket_t *busy_time;
    size_t busy_times;
};

/** A sample in which nothing is known; exits the program when memory is short. */
sample_t *sample_new(void);

/** How many rows of each kind there are. */
typedef struct {
    size_t processes, workers, vhosts, handlers, listeners, events;
} sample_counts_t;

/** Makes room for the rows, all values unknown. */
void sample_rows(sample_t *sample, const sample_counts_t *counts);

/** One more who will free it; returns @a sample. */
sample_t *sample_hold(sample_t *sample);

void sample_free(sample_t *sample);

/** All of it as JSON, with what only a newer server knows; the sample's reference. */
json_t *sample_document(sample_t *sample);

/** The same as text, in any layout; the caller frees it. */
char *sample_text(const sample_t *sample);

/** Is known what only a recording server knows? False and @a failure filled when not. */
bool sample_is_recorded(const sample_t *sample, failure_t *failure);

/**
 * Counts the processes that do not move: their main thread has not for some seconds, or @a stopped,
 * which may be NULL, says so. The figures of such a process are its last.
 */
void sample_still(sample_t *sample,
                  bool (*stopped)(const sample_t *sample, const snapshot_process_t *process));

/** Does none of the processes move, so that nobody is served? */
bool sample_stands_still(const sample_t *sample);

/**
 * What somebody who looks at this has to know: that the server is dead, say. NULL: nothing; else
 * the caller frees it.
 */
char *sample_note(const sample_t *sample);

/**
 * The end of a command that has shown a sample: frees it, notes on stderr what there is to note.
 * Returns the exit code.
 */
int sample_end(sample_t *sample, int rc);

#endif
