/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/install.h
 * @brief Installs a configuration snippet, and undoes it.
 *
 * Every step is one rename(2), link or unlink, so after a crash the file is entirely the old or
 * the new one. A lock admits one program at a time per directory.
 */
#ifndef MPMSTATS_CLI_TUNE_INSTALL_H
#define MPMSTATS_CLI_TUNE_INSTALL_H

#include <stdbool.h>

#include "common/failure.h"

/** Debian's directory, unless APACHE_CONFDIR is set. */
#define INSTALL_DEFAULT_DIR "/etc/apache2/conf-available"
#define INSTALL_NAME "mpmstats-tune.conf"

typedef struct {
    char *directory;
    char *file;      /**< the snippet */
    char *candidate; /**< the new snippet before installation; name does not match *.conf */
    char *previous;  /**< backup of the replaced snippet; kept */
    /** the link in conf-enabled, as a2enconf makes it; NULL: httpd reads the directory itself */
    char *enabled;
    char *old;  /**< text of the existing snippet, or NULL */
    char *text; /**< text given to install_write() */
    bool had_link;
    int lock; /* on the directory */
} install_t;

/** Inspects and locks @a directory; NULL: the default. */
bool install_open(install_t *install, const char *directory, failure_t *failure);

/** The same, read-only: no lock, no write permission needed. */
bool install_peek(install_t *install, const char *directory, failure_t *failure);

/** Writes the candidate. */
bool install_write(install_t *install, const char *text, failure_t *failure);

/** Installs the candidate, keeping the replaced snippet. */
bool install_put(install_t *install, failure_t *failure);

/** Restores the previous state; false and no change when the installed file has been modified. */
bool install_undo(install_t *install, failure_t *failure);

/** Releases the lock; removes a candidate that was not installed. */
void install_close(install_t *install);

#endif
