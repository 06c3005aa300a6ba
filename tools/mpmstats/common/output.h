/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/output.h
 * @brief The exit code once stdout is flushed.
 */
#ifndef MPMSTATS_CLI_COMMON_OUTPUT_H
#define MPMSTATS_CLI_COMMON_OUTPUT_H

/**
 * Flushes stdout and returns the exit code: @a rc after success, RC_PIPE without a
 * message after EPIPE, RC_LOCAL with a message after other errors.
 */
int output_finish(int rc);

#endif
