/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  http/accept_header.h
 * @brief The quality of a media type in an Accept header.
 *
 * Pure; any thread.
 */
#ifndef MPMSTATS_HTTP_ACCEPT_HEADER_H
#define MPMSTATS_HTTP_ACCEPT_HEADER_H

/**
 * The highest quality given to @a type by name, in thousandths; 0 if it is refused or not
 * named. Wildcards are ignored, as are ranges with a `version` outside @a versions (a list
 * that ends with NULL). @a header may be NULL.
 */
int accept_quality(const char *header, const char *type, const char *const *versions);

#endif
