/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/server.h
 * @brief Per-server (virtual host) settings of the MPM. Constant once configured.
 */
#ifndef MPMSTATS_MPM_CONN_SERVER_H
#define MPMSTATS_MPM_CONN_SERVER_H

#include <stdbool.h>

#include "httpd.h"
#include "mpm/conn/reqtimeout.h"

/** Largest MPMBodyBuffer, in bytes. */
#define SERVER_BODY_BUFFER_MAX (16 * 1024 * 1024)

typedef struct {
    int async_head;  /**< MPMAsyncHead: 1 on, 0 off, -1 not set */
    int body_buffer; /**< MPMBodyBuffer in bytes, -1 not set */
    reqtimeout_budget_t handshake_budget;
    reqtimeout_budget_t head_budget;
    reqtimeout_budget_t body_budget;
} server_conf_t;

void *server_conf_create(apr_pool_t *p, server_rec *s);
void *server_conf_merge(apr_pool_t *p, void *base, void *add);

/** The settings of @a s; never NULL. */
server_conf_t *server_conf(const server_rec *s);

/** Whether heads for @a s are read without a worker. */
bool server_async_head(const server_rec *s);

/** The configuration is complete: note whether virtual hosts differ in these settings. */
void server_compare(const server_rec *s);

/**
 * Whether virtual hosts differ in MPMBodyBuffer; if not, server_body_buffer() of any one will do.
 */
int server_hosts_differ(void);

/**
 * The first virtual host of the address at which @a fd was accepted. For use before a conn_rec
 * exists.
 */
const server_rec *server_of_socket(int fd);

/**
 * The virtual host that @a host (as in the Host field, with or without port) names on @a c's
 * address.
 */
const server_rec *server_of_host(conn_rec *c, const char *host);

/** Largest body, in bytes, to collect before dispatch; 0 = none. */
apr_off_t server_body_buffer(const server_rec *s);

#endif
