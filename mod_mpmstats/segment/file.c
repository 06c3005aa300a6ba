/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a segment. */
#include "segment/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- opening ---------------------------------------------------------------- */

static int fail_open(const char *path, int error, segment_failure_t *failure)
{
    switch (error) {
    case ENOENT:
        segment_fail(failure, SEGMENT_ABSENT, error, "%s does not exist", path);
        break;
    case EACCES:
    case EPERM:
        segment_fail(failure, SEGMENT_DENIED, error, "%s: permission denied", path);
        break;
    case ELOOP:
        segment_fail(failure, SEGMENT_NOT_FILE, error, "%s is a symbolic link", path);
        break;
    default:
        segment_fail(failure, SEGMENT_SYSTEM, error, "%s: %s", path, strerror(error));
        break;
    }
    return -1;
}

int segment_open_regular(const char *path, int flags, segment_failure_t *failure)
{
    int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0) {
        return fail_open(path, errno, failure);
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        segment_fail(failure, SEGMENT_NOT_FILE, 0, "%s is not a regular file", path);
        return -1;
    }
    return fd;
}

static struct flock whole_file(short type)
{
    struct flock lock;

    memset(&lock, 0, sizeof(lock));
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return lock;
}

bool segment_has_writer(int fd)
{
    struct flock lock = whole_file(F_RDLCK);

    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
}

/*
 * On a file system without locks the segment is used unlocked. False: another process has the lock.
 */
static bool take_lock(int fd)
{
    struct flock lock = whole_file(F_WRLCK);

    return fcntl(fd, F_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES);
}

/* ---- an existing file ------------------------------------------------------- */

/* Whether the file at the name may be replaced. */
static segment_error_e may_replace(const char *path, segment_failure_t *failure)
{
    char magic[8];
    int fd = segment_open_regular(path, O_RDONLY | O_NOFOLLOW, failure);
    ssize_t got;
    bool live;

    if (fd < 0) {
        if (failure->code == SEGMENT_ABSENT) {
            return SEGMENT_OK;
        }
        if (failure->code == SEGMENT_NOT_FILE) {
            strncat(failure->text, "; it is not touched, remove it or choose another name",
                    sizeof(failure->text) - strlen(failure->text) - 1);
        }
        return failure->code;
    }
    got = pread(fd, magic, sizeof(magic), 0);
    live = segment_has_writer(fd);
    close(fd);
    if (got != 0 && (got != sizeof(magic) || memcmp(magic, SEGMENT_MAGIC, sizeof(magic)) != 0)) {
        return segment_fail(failure, SEGMENT_FOREIGN, 0,
                            "%s exists and is not a segment of mod_mpmstats; "
                            "it is not touched, remove it or choose another name",
                            path);
    }
    if (live) {
        return segment_fail(failure, SEGMENT_IN_USE, 0,
                            "%s is in use by a running server; "
                            "choose another name",
                            path);
    }
    return SEGMENT_OK;
}

/* ---- creating one ----------------------------------------------------------- */

static segment_error_e fail_make(const char *what, const char *path, int error,
                                 segment_failure_t *failure)
{
    segment_error_e code = error == EACCES || error == EPERM ? SEGMENT_DENIED : SEGMENT_SYSTEM;

    return segment_fail(failure, code, error, "cannot %s %s: %s", what, path, strerror(error));
}

segment_error_e segment_permit(const segment_t *segment, mode_t mode, gid_t group,
                               segment_failure_t *failure)
{
    if (segment->fd < 0) {
        return SEGMENT_OK;
    }
    if (group != (gid_t)-1 && fchown(segment->fd, (uid_t)-1, group) != 0) {
        return segment_fail(failure, errno == EPERM ? SEGMENT_DENIED : SEGMENT_SYSTEM, errno,
                            "cannot give %s to group %ld: %s", segment->path, (long)group,
                            strerror(errno));
    }
    if (fchmod(segment->fd, mode) != 0) {
        return fail_make("set the mode of", segment->path, errno, failure);
    }
    return SEGMENT_OK;
}

static segment_error_e map(segment_t *segment, const segment_shape_t *shape, int fd,
                           segment_failure_t *failure)
{
    size_t size = segment_size(shape);
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0),
                      fd, 0);

    if (base == MAP_FAILED) {
        return segment_fail(failure, SEGMENT_SYSTEM, errno, "cannot map %zu bytes: %s", size,
                            strerror(errno));
    }
    segment_bind(segment, shape, base);
    return SEGMENT_OK;
}

