/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats save: keeps what the server answers for later, whole or not at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "memory.h"
#include "source.h"
#include "view.h"

static bool file_failure(failure_t *failure, const char *path)
{
    return failure_set(failure, RC_LOCAL, "cannot write %s: %s; name a file in a directory you may write to", path,
                       strerror(errno));
}

/* On the disk before it is renamed: a crash leaves the old file or the new one. */
static bool write_temporary(int fd, const char *path, json_t *document, failure_t *failure)
{
    FILE *file = fdopen(fd, "w");
    bool written;

    if (file == NULL) {
        close(fd);
        return file_failure(failure, path);
    }
    written = json_dumpf(document, file, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) == 0
              && fputc('\n', file) != EOF && fflush(file) == 0 && fsync(fd) == 0;
    if (!written)
        file_failure(failure, path);
    fclose(file);
    return written;
}

/* Renaming onto a device or a pipe would put an ordinary file in its place. */
static bool is_special(const char *path)
{
    struct stat old;

    return stat(path, &old) == 0 && !S_ISREG(old.st_mode);
}

static bool write_file(const char *path, json_t *document, failure_t *failure)
{
    char *temporary = memory_format("%s.XXXXXX", path);
    mode_t mask = umask(0);
    int fd;
    bool done;

    umask(mask);
    fd = mkstemp(temporary);
    if (fd < 0) {
        file_failure(failure, path);
        free(temporary);
        return false;
    }
    done = write_temporary(fd, path, document, failure)
           && ((chmod(temporary, 0666 & ~mask) == 0 && rename(temporary, path) == 0)
               || file_failure(failure, path));
    if (!done)
        unlink(temporary);
    free(temporary);
    return done;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;
    sample_t *sample;
    int rc = RC_OK;

    if (argc == 0) {
        failure_set(&failure, RC_USAGE, "save where? name a file, or - for standard output");
        return failure_report(&failure);
    }
    if (strcmp(argv[0], "-") != 0 && is_special(argv[0])) {
        failure_set(&failure, RC_LOCAL, "%s is no ordinary file; name another, or - for standard output", argv[0]);
        return failure_report(&failure);
    }
    if (!command_no_arguments(argc - 1, argv + 1, &failure)
        || (sample = source_once(settings, &failure)) == NULL)
        return failure_report(&failure);
    if (strcmp(argv[0], "-") == 0)
        rc = view_json(sample->document, "auto");
    else if (!write_file(argv[0], sample->document, &failure))
        rc = failure_report(&failure);
    sample_free(sample);
    return rc;
}

const command_t cmd_save = {
    .name = "save",
    .synopsis = "FILE",
    .summary = "keep what the server answers in a file, for --from and diff",
    .details = "The file is replaced as a whole. It holds addresses of clients: mind who may read it.\n",
    .examples = "  mpmstats save before.json\n"
                "  mpmstats --from before.json workers --state busy\n"
                "  mpmstats diff before.json\n",
    .run = run,
};
