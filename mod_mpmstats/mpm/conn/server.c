/* SPDX-License-Identifier: Apache-2.0 */
/* Per-server settings and their defaults. */
#include "mpm/conn/server.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "apr_strings.h"
#include "http_vhost.h"
#include "mpm/module.h"

#define UNSET (-1)
#define DEFAULT_BODY_BUFFER (64 * 1024)

void *server_conf_create(apr_pool_t *p, server_rec *s)
{
    server_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    (void)s;
    conf->async_head = UNSET;
    conf->body_buffer = UNSET;
    return conf;
}

void *server_conf_merge(apr_pool_t *p, void *base_, void *add_)
{
    const server_conf_t *base = base_, *add = add_;
    server_conf_t *conf = apr_palloc(p, sizeof(*conf));

    conf->async_head = add->async_head != UNSET ? add->async_head : base->async_head;
    conf->body_buffer = add->body_buffer != UNSET ? add->body_buffer : base->body_buffer;
    reqtimeout_merge(&conf->handshake_budget, &base->handshake_budget, &add->handshake_budget);
    reqtimeout_merge(&conf->head_budget, &base->head_budget, &add->head_budget);
    reqtimeout_merge(&conf->body_budget, &base->body_budget, &add->body_budget);
    return conf;
}

server_conf_t *server_conf(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &mpm_hybrid_module);
}

/* Written by server_compare, in the parent, before the first fork. */
static int hosts_differ, addresses_may_differ;

static bool same_settings(const server_rec *a, const server_rec *b)
{
    const server_conf_t *x = server_conf(a), *y = server_conf(b);

    return server_async_head(a) == server_async_head(b)
        && server_body_buffer(a) == server_body_buffer(b) && a->timeout == b->timeout
        && memcmp(&x->handshake_budget, &y->handshake_budget, sizeof(x->handshake_budget)) == 0
        && memcmp(&x->head_budget, &y->head_budget, sizeof(x->head_budget)) == 0
        && memcmp(&x->body_budget, &y->body_budget, sizeof(x->body_budget)) == 0;
}

void server_compare(const server_rec *main_server)
{
    const server_rec *s;

    hosts_differ = addresses_may_differ = 0;
    for (s = main_server; s != NULL; s = s->next) {
        hosts_differ |= server_body_buffer(s) != server_body_buffer(main_server);
        addresses_may_differ |= !same_settings(s, main_server);
    }
}

int server_hosts_differ(void)
{
    return hosts_differ;
}

static void address_of(const struct sockaddr_storage *from, apr_sockaddr_t *to)
{
    memset(to, 0, sizeof(*to));
    to->family = from->ss_family;
    if (from->ss_family == AF_INET) {
        memcpy(&to->sa.sin, from, sizeof(to->sa.sin));
        to->salen = sizeof(to->sa.sin);
        to->ipaddr_len = sizeof(to->sa.sin.sin_addr);
        to->ipaddr_ptr = &to->sa.sin.sin_addr;
        to->port = ntohs(to->sa.sin.sin_port);
    }
    else {
        memcpy(&to->sa.sin6, from, sizeof(to->sa.sin6));
        to->salen = sizeof(to->sa.sin6);
        to->ipaddr_len = sizeof(to->sa.sin6.sin6_addr);
        to->ipaddr_ptr = &to->sa.sin6.sin6_addr;
        to->port = ntohs(to->sa.sin6.sin6_port);
    }
}

const server_rec *server_of_socket(int fd)
{
    struct sockaddr_storage local;
    socklen_t len = sizeof(local);
    apr_sockaddr_t address;
    conn_rec c;

    if (!addresses_may_differ || getsockname(fd, (struct sockaddr *)&local, &len) != 0) {
        return ap_server_conf;
    }
    address_of(&local, &address);
    memset(&c, 0, sizeof(c)); /* ap_update_vhost_given_ip() needs a conn_rec */
    c.local_addr = &address;
    c.base_server = ap_server_conf;
    ap_update_vhost_given_ip(&c);
    return c.base_server;
}

typedef struct {
    const char *host;
    const server_rec *found;
} search_t;

static bool is_named(const apr_array_header_t *names, const char *host, bool wild)
{
    int i;

    for (i = 0; names != NULL && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (name != NULL
            && (wild ? ap_strcasecmp_match(host, name) == 0 : ap_cstr_casecmp(host, name) == 0)) {
            return true;
        }
    }
    return false;
}

static int is_this(void *data, conn_rec *c, server_rec *s)
{
    search_t *search = data;

    (void)c;
    if (ap_cstr_casecmp(s->server_hostname, search->host) == 0
        || is_named(s->names, search->host, false) || is_named(s->wild_names, search->host, true)) {
        search->found = s;
        return 1;
    }
    return 0;
}

const server_rec *server_of_host(conn_rec *c, const char *host)
{
    char name[256];
    search_t search = { name, c->base_server };
    char *colon;

    apr_cpystrn(name, host, sizeof(name));
    colon = strrchr(name, ':');
    if (colon != NULL && strchr(colon, ']') == NULL) {
        *colon = '\0';
    }
    ap_vhost_iterate_given_conn(c, is_this, &search);
    return search.found;
}

bool server_async_head(const server_rec *s)
{
    return server_conf(s)->async_head != 0;
}

apr_off_t server_body_buffer(const server_rec *s)
{
    int bytes = server_conf(s)->body_buffer;

    return bytes == UNSET ? DEFAULT_BODY_BUFFER : bytes;
}
