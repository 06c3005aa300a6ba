/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  http/accept_header.h
 * @brief How much a client wants a media type, from its Accept header.
 *
 * Pure; any thread.
 */
#ifndef MPMSTATS_HTTP_ACCEPT_HEADER_H
#define MPMSTATS_HTTP_ACCEPT_HEADER_H

/**
 * The highest quality given to @a type by name, in thousandths; 0 when it is refused or
 * not named. Wildcards do not count, nor a range with a `version` that is none of
 * @a versions (a list that ends with NULL). @a header may be NULL.
 */
int accept_quality(const char *header, const char *type, const char *const *versions);

#endif
