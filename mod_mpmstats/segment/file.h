/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/file.h
 * @brief The file of a segment: created safely, attached again, removed.
 *
 * A new file is created beside its final name, under an unpredictable name, with its final mode,
 * group and size (all blocks are allocated first, so that no write into the mapping can fail),
 * laid out, and then renamed. So a reader never finds a partial segment, a symbolic link is never
 * followed, and an existing file is replaced only if it is a segment or empty, and no live server
 * writes to it.
 *
 * The process that created a segment holds a lock on its file until it ends or calls
 * segment_release(): the lock shows others that it is alive. The lock is the process's (fcntl(2),
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
    const char *path; /**< NULL: no file, anonymous memory shared with later children */
    mode_t mode;      /**< of the file, regardless of the umask */
    gid_t group;      /**< (gid_t)-1: the default */
} segment_place_t;

/**
 * Creates a segment of @a shape at @a place, empty but for its description.
 * @param created  microseconds since the epoch
 */
segment_error_e segment_create(segment_t *segment, const segment_shape_t *shape,
                               const segment_place_t *place, uint64_t created,
                               segment_failure_t *failure);

/** Changes the mode and group of the file. */
segment_error_e segment_permit(const segment_t *segment, mode_t mode, gid_t group,
                               segment_failure_t *failure);

/** Whether the file of @a segment is still at its name. */
bool segment_in_place(const segment_t *segment);

/** Closes the file, not the mapping: for a process that does not own the writer's lock. */
void segment_release(segment_t *segment);

/** Removes the file, if it is still at its name. The mapping stays. */
void segment_remove(const segment_t *segment);

/** Releases the mapping, the file descriptor and the handle's own memory. */
void segment_unmap(segment_t *segment);

/**
 * Opens a regular file; never blocks, as opening a pipe would.
 * @param flags  O_RDONLY, with O_NOFOLLOW to refuse a symbolic link too
 * @return the descriptor; -1 and @a failure
 */
int segment_open_regular(const char *path, int flags, segment_failure_t *failure);

/** Whether another process holds the writer's lock on the file. */
bool segment_has_writer(int fd);

#endif