/* Locks and maps the file, which is or will be at `path`. On success the handle owns `fd`. */
static segment_error_e map_file(segment_t *segment, const segment_shape_t *shape, int fd,
                                const char *path, segment_failure_t *failure)
{
    segment_error_e code;

    if (!take_lock(fd)) {
        return segment_fail(failure, SEGMENT_IN_USE, 0, "%s is in use by a running server", path);
    }
    code = map(segment, shape, fd, failure);
    if (code != SEGMENT_OK) {
        return code;
    }
    segment->fd = fd;
    segment->path = strdup(path);
    return segment->path != NULL ? SEGMENT_OK : fail_make("map", path, ENOMEM, failure);
}

/*
 * Fills the file and renames it to place->path. On failure the caller cleans up.
 */
static segment_error_e fill_file(segment_t *segment, const segment_shape_t *shape,
                                 const segment_place_t *place, const char *temporary, int fd,
                                 uint64_t created, segment_failure_t *failure)
{
    int error = posix_fallocate(fd, 0, (off_t)segment_size(shape));
    segment_error_e code;

    if (error != 0) {
        return segment_fail(failure, SEGMENT_SYSTEM, error, "cannot get %zu bytes for %s: %s",
                            segment_size(shape), place->path, strerror(error));
    }
    code = map_file(segment, shape, fd, place->path, failure);
    if (code == SEGMENT_OK) {
        code = segment_permit(segment, place->mode, place->group, failure);
    }
    if (code != SEGMENT_OK) {
        return code;
    }
    segment_format(segment, created);
    return rename(temporary, place->path) == 0 ? SEGMENT_OK
                                               : fail_make("make", place->path, errno, failure);
}

static segment_error_e create_file(segment_t *segment, const segment_shape_t *shape,
                                   const segment_place_t *place, uint64_t created,
                                   segment_failure_t *failure)
{
    char temporary[4096];
    int length = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", place->path);
    segment_error_e code;
    int fd;

    if (length < 0 || (size_t)length >= sizeof(temporary)) {
        return fail_make("make", place->path, ENAMETOOLONG, failure);
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return fail_make("make", place->path, errno, failure);
    }
    code = fill_file(segment, shape, place, temporary, fd, created, failure);
    if (code != SEGMENT_OK) {
        unlink(temporary);
        segment->fd = fd;
        segment_unmap(segment);
    }
    return code;
}

segment_error_e segment_create(segment_t *segment, const segment_shape_t *shape,
                               const segment_place_t *place, uint64_t created,
                               segment_failure_t *failure)
{
    segment_error_e code;

    memset(segment, 0, sizeof(*segment));
    segment->fd = -1;
    memset(failure, 0, sizeof(*failure));
    if (segment_size(shape) > SEGMENT_BYTES_MAX) {
        return segment_fail(failure, SEGMENT_SYSTEM, EFBIG,
                            "a segment of %zu bytes would be too large", segment_size(shape));
    }
    if (place->path == NULL) {
        code = map(segment, shape, -1, failure);
        if (code == SEGMENT_OK) {
            segment_format(segment, created);
        }
        return code;
    }
    code = may_replace(place->path, failure);
    return code == SEGMENT_OK ? create_file(segment, shape, place, created, failure) : code;
}

/* ---- its end ---------------------------------------------------------------- */

bool segment_in_place(const segment_t *segment)
{
    struct stat ours, there;

    return segment->fd >= 0 && fstat(segment->fd, &ours) == 0 && lstat(segment->path, &there) == 0
        && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

void segment_release(segment_t *segment)
{
    if (segment->fd >= 0) {
        close(segment->fd);
        segment->fd = -1;
    }
}

void segment_remove(const segment_t *segment)
{
    if (segment_in_place(segment)) {
        unlink(segment->path);
    }
}

void segment_unmap(segment_t *segment)
{
    segment_release(segment);
    if (segment->base != NULL) {
        munmap(segment->base, segment->size);
    }
    free(segment->path);
    memset(segment, 0, sizeof(*segment));
    segment->fd = -1;
}
