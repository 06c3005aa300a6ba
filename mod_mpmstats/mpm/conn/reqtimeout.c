/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets for heads and bodies; see reqtimeout.h. Defaults and rules follow mod_reqtimeout's
 * documentation.
 */
#include "mpm/conn/reqtimeout.h"

#include "apr_strings.h"
#include "util_filter.h"
#include "mpm/module.h"
#include "mpm/conn/server.h"

#define FILTER_NAME "reqtimeout"

static const reqtimeout_budget_t default_handshake = { 1, 0, 0, 0 };
static const reqtimeout_budget_t default_head = { 1, 20, 40, 500 };
static const reqtimeout_budget_t default_body = { 1, 20, 0, 500 };

/* Set in reqtimeout_child_init, constant afterwards; NULL without mod_reqtimeout. */
static const ap_filter_rec_t *filter_rec;

void reqtimeout_child_init(void)
{
    filter_rec = ap_get_input_filter_handle(FILTER_NAME);
}

static bool is_loaded(void)
{
    return ap_find_linked_module("mod_reqtimeout.c") != NULL;
}

/* "20", "20-40", "20,MinRate=500", "20-40,MinRate=500"; mod_reqtimeout reports errors. */
static void parse_budget(reqtimeout_budget_t *budget, const char *value)
{
    char *end;
    const char *rate = ap_strcasestr(value, ",minrate=");

    budget->set = 1;
    budget->seconds = (int)apr_strtoi64(value, &end, 10);
    budget->max_seconds = *end == '-' ? (int)apr_strtoi64(end + 1, NULL, 10) : 0;
    budget->min_rate = rate ? (int)apr_strtoi64(rate + strlen(",minrate="), NULL, 10) : 0;
}

const char *reqtimeout_directive(cmd_parms *cmd, void *dummy, const char *args)
{
    const char *word;

    (void)dummy;
    if (!is_loaded()) {
        return apr_psprintf(cmd->pool,
                            "Invalid command '%s': it needs mod_reqtimeout, "
                            "which is not loaded",
                            cmd->cmd->name);
    }
    while (*(word = ap_getword_conf(cmd->pool, &args)) != '\0') {
        if (strncasecmp(word, "body=", 5) == 0) {
            parse_budget(&server_conf(cmd->server)->body_budget, word + 5);
        }
        else if (strncasecmp(word, "header=", 7) == 0) {
            parse_budget(&server_conf(cmd->server)->head_budget, word + 7);
        }
        else if (strncasecmp(word, "handshake=", 10) == 0) {
            parse_budget(&server_conf(cmd->server)->handshake_budget, word + 10);
        }
    }
    return NULL;
}

void reqtimeout_merge(reqtimeout_budget_t *out, const reqtimeout_budget_t *base,
                      const reqtimeout_budget_t *add)
{
    *out = add->set ? *add : *base;
}

static void begin(reqtimeout_body_t *body, const reqtimeout_budget_t *set, apr_time_t now)
{
    body->until = body->max_until = 0;
    body->min_rate = set->min_rate;
    if (!is_loaded() || set->seconds <= 0) {
        return;
    }
    body->until = now + apr_time_from_sec(set->seconds);
    if (set->max_seconds > 0) {
        body->max_until = now + apr_time_from_sec(set->max_seconds);
    }
}

void reqtimeout_begin_handshake(reqtimeout_body_t *handshake, const server_rec *s, apr_time_t now)
{
    const reqtimeout_budget_t *set = &server_conf(s)->handshake_budget;

    begin(handshake, set->set ? set : &default_handshake, now);
}

void reqtimeout_begin_head(reqtimeout_body_t *head, const server_rec *s, apr_time_t now)
{
    const reqtimeout_budget_t *set = &server_conf(s)->head_budget;

    begin(head, set->set ? set : &default_head, now);
}

void reqtimeout_begin(reqtimeout_body_t *body, const server_rec *s, apr_time_t now)
{
    const reqtimeout_budget_t *set = &server_conf(s)->body_budget;

    begin(body, set->set ? set : &default_body, now);
}

void reqtimeout_extend(reqtimeout_body_t *body, apr_size_t bytes)
{
    if (body->until == 0 || body->min_rate <= 0) {
        return;
    }
    body->until += (apr_time_t)bytes * APR_USEC_PER_SEC / body->min_rate;
    if (body->max_until != 0 && body->until > body->max_until) {
        body->until = body->max_until;
    }
}

ap_filter_t *reqtimeout_detach(ap_filter_t *top, ap_filter_t **above)
{
    ap_filter_t *f;

    if (filter_rec == NULL) {
        return NULL;
    }
    for (f = top; f != NULL && f->next != NULL; f = f->next) {
        if (f->next->frec == filter_rec) {
            ap_filter_t *found = f->next;

            *above = f;
            f->next = found->next;
            return found;
        }
    }
    return NULL;
}

void reqtimeout_attach(ap_filter_t *filter, ap_filter_t *above)
{
    if (filter != NULL) {
        above->next = filter;
    }
}

void reqtimeout_say(const conn_rec *c, const char *stage)
{
    const module *m = ap_find_linked_module("mod_reqtimeout.c");

    if (m != NULL) {
        ap_log_cerror("mod_reqtimeout.c", __LINE__, m->module_index, APLOG_INFO, 0, c,
                      "AH01382: Request %s read timeout", stage);
    }
}
