/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/url.h
 * @brief From what people type as an address to what is asked.
 *
 * Accepted: http://… and https://…, the same without a scheme (http is meant),
 * and httpd's own way to say a socket, unix:/path.sock|http://host/path, of
 * which the part from the bar on may be left out. An empty path becomes
 * /mpm-status, and ?json is added where there is no query.
 */
#ifndef MPMSTATS_CLI_SOURCE_URL_H
#define MPMSTATS_CLI_SOURCE_URL_H

#include "common/failure.h"

/** Where a server on this machine is looked for when no address is given. */
#define URL_DEFAULT "http://127.0.0.1/mpm-status"

typedef struct {
    char *full;    /**< for libcurl; may hold a password */
    char *shown;   /**< for messages: without name and password, with the socket */
    char *host;    /**< without brackets */
    char *socket;  /**< path of the unix-domain socket, or NULL */
    int port;      /**< the one named, or the usual one of the scheme */
    bool loopback; /**< the host is this machine: no proxy is asked for it */
} url_t;

/**
 * Takes an address apart. @a unix_socket, when not NULL, is the socket to use and
 * excludes one in @a text. On failure nothing needs url_free().
 */
bool url_parse(url_t *url, const char *text, const char *unix_socket, failure_t *failure);

/** Asks for something else of the same server: another query. */
void url_set_query(url_t *url, const char *query);

void url_free(url_t *url);

#endif
