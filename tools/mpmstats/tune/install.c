/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and renames. Files are fsync()ed before they get their names.
 */
#include "tune/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/procfs.h"

#define SNIPPET_MOST 65536

static char *default_directory(void)
{
    const char *confdir = getenv("APACHE_CONFDIR");

    return confdir != NULL && confdir[0] == '/' ? memory_format("%s/conf-available", confdir)
                                                : memory_copy(INSTALL_DEFAULT_DIR);
}

/* DIR/../conf-enabled/NAME when a2enconf uses DIR; NULL for other directories. */
static char *link_of(const char *directory)
{
    static const char available[] = "conf-available";
    size_t length = strlen(directory), tail = sizeof(available) - 1;
    char *link;
    struct stat status;
    bool there;

    if (length < tail || strcmp(directory + length - tail, available) != 0) {
        return NULL;
    }
    link = memory_format("%.*sconf-enabled", (int)(length - tail), directory);
    there = stat(link, &status) == 0 && S_ISDIR(status.st_mode);
    free(link);
    return there ? memory_format("%.*sconf-enabled/" INSTALL_NAME, (int)(length - tail), directory)
                 : NULL;
}

static bool lock(install_t *install, failure_t *failure)
{
    install->lock = open(install->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (install->lock >= 0 && flock(install->lock, LOCK_EX | LOCK_NB) != 0) {
        return failure_set(failure, RC_LOCAL,
                           "another mpmstats tune --apply is running in %s; wait for it",
                           install->directory);
    }
    return access(install->directory, W_OK) == 0
        || failure_set(
               failure, RC_LOCAL,
               "cannot write into %s: %s; run this as root, or name another directory with --conf-dir",
               install->directory, strerror(errno));
}

bool install_peek(install_t *install, const char *directory, failure_t *failure)
{
    char *absolute, *text = memory_get(SNIPPET_MOST, 1), *wanted;
    struct stat status;

    memset(install, 0, sizeof(*install));
    install->lock = -1;
    wanted = directory != NULL ? memory_copy(directory) : default_directory();
    absolute = realpath(wanted, NULL);
    if (absolute == NULL) {
        failure_set(
            failure, RC_LOCAL,
            "cannot use %s: %s; name the directory of the server's snippets with --conf-dir",
            wanted, strerror(errno));
        free(wanted);
        free(text);
        return false;
    }
    free(wanted);
    install->directory = memory_copy(absolute);
    free(absolute);
    install->file = memory_format("%s/" INSTALL_NAME, install->directory);
    install->candidate = memory_format("%s/." INSTALL_NAME ".new", install->directory);
    install->previous = memory_format("%s/" INSTALL_NAME ".previous", install->directory);
    install->enabled = link_of(install->directory);
    install->had_link = install->enabled != NULL && lstat(install->enabled, &status) == 0;
    if (procfs_text(install->file, text, SNIPPET_MOST)) {
        install->old = memory_copy(text);
    }
    free(text);
    if (install->old == NULL || strlen(install->old) < SNIPPET_MOST - 1) {
        return true;
    }
    failure_set(
        failure, RC_LOCAL,
        "%s is larger than %d KiB, so it is not this program's; name another directory with --conf-dir",
        install->file, SNIPPET_MOST / 1024);
    install_close(install);
    return false;
}

bool install_open(install_t *install, const char *directory, failure_t *failure)
{
    if (!install_peek(install, directory, failure)) {
        return false;
    }
    if (lock(install, failure)) {
        return true;
    }
    install_close(install);
    return false;
}

static bool cannot(const install_t *install, const char *what, const char *path, failure_t *failure)
{
    (void)install;
    return failure_set(failure, RC_LOCAL, "cannot %s %s: %s; nothing was changed", what, path,
                       strerror(errno));
}

bool install_write(install_t *install, const char *text, failure_t *failure)
{
    FILE *file;
    bool written;

    free(install->text);
    install->text = memory_copy(text);
    unlink(install->candidate); /* from a killed process; the lock is held */
    file = fopen(install->candidate, "wxe");
    if (file == NULL) {
        return cannot(install, "create", install->candidate, failure);
    }
    written = fputs(text, file) >= 0 && fflush(file) == 0 && fchmod(fileno(file), 0644) == 0
        && fsync(fileno(file)) == 0;
    if (fclose(file) != 0 || !written) {
        return cannot(install, "write", install->candidate, failure);
    }
    return true;
}

/* link() that replaces an existing @a to. */
static bool link_over(const install_t *install, const char *from, const char *to)
{
    char *temporary = memory_format("%s/." INSTALL_NAME ".link", install->directory);
    bool done;

    unlink(temporary);
    done = link(from, temporary) == 0 && rename(temporary, to) == 0;
    if (!done) {
        unlink(temporary);
    }
    free(temporary);
    return done;
}

static void on_disk(const install_t *install)
{
    if (install->lock >= 0) {
        fsync(install->lock);
    }
}

bool install_put(install_t *install, failure_t *failure)
{
    if (install->old != NULL && !link_over(install, install->file, install->previous)) {
        return cannot(install, "keep", install->previous, failure);
    }
    if (rename(install->candidate, install->file) != 0) {
        return cannot(install, "replace", install->file, failure);
    }
    on_disk(install);
    if (install->enabled != NULL && !install->had_link
        && symlink("../conf-available/" INSTALL_NAME, install->enabled) != 0 && errno != EEXIST) {
        cannot(install, "create", install->enabled, failure);
        if (install->old == NULL) {
            unlink(install->file);
        }
        else {
            link_over(install, install->previous, install->file);
        }
        return false;
    }
    return true;
}

/* True when the installed snippet has been modified since. */
static bool was_changed(const install_t *install)
{
    char *text = memory_get(SNIPPET_MOST, 1);
    bool read = procfs_text(install->file, text, SNIPPET_MOST);
    bool changed = read ? strncmp(text, install->text, SNIPPET_MOST - 1) != 0
                        : install->old != NULL;

    free(text);
    return changed;
}

bool install_undo(install_t *install, failure_t *failure)
{
    if (was_changed(install)) {
        return failure_set(failure, RC_LOCAL,
                           "%s has been modified meanwhile and is left as it is%s%s", install->file,
                           install->old != NULL ? "; what was there before is " : "",
                           install->old != NULL ? install->previous : "");
    }
    if (install->enabled != NULL && !install->had_link && unlink(install->enabled) != 0
        && errno != ENOENT) {
        return failure_set(failure, RC_LOCAL, "cannot remove %s: %s; remove it by hand",
                           install->enabled, strerror(errno));
    }
    if (install->old != NULL ? !link_over(install, install->previous, install->file)
                             : unlink(install->file) != 0 && errno != ENOENT) {
        return failure_set(failure, RC_LOCAL, "cannot put back %s: %s; do it by hand, %s",
                           install->file, strerror(errno),
                           install->old != NULL ? "the old one has .previous at its end"
                                                : "there was none before");
    }
    on_disk(install);
    return true;
}

void install_close(install_t *install)
{
    if (install->lock >= 0) {
        unlink(install->candidate);
        close(install->lock);
    }
    free(install->directory);
    free(install->file);
    free(install->candidate);
    free(install->previous);
    free(install->enabled);
    free(install->old);
    free(install->text);
    memset(install, 0, sizeof(*install));
    install->lock = -1;
}
