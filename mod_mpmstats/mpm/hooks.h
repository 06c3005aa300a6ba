/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/hooks.h
 * @brief httpd's hooks for connections and requests, and the optional functions about them.
 */
#ifndef MPMSTATS_MPM_HOOKS_H
#define MPMSTATS_MPM_HOOKS_H

#include "httpd.h"
#include "mpm/mpm_hybrid.h"

int hooks_pre_connection(conn_rec *c, void *csd);
void hooks_pre_read_request(request_rec *r, conn_rec *c);
int hooks_post_read_request(request_rec *r);
int hooks_log_transaction(request_rec *r);
void hooks_insert_filter(request_rec *r);
int hooks_handler(request_rec *r);
int hooks_last_handler(request_rec *r);
int hooks_protocol_switch(conn_rec *c, request_rec *r, server_rec *s, const char *protocol);

/* The optional functions of mpm_hybrid.h. */
const mpm_hybrid_times_t *mpm_hybrid_conn_times(conn_rec *c);
mpm_hybrid_end_e mpm_hybrid_conn_end(conn_rec *c);

#endif
