/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/failure.h
 * @brief The one line that says what went wrong and what to do next.
 *
 * Functions that can fail take a failure_t of the caller's, fill it with
 * failure_set() and return false (or NULL). The command decides where the line
 * goes: failure_report() puts it on stderr, `check` makes it a monitoring
 * plugin's output. Single-threaded, nothing is allocated.
 */
#ifndef MPMSTATS_CLI_COMMON_FAILURE_H
#define MPMSTATS_CLI_COMMON_FAILURE_H

#include <stdbool.h>

#include "common/rc.h"

typedef struct {
    rc_e rc;
    int http_status; /**< with RC_DENIED and RC_HTTP; else 0 */
    char text[1024]; /**< one line once reported: control bytes are escaped on the way out */
} failure_t;

/** Records @a rc and the formatted text; always false, for `return failure_set(…)`. */
bool failure_set(failure_t *failure, rc_e rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Prints "mpmstats: TEXT" as one line on stderr; returns the exit code. */
int failure_report(const failure_t *failure);

#endif
