/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/url.h
 * @brief Parses the address of a status page.
 *
 * Accepted: http://… and https://…, the same without a scheme (then http), and
 * httpd's notation of a socket, unix:/path.sock|http://host/path, where the part
 * from the bar on is optional. An empty path becomes /mpm-status; ?json is added
 * when there is no query.
 */
#ifndef MPMSTATS_CLI_SOURCE_URL_H
#define MPMSTATS_CLI_SOURCE_URL_H

#include "common/failure.h"

/** Default address. */
#define URL_DEFAULT "http://127.0.0.1/mpm-status"

typedef struct {
    char *full;    /**< for libcurl; may hold a password */
    char *shown;   /**< for messages: without name and password, with the socket */
    char *host;    /**< without brackets */
    char *socket;  /**< path of the unix-domain socket, or NULL */
    int port;      /**< as given, else the scheme's default */
    bool loopback; /**< the host is this machine: bypass proxies */
} url_t;

/**
 * Parses an address. @a unix_socket, when not NULL, is the socket to use; @a text
 * must then name none. On failure nothing needs url_free().
 */
bool url_parse(url_t *url, const char *text, const char *unix_socket, failure_t *failure);

/** Replaces the query. */
void url_set_query(url_t *url, const char *query);

void url_free(url_t *url);

#endif
