/* SPDX-License-Identifier: Apache-2.0 */
/* Per-server settings; the defaults stand here. */
#include "mpm/server.h"

#include "apr_strings.h"
#include "http_vhost.h"
#include "mpm/hybrid.h"

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
    reqtimeout_merge(&conf->head_budget, &base->head_budget, &add->head_budget);
    reqtimeout_merge(&conf->body_budget, &base->body_budget, &add->body_budget);
    return conf;
}

server_conf_t *server_conf(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &mpm_hybrid_module);
}

/* Written by server_compare, in the parent, before the first fork. */
static int hosts_differ;

void server_compare(const server_rec *main_server)
{
    const server_rec *s;

    hosts_differ = 0;
    for (s = main_server; s != NULL; s = s->next) {
        hosts_differ |= server_body_buffer(s) != server_body_buffer(main_server);
    }
}

int server_hosts_differ(void)
{
    return hosts_differ;
}

typedef struct {
    const char *host;
    const server_rec *found;
} search_t;

static int is_named(const apr_array_header_t *names, const char *host, int wild)
{
    int i;

    for (i = 0; names != NULL && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (name != NULL && (wild ? ap_strcasecmp_match(host, name) == 0
                                  : ap_cstr_casecmp(host, name) == 0)) {
            return 1;
        }
    }
    return 0;
}

static int is_this(void *data, conn_rec *c, server_rec *s)
{
    search_t *search = data;

    (void)c;
    if (ap_cstr_casecmp(s->server_hostname, search->host) == 0
        || is_named(s->names, search->host, 0) || is_named(s->wild_names, search->host, 1)) {
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

int server_async_head(const server_rec *s)
{
    return server_conf(s)->async_head != 0;
}

apr_off_t server_body_buffer(const server_rec *s)
{
    int bytes = server_conf(s)->body_buffer;

    return bytes == UNSET ? DEFAULT_BODY_BUFFER : bytes;
}
