/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/failure.h
 * @brief Exit codes, and the one line that says what went wrong and what to do next.
 *
 * Functions that can fail take a failure_t of the caller's, fill it with
 * failure_set() and return false (or NULL). The command decides where the line
 * goes: failure_report() puts it on stderr, `check` makes it a monitoring
 * plugin's output. Single-threaded, nothing is allocated.
 */
#ifndef MPMSTATS_CLI_COMMON_FAILURE_H
#define MPMSTATS_CLI_COMMON_FAILURE_H

#include <stdbool.h>

/** Exit codes of every command but `check`. Scripts depend on them: add, never renumber. */
typedef enum {
    RC_OK = 0,
    RC_USAGE = 1,        /**< wrong command, option or argument */
    RC_LOCAL = 2,        /**< something of this machine: a file, memory, stdout */
    RC_UNREACHABLE = 3,  /**< no connection: name, address, refused, socket missing */
    RC_TIMEOUT = 4,      /**< no complete answer within --timeout */
    RC_TLS = 5,          /**< handshake or certificate check failed */
    RC_DENIED = 6,       /**< HTTP 401, 403 or 407 */
    RC_HTTP = 7,         /**< any other HTTP status than 200 */
    RC_ANSWER = 8,       /**< not JSON, another schema, too large, cut short */
    RC_NOVALUE = 9,      /**< the server answers, but does not know the value asked for */
    RC_ROLLED_BACK = 10, /**< tune --apply has undone what it did, or refused to begin */
    RC_STALE = 11,       /**< shown, but the server runs no more: it is the last that was known */
    RC_PIPE = 141        /**< stdout's reader has gone: what the shell says of SIGPIPE */
} rc_e;

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
