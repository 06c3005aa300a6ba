/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/install.h
 * @brief Puts a configuration snippet in its place, and takes it back.
 *
 * Every step is one rename(2), link or unlink: whenever the program ends, by whatever, the file
 * is the old one or the new one as a whole. One program at a time may do this in
 * a directory; a lock sees to it.
 */
#ifndef MPMSTATS_CLI_TUNE_INSTALL_H
#define MPMSTATS_CLI_TUNE_INSTALL_H

#include <stdbool.h>

#include "common/failure.h"

/** Where Debian keeps such files, when APACHE_CONFDIR does not say otherwise. */
#define INSTALL_DEFAULT_DIR "/etc/apache2/conf-available"
#define INSTALL_NAME "mpmstats-tune.conf"

typedef struct {
    char *directory;
    char *file;      /**< the snippet */
    char *candidate; /**< where it lies until it is put in place; no *.conf */
    char *previous;  /**< what the snippet was before; kept */
    /** the link in conf-enabled, as a2enconf makes it; NULL: the directory itself is read */
    char *enabled;
    char *old;  /**< text of the snippet there is, or NULL */
    char *text; /**< what install_write() was given */
    bool had_link;
    int lock; /* of the directory */
} install_t;

/** Looks at the place and locks it. @a directory may be NULL for the default. */
bool install_open(install_t *install, const char *directory, failure_t *failure);

/** The same without a lock and without the need to write there, for a look. */
bool install_peek(install_t *install, const char *directory, failure_t *failure);

/** Writes the candidate. */
bool install_write(install_t *install, const char *text, failure_t *failure);

/** Puts the candidate in place, and keeps what was there. */
bool install_put(install_t *install, failure_t *failure);

/**
 * Puts back what was there; false, and nothing touched, where somebody else has changed what was
 * put in place.
 */
bool install_undo(install_t *install, failure_t *failure);

/** Ends it; a candidate that was not put in place goes. */
void install_close(install_t *install);

#endif
