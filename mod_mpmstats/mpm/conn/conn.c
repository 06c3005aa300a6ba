/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/conn/conn.h"

#include "http_core.h"

#include "base/must_hold.h"
#include "mpm/module.h"

/* Its address identifies the thread. */
static _Thread_local __attribute__((tls_model("initial-exec"))) char this_thread;

conn_t *conn_of(conn_rec *c)
{
    return c->master != NULL || c->outgoing
        ? NULL
        : ap_get_module_config(c->conn_config, &mpm_hybrid_module);
}

void conn_attach(conn_t *k)
{
    k->c->cs = &k->pub;
    ap_set_module_config(k->c->conn_config, &mpm_hybrid_module, k);
}

void conn_own(conn_t *k)
{
    MUST_HOLD(!k->parked && k->owner == NULL);
    k->owner = &this_thread;
}

bool conn_is_mine(const conn_t *k)
{
    return k->owner == &this_thread;
}

void conn_use_server(conn_t *k, const server_rec *s, const server_rec *base)
{
    k->timeout = s->timeout;
    k->keepalive_timeout = s->keep_alive_timeout_set ? s->keep_alive_timeout
                                                     : base->keep_alive_timeout;
}
