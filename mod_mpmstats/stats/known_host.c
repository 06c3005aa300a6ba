/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/known_host.h"

#include <arpa/inet.h>
#include <string.h>

#include "apr_strings.h"
#include "http_main.h"

#include "stats/config.h"

/* With or without the brackets of an IPv6 address; a zone (%eth0) is not part of it. */
static bool is_address(const request_rec *r, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    char *bare;

    if (inet_pton(AF_INET, host, address) == 1) {
        return true;
    }
    bare = apr_pstrdup(r->pool, host[0] == '[' ? host + 1 : host);
    bare[strcspn(bare, "]%")] = '\0';
    return inet_pton(AF_INET6, bare, address) == 1;
}

static bool matches_one(const apr_array_header_t *names, const char *host)
{
    for (int i = 0; names != NULL && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (name != NULL && ap_strcasecmp_match(host, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_configured(const char *host)
{
    for (const server_rec *s = ap_server_conf; s != NULL; s = s->next) {
        if ((s->server_hostname != NULL && strcasecmp(s->server_hostname, host) == 0)
            || matches_one(s->names, host) || matches_one(s->wild_names, host)) {
            return true;
        }
    }
    return matches_one(config_global.hosts, host);
}

bool known_host(const request_rec *r)
{
    apr_size_t length = r->hostname != NULL ? strlen(r->hostname) : 0;
    const char *host;

    if (length == 0) {
        return true; /* HTTP/1.0 without Host: not a browser */
    }
    host = r->hostname[length - 1] == '.' ? apr_pstrmemdup(r->pool, r->hostname, length - 1)
                                          : r->hostname;
    return is_address(r, host) || strcasecmp(host, "localhost") == 0 || is_configured(host);
}
