/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/control.h
 * @brief Tests a server's configuration and restarts it, with apachectl or a substitute.
 */
#ifndef MPMSTATS_CLI_TUNE_CONTROL_H
#define MPMSTATS_CLI_TUNE_CONTROL_H

#include <stdbool.h>

#include "common/failure.h"

typedef struct {
    char *command; /**< shell command to which httpd's arguments are appended */
} control_t;

/** Selects @a command, or the first of apachectl, apache2ctl and httpd that exists. */
bool control_open(control_t *control, const char *command, failure_t *failure);

void control_close(control_t *control);

/** True when the configuration is valid, with the file @a more appended if not NULL. */
bool control_test(const control_t *control, const char *more, failure_t *failure);

/** Requests a graceful restart; returns before it is complete. */
bool control_graceful(const control_t *control, failure_t *failure);

#endif
