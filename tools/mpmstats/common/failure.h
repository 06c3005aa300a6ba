/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/failure.h
 * @brief An error as one line: what failed and what to do next.
 *
 * Functions that can fail take the caller's failure_t, fill it with
 * failure_set() and return false (or NULL). The command decides where the line
 * goes: failure_report() prints it on stderr, `check` prints it as a monitoring
 * plugin's output. Single-threaded, no allocation.
 */
#ifndef MPMSTATS_CLI_COMMON_FAILURE_H
#define MPMSTATS_CLI_COMMON_FAILURE_H

#include <stdbool.h>

#include "common/rc.h"

typedef struct {
    rc_e rc;
    int http_status; /**< with RC_DENIED and RC_HTTP; else 0 */
    char text[1024]; /**< raw: failure_report() escapes control bytes */
} failure_t;

/** Stores @a rc and the formatted text. Always false, for `return failure_set(…)`. */
bool failure_set(failure_t *failure, rc_e rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Prints "mpmstats: TEXT" as one line on stderr; returns the exit code. */
int failure_report(const failure_t *failure);

#endif
