/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/reqtimeout.h
 * @brief mod_reqtimeout's budgets, for heads and bodies collected without a worker.
 *
 * mod_reqtimeout's budget for a head begins when a worker begins to read it, and for a body when
 * the worker has read the head. Both are collected before that, so their budgets are kept here.
 * The MPM parses mod_reqtimeout's directive as well. The budget for handshakes begins with the
 * connection; mod_reqtimeout's filter keeps it. Before that filter exists (in the prefork model's
 * reception) it is kept here too.
 */
#ifndef MPMSTATS_MPM_CONN_REQTIMEOUT_H
#define MPMSTATS_MPM_CONN_REQTIMEOUT_H

#include "httpd.h"
#include "http_config.h"
#include "util_filter.h"

/** A budget; constant once configured. */
typedef struct {
    int set;         /**< by the directive; else mod_reqtimeout's defaults hold */
    int seconds;     /**< 0: no limit */
    int max_seconds; /**< 0: no limit to the extension */
    /** bytes per second: each min_rate bytes extend the budget by 1 s. 0: no extension */
    int min_rate;
} reqtimeout_budget_t;

/**
 * Deadlines of a head or body that is being read. For the connection's owner. Monotonic µs, 0 =
 * none.
 */
typedef struct {
    apr_time_t until;
    apr_time_t max_until;
    int min_rate;
} reqtimeout_body_t;

/** Parse RequestReadTimeout; mod_reqtimeout does so too. */
const char *reqtimeout_directive(cmd_parms *cmd, void *dummy, const char *args);

/** Settings of a server from those of its base. */
void reqtimeout_merge(reqtimeout_budget_t *out, const reqtimeout_budget_t *base,
                      const reqtimeout_budget_t *add);

/** A handshake begins; without a budget for it, only Timeout applies. */
void reqtimeout_begin_handshake(reqtimeout_body_t *handshake, const server_rec *s, apr_time_t now);

/** A head begins. */
void reqtimeout_begin_head(reqtimeout_body_t *head, const server_rec *s, apr_time_t now);

/** A body begins. */
void reqtimeout_begin(reqtimeout_body_t *body, const server_rec *s, apr_time_t now);

/** Extend the deadline for @a bytes received. */
void reqtimeout_extend(reqtimeout_body_t *body, apr_size_t bytes);

/** Find mod_reqtimeout's filter. Ticker (prefork: the only thread), before the workers start. */
void reqtimeout_child_init(void);

/**
 * Remove mod_reqtimeout's filter from the chain below @a top. Returns it, or NULL, for
 * reqtimeout_attach(); @a above: out, likewise.
 */
ap_filter_t *reqtimeout_detach(ap_filter_t *top, ap_filter_t **above);

/** Put it back below @a above. */
void reqtimeout_attach(ap_filter_t *filter, ap_filter_t *above);

/**
 * Log that a client was too slow, with mod_reqtimeout's message and name. @a stage is "header" or
 * "body".
 */
void reqtimeout_say(const conn_rec *c, const char *stage);

#endif
