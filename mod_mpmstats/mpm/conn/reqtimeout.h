/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/reqtimeout.h
 * @brief mod_reqtimeout's budgets, for heads and bodies that are collected without a worker.
 *
 * mod_reqtimeout counts the time for a head from the moment a worker begins to read it, and for
 * a body from the moment it has read the head. Both are collected before that, so their budgets
 * have to be kept here. The directive is mod_reqtimeout's; we read it along. Its budget for
 * handshakes begins with the connection, and its own filter keeps it as long as a handshake lasts;
 * before a filter is there (the lobby) it is kept here too.
 */
#ifndef MPMSTATS_MPM_CONN_REQTIMEOUT_H
#define MPMSTATS_MPM_CONN_REQTIMEOUT_H

#include "httpd.h"
#include "http_config.h"
#include "util_filter.h"

/** The budget as configured. Constant once configured. */
typedef struct {
    int set;         /**< by the directive; else mod_reqtimeout's defaults hold */
    int seconds;     /**< 0: no limit */
    int max_seconds; /**< 0: no limit to the extension */
    /** bytes a second; each so many bytes give one more second. 0: none */
    int min_rate;
} reqtimeout_budget_t;

/**
 * A head or body that is being read. Belongs to the connection's owner. Times are monotonic µs, 0 =
 * never.
 */
typedef struct {
    apr_time_t until;
    apr_time_t max_until;
    int min_rate;
} reqtimeout_body_t;

/** RequestReadTimeout, read along. */
const char *reqtimeout_directive(cmd_parms *cmd, void *dummy, const char *args);

/** Settings of a server from those of its base. */
void reqtimeout_merge(reqtimeout_budget_t *out, const reqtimeout_budget_t *base,
                      const reqtimeout_budget_t *add);

/** A handshake begins; without a budget for it, Timeout alone counts. */
void reqtimeout_begin_handshake(reqtimeout_body_t *handshake, const server_rec *s, apr_time_t now);

/** A head begins. */
void reqtimeout_begin_head(reqtimeout_body_t *head, const server_rec *s, apr_time_t now);

/** A body begins. */
void reqtimeout_begin(reqtimeout_body_t *body, const server_rec *s, apr_time_t now);

/** So many bytes of it have come. */
void reqtimeout_extend(reqtimeout_body_t *body, apr_size_t bytes);

/** Find mod_reqtimeout's filter. Ticker (prefork: the only thread), before the workers start. */
void reqtimeout_child_init(void);

/**
 * Take mod_reqtimeout's filter out of the chain below @a top; what to give to reqtimeout_attach(),
 * or NULL.
 */
ap_filter_t *reqtimeout_detach(ap_filter_t *top, ap_filter_t **above);

/** Put it back below @a above. */
void reqtimeout_attach(ap_filter_t *filter, ap_filter_t *above);

/**
 * Say that a client has been too slow, in mod_reqtimeout's words and under its name. @a stage is
 * "header" or "body".
 */
void reqtimeout_say(const conn_rec *c, const char *stage);

#endif
