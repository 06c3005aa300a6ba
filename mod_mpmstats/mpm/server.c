/* SPDX-License-Identifier: Apache-2.0 */
/* Per-server settings; the defaults stand here. */
#include "mpm/server.h"

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

int server_async_head(const server_rec *s)
{
    return server_conf(s)->async_head != 0;
}

apr_off_t server_body_buffer(const server_rec *s)
{
    int bytes = server_conf(s)->body_buffer;

    return bytes == UNSET ? DEFAULT_BODY_BUFFER : bytes;
}
