/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a temporary file in the same directory, fsync()s it and renames it.
 */
#include "common/wholefile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"

#define PRIVATE 0600

static bool file_failure(failure_t *failure, const char *path)
{
    return failure_set(failure, RC_LOCAL,
                       "cannot write %s: %s; name a file in a directory you may write to", path,
                       strerror(errno));
}

bool wholefile_usable(const char *path, failure_t *failure)
{
    struct stat old;

    return stat(path, &old) != 0 || S_ISREG(old.st_mode)
        || failure_set(failure, RC_LOCAL,
                       "%s is no ordinary file; name another, or - for standard output", path);
}

bool wholefile_possible(const char *path, failure_t *failure)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL ? memory_copy(".")
                                    : memory_format("%.*s", (int)(slash - path) + 1, path);
    bool possible = access(directory, W_OK | X_OK) == 0 || file_failure(failure, path);

    free(directory);
    return possible && wholefile_usable(path, failure);
}

static bool write_temporary(int fd, const char *path, const char *text, failure_t *failure)
{
    FILE *file = fdopen(fd, "w");
    bool written;

    if (file == NULL) {
        close(fd);
        return file_failure(failure, path);
    }
    written = fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fd) == 0;
    if (!written) {
        file_failure(failure, path);
    }
    fclose(file);
    return written;
}

/* mkstemp() creates mode PRIVATE; chmod() to a wider mode follows the complete write. */
static bool replace(const char *path, const char *text, mode_t mode, failure_t *failure)
{
    char *temporary = memory_format("%s.XXXXXX", path);
    int fd = mkstemp(temporary);
    bool done;

    if (fd < 0) {
        file_failure(failure, path);
        free(temporary);
        return false;
    }
    done = write_temporary(fd, path, text, failure)
        && (((mode == PRIVATE || chmod(temporary, mode) == 0) && rename(temporary, path) == 0)
            || file_failure(failure, path));
    if (!done) {
        unlink(temporary);
    }
    free(temporary);
    return done;
}

bool wholefile_write(const char *path, const char *text, failure_t *failure)
{
    mode_t mask = umask(0);

    umask(mask);
    return replace(path, text, 0666 & ~mask, failure);
}

bool wholefile_write_private(const char *path, const char *text, failure_t *failure)
{
    return replace(path, text, PRIVATE, failure);
}
