/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/rc.h
 * @brief The exit codes.
 */
#ifndef MPMSTATS_CLI_COMMON_RC_H
#define MPMSTATS_CLI_COMMON_RC_H

/** Exit codes of every command but `check`. Scripts depend on them: add, never renumber. */
typedef enum {
    RC_OK = 0,
    RC_USAGE = 1,        /**< wrong command, option or argument */
    RC_LOCAL = 2,        /**< local error: a file, memory, stdout */
    RC_UNREACHABLE = 3,  /**< no connection: name, address, refused, socket missing */
    RC_TIMEOUT = 4,      /**< no complete answer within --timeout */
    RC_TLS = 5,          /**< handshake or certificate check failed */
    RC_DENIED = 6,       /**< HTTP 401, 403 or 407 */
    RC_HTTP = 7,         /**< any other HTTP status than 200 */
    RC_ANSWER = 8,       /**< not JSON, another schema, too large, cut short */
    RC_NOVALUE = 9,      /**< the server answers without the requested value */
    RC_ROLLED_BACK = 10, /**< tune --apply rolled back, or refused to start */
    RC_STALE = 11,       /**< output is the last state of a server that no longer runs */
    RC_PIPE = 141        /**< EPIPE on stdout: the shell's code for SIGPIPE */
} rc_e;

#endif
