/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/output.h
 * @brief Ending well on stdout.
 */
#ifndef MPMSTATS_CLI_COMMON_OUTPUT_H
#define MPMSTATS_CLI_COMMON_OUTPUT_H

/**
 * Flushes stdout and says with which code to exit: @a rc when all was written,
 * RC_PIPE in silence when the reader has gone, RC_LOCAL and a line otherwise.
 */
int output_finish(int rc);

#endif
