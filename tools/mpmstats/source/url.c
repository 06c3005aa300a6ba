/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses addresses with libcurl's own parser, so the address shown is the one
 * requested.
 */
#include "source/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include <curl/curl.h>

#include "common/memory.h"

/* Strips a leading "unix:/path|"; *socket receives a copy of the path, or NULL. */
static const char *split_socket(const char *text, char **socket)
{
    const char *bar;

    *socket = NULL;
    if (strncasecmp(text, "unix:", 5) != 0) {
        return text;
    }
    bar = strchr(text, '|');
    if (bar == NULL) {
        *socket = memory_copy(text + 5);
        return "http://localhost";
    }
    *socket = memory_format("%.*s", (int)(bar - text - 5), text + 5);
    return bar + 1;
}

/* Only "://" before any other slash ends a scheme: "host:80/path" and queries have colons too. */
static char *with_scheme(const char *text)
{
    bool has = strncmp(text + strcspn(text, ":/?#"), "://", 3) == 0;

    return has ? memory_copy(text) : memory_format("http://%s", text);
}

static char *part_with(CURLU *handle, CURLUPart which, unsigned flags)
{
    char *value, *copy;

    if (curl_url_get(handle, which, &value, flags) != CURLUE_OK) {
        return NULL;
    }
    copy = memory_copy(value);
    curl_free(value);
    return copy;
}

static char *part(CURLU *handle, CURLUPart which)
{
    return part_with(handle, which, 0);
}

static char *part_or_default(CURLU *handle, CURLUPart which)
{
    return part_with(handle, which, CURLU_DEFAULT_PORT);
}

/* A host name may also start with "127.". */
static bool is_loopback(const char *host)
{
    unsigned char address[4];

    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0
        || (inet_pton(AF_INET, host, address) == 1 && address[0] == 127);
}

/* The host without the brackets of [::1]. */
static char *bare_host(CURLU *handle)
{
    char *host = part(handle, CURLUPART_HOST);
    size_t length = host == NULL ? 0 : strlen(host);

    if (length > 1 && host[0] == '[') {
        memmove(host, host + 1, length - 2);
        host[length - 2] = '\0';
    }
    return host;
}

static void set_defaults(CURLU *handle)
{
    char *path = part(handle, CURLUPART_PATH), *query = part(handle, CURLUPART_QUERY);

    if (path == NULL || strcmp(path, "/") == 0) {
        curl_url_set(handle, CURLUPART_PATH, "/mpm-status", 0);
    }
    if (query == NULL) {
        curl_url_set(handle, CURLUPART_QUERY, "json", 0);
    }
    curl_url_set(handle, CURLUPART_FRAGMENT, NULL, 0);
    free(path);
    free(query);
}

/* The address for messages, without name and password, as messages end up in logs. */
static char *shown_form(CURLU *handle, const char *socket)
{
    char *plain, *shown;

    curl_url_set(handle, CURLUPART_USER, NULL, 0);
    curl_url_set(handle, CURLUPART_PASSWORD, NULL, 0);
    plain = part(handle, CURLUPART_URL);
    if (plain == NULL || socket == NULL) {
        return plain;
    }
    shown = memory_format("unix:%s|%s", socket, plain);
    free(plain);
    return shown;
}

static bool take_apart(url_t *url, CURLU *handle, const char *text, failure_t *failure)
{
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    char *scheme = part(handle, CURLUPART_SCHEME), *port;
    bool http = scheme != NULL
        && (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);

    free(scheme);
    if (code == CURLUE_OK && !http) {
        return failure_set(failure, RC_USAGE,
                           "the address must begin with http://, https:// or unix:/path/to/socket");
    }
    if (code != CURLUE_OK || (url->host = bare_host(handle)) == NULL || url->host[0] == '\0') {
        return failure_set(
            failure, RC_USAGE,
            "this is not a valid address (%s); write it like http://host:port/mpm-status",
            code != CURLUE_OK ? curl_url_strerror(code) : "no host in it");
    }
    set_defaults(handle);
    url->full = part(handle, CURLUPART_URL);
    url->shown = shown_form(handle, url->socket);
    if (url->full == NULL || url->shown == NULL) {
        return failure_set(
            failure, RC_USAGE,
            "this is not a valid address; write it like http://host:port/mpm-status");
    }
    port = part_or_default(handle, CURLUPART_PORT);
    url->port = port != NULL ? atoi(port) : 0;
    free(port);
    url->loopback = url->socket != NULL || is_loopback(url->host);
    return true;
}

static bool check_socket(const char *socket, failure_t *failure)
{
    struct sockaddr_un address;

    if (socket[0] != '/') {
        return failure_set(
            failure, RC_USAGE,
            "the socket's path must begin with a slash: unix:/path/to/socket|http://host/mpm-status");
    }
    if (strlen(socket) >= sizeof(address.sun_path)) {
        return failure_set(
            failure, RC_USAGE,
            "the socket's path is longer than %zu bytes; use a shorter one or a symbolic link",
            sizeof(address.sun_path) - 1);
    }
    return true;
}

bool url_parse(url_t *url, const char *text, const char *unix_socket, failure_t *failure)
{
    const char *rest;
    char *spelt;
    CURLU *handle = curl_url();
    bool valid = true;

    memset(url, 0, sizeof(*url));
    rest = split_socket(text, &url->socket);
    if (url->socket != NULL && unix_socket != NULL) {
        valid =
            failure_set(failure, RC_USAGE,
                        "--unix-socket and unix: in the address name two sockets; leave one out");
    }
    else if (unix_socket != NULL) {
        url->socket = memory_copy(unix_socket);
    }
    spelt = with_scheme(rest);
    valid = valid && (url->socket == NULL || check_socket(url->socket, failure))
        && take_apart(url, handle, spelt, failure);
    free(spelt);
    curl_url_cleanup(handle);
    if (!valid) {
        url_free(url);
    }
    return valid;
}

void url_set_query(url_t *url, const char *query)
{
    CURLU *handle = curl_url();

    if (curl_url_set(handle, CURLUPART_URL, url->full, 0) == CURLUE_OK
        && curl_url_set(handle, CURLUPART_QUERY, query, 0) == CURLUE_OK) {
        free(url->full);
        free(url->shown);
        url->full = part(handle, CURLUPART_URL);
        url->shown = shown_form(handle, url->socket);
    }
    curl_url_cleanup(handle);
}

void url_free(url_t *url)
{
    free(url->full);
    free(url->shown);
    free(url->host);
    free(url->socket);
    memset(url, 0, sizeof(*url));
}
