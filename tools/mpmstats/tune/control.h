/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/control.h
 * @brief The command that tests a server's configuration and restarts it: apachectl, or what stands
 * in for it.
 */
#ifndef MPMSTATS_CLI_TUNE_CONTROL_H
#define MPMSTATS_CLI_TUNE_CONTROL_H

#include <stdbool.h>

#include "common/failure.h"

typedef struct {
    char *command; /**< a shell's command line to which arguments of httpd are added */
} control_t;

/** @a command, or the first of apachectl, apache2ctl and httpd that there is. */
bool control_open(control_t *control, const char *command, failure_t *failure);

void control_close(control_t *control);

/** Is the configuration valid, with the file @a more after it where that is not NULL? */
bool control_test(const control_t *control, const char *more, failure_t *failure);

/** Tells the server to restart gracefully; it may take a while until it has. */
bool control_graceful(const control_t *control, failure_t *failure);

#endif
