/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/layout.h
 * @brief Line ends and spaces of JSON.
 */
#ifndef MPMSTATS_CLI_COMMON_LAYOUT_H
#define MPMSTATS_CLI_COMMON_LAYOUT_H

/**
 * The same JSON with each level @a indent spaces further in, or on one line and without any space
 * if that is 0. @a json is valid and ends with NUL; the caller frees the result.
 */
char *layout_json(const char *json, int indent);

#endif
