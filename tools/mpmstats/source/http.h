/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/http.h
 * @brief One GET, limited in time and size.
 *
 * Every request uses a new connection: a kept-alive one would occupy a worker of a
 * prefork server between samples. Redirections are not followed.
 */
#ifndef MPMSTATS_CLI_SOURCE_HTTP_H
#define MPMSTATS_CLI_SOURCE_HTTP_H

#include <stddef.h>

#include "common/failure.h"
#include "source/url.h"

/** Limit of an answer's head and body together. */
#define HTTP_BYTES_MAX ((size_t)64 << 20)

typedef struct {
    const url_t *url;
    double timeout_s;
    bool insecure;        /**< accept any certificate */
    const char *cacert;   /**< CA file in place of the system's, or NULL */
    const char *user;     /**< or NULL */
    const char *password; /**< or NULL */
    const char *accept;   /**< media type requested; NULL: JSON */
    const char *hint;     /**< appended to connect failures, or "" */
} http_request_t;

typedef struct {
    char *data; /**< NUL-terminated */
    size_t length;
    char *type; /**< Content-Type, or NULL */
} http_answer_t;

/** Call before a source's first http_get(), in any thread; pair each call with http_end(). */
void http_begin(void);
void http_end(void);

/** Fills @a answer for status 200; else false, @a failure filled, nothing to free. */
bool http_get(const http_request_t *request, http_answer_t *answer, failure_t *failure);

void http_answer_free(http_answer_t *answer);

#endif
