/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/http.h
 * @brief One GET, bounded in time and size, with failures that say what to do next.
 *
 * Every request has a connection of its own: looking once a second must not keep
 * a worker of a prefork server busy in between. Redirections are not followed,
 * so what is shown is what was asked.
 */
#ifndef MPMSTATS_CLI_SOURCE_HTTP_H
#define MPMSTATS_CLI_SOURCE_HTTP_H

#include <stddef.h>

#include "common/failure.h"
#include "source/url.h"

/** Head and body of an answer together never take more memory than this. */
#define HTTP_BYTES_MAX ((size_t)64 << 20)

typedef struct {
    const url_t *url;
    double timeout_s;
    bool insecure;        /**< accept any certificate */
    const char *cacert;   /**< file of authorities to trust in place of the system's, or NULL */
    const char *user;     /**< or NULL */
    const char *password; /**< or NULL */
    const char *accept;   /**< the media type asked for; NULL: JSON */
    const char *hint;     /**< added to failures to connect, or "" */
} http_request_t;

typedef struct {
    char *data; /**< NUL-terminated */
    size_t length;
    char *type; /**< Content-Type, or NULL */
} http_answer_t;

/** Before the first http_get() of a source, which may be in another thread; http_end() for each. */
void http_begin(void);
void http_end(void);

/** Fills @a answer with a status 200 answer; else false, @a failure filled, nothing to free. */
bool http_get(const http_request_t *request, http_answer_t *answer, failure_t *failure);

void http_answer_free(http_answer_t *answer);

#endif
