/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/layout.h
 * @brief Formats JSON: line ends and spaces.
 */
#ifndef MPMSTATS_CLI_COMMON_LAYOUT_H
#define MPMSTATS_CLI_COMMON_LAYOUT_H

/**
 * Indents each level by @a indent spaces; 0: one line without spaces. @a json must be valid and
 * NUL-terminated. The caller frees the result.
 */
char *layout_json(const char *json, int indent);

#endif
