/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/file.h
 * @brief The file around a segment: made safely, found again, taken away.
 *
 * A new file is made beside its final name, under a name nobody can guess, with its final mode,
 * group and size (all of its blocks are there before anything is written: no write into the mapping
 * can fail), laid out, and then renamed. So a reader never finds half a segment, a link in the way
 * is never followed, and what is at the name already is replaced only if it is a segment, or empty,
 * and no live server writes to it.
 *
 * The process that made a segment holds a lock on its file until it ends or calls
 * segment_release(): that is how others know that it is alive. The lock is the process's (fcntl(2),
 * F_SETLK): children do not inherit it, and it is lost when that process closes any other
 * descriptor of the same file; so it must not open its own segment for reading.
 *
 * One thread at a time. Memory: the mapping is the caller's until segment_unmap().
 */
#ifndef MPMSTATS_SEGMENT_FILE_H
#define MPMSTATS_SEGMENT_FILE_H

#include <sys/types.h>

#include "segment/write.h"

typedef struct {
    const char *path; /**< NULL: no file, memory shared with later children alone */
    mode_t mode;      /**< of the file, whatever the umask */
    gid_t group;      /**< (gid_t)-1: as it comes */
} segment_place_t;

/**
 * Makes a segment of @a shape at @a place, empty but for its description.
 * @param created  microseconds since the epoch
 */
segment_error_e segment_create(segment_t *segment, const segment_shape_t *shape,
                               const segment_place_t *place, uint64_t created,
                               segment_failure_t *failure);

/**
 * Maps the segment that is there, if it is of this build and @a shape and nobody else writes to it,
 * to go on with it.
 */
segment_error_e segment_attach(segment_t *segment, const segment_shape_t *shape, const char *path,
                               segment_failure_t *failure);

/** Gives the file another mode and group. */
segment_error_e segment_permit(const segment_t *segment, mode_t mode, gid_t group,
                               segment_failure_t *failure);

/** Whether the file of @a segment is still at its name. */
bool segment_in_place(const segment_t *segment);

/** Closes the file, not the mapping: this process is not the one whose life others watch. */
void segment_release(segment_t *segment);

/** Takes the file away, if it is still at its name. The mapping stays. */
void segment_remove(const segment_t *segment);

/** Gives up the mapping, the file handle and the handle's own memory. */
void segment_unmap(segment_t *segment);

/**
 * Opens a file, which must be a regular one; never waits, for a pipe say.
 * @param flags  O_RDONLY or O_RDWR, with O_NOFOLLOW where it must not be a link either
 * @return the descriptor; -1 and @a failure
 */
int segment_open_regular(const char *path, int flags, segment_failure_t *failure);

/** Whether another process holds the writer's lock on the file. */
bool segment_has_writer(int fd);

#endif
