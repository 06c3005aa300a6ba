/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: a line protocol of its own, on servers with `TestWaitIO on`, that
 * waits for its socket in the MPM (CONN_STATE_ASYNC_WAITIO) and never on a thread.
 *
 *   hello        -> "you said hello"
 *   write        -> waits for the socket to be writable, then "writable"
 *   quit         -> "bye", lingering close
 *
 * Where the MPM does not offer the state (AP_MPMQ_CAN_WAITIO) the connection is
 * refused with one line.
 */
#include <string.h>

#include "httpd.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "ap_mpm.h"
#include "ap_mmn.h"
#include "apr_strings.h"
#include "util_filter.h"

#if !AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
#error "CONN_STATE_ASYNC_WAITIO needs httpd 2.4.63 or later"
#endif

module AP_MODULE_DECLARE_DATA test_waitio_module;

typedef struct {
    int on;
} server_conf_t;

typedef struct {
    int wants_write;
} conn_conf_t;

static void say(conn_rec *c, const char *text)
{
    apr_bucket_brigade *bb = apr_brigade_create(c->pool, c->bucket_alloc);
    apr_brigade_puts(bb, NULL, NULL, text);
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(c->bucket_alloc));
    ap_pass_brigade(c->output_filters, bb);
}

static int wait_for(conn_rec *c, conn_sense_e sense)
{
    c->cs->state = CONN_STATE_ASYNC_WAITIO;
    c->cs->sense = sense;
    return OK;
}

/* One line without its end, or NULL: *rv says whether more may come. */
static char *read_line(conn_rec *c, apr_status_t *rv)
{
    apr_bucket_brigade *bb = apr_brigade_create(c->pool, c->bucket_alloc);
    char *line = NULL;
    apr_size_t length = 0;
    *rv = ap_get_brigade(c->input_filters, bb, AP_MODE_GETLINE, APR_NONBLOCK_READ, 0);
    if (*rv != APR_SUCCESS) {
        return NULL;
    }
    if (APR_BRIGADE_EMPTY(bb)) {
        *rv = APR_EAGAIN;
        return NULL;
    }
    *rv = apr_brigade_pflatten(bb, &line, &length, c->pool);
    if (*rv == APR_SUCCESS && length == 0) {
        *rv = APR_EOF;
    }
    if (*rv != APR_SUCCESS) {
        return NULL;
    }
    line = apr_pstrmemdup(c->pool, line, length);
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static int linger(conn_rec *c)
{
    c->cs->state = CONN_STATE_LINGER;
    return OK;
}

static int obey(conn_rec *c, conn_conf_t *cc, const char *line)
{
    if (!strcmp(line, "quit")) {
        say(c, "bye\n");
        return linger(c);
    }
    if (!strcmp(line, "write")) {
        cc->wants_write = 1;
        return wait_for(c, CONN_SENSE_WANT_WRITE);
    }
    say(c, apr_psprintf(c->pool, "you said %s\n", line));
    return wait_for(c, CONN_SENSE_WANT_READ);
}

static int process_connection(conn_rec *c)
{
    server_conf_t *sc = ap_get_module_config(c->base_server->module_config, &test_waitio_module);
    if (!sc->on) {
        return DECLINED;
    }
    conn_conf_t *cc = ap_get_module_config(c->conn_config, &test_waitio_module);
    int can = 0;
    if (ap_mpm_query(AP_MPMQ_CAN_WAITIO, &can) != APR_SUCCESS || !can || !c->cs) {
        say(c, "this MPM cannot wait\n");
        if (c->cs) {
            c->cs->state = CONN_STATE_LINGER;
        }
        return OK;
    }
    if (!cc) {
        cc = apr_pcalloc(c->pool, sizeof *cc);
        ap_set_module_config(c->conn_config, &test_waitio_module, cc);
    }
    if (cc->wants_write) {
        cc->wants_write = 0;
        say(c, "writable\n");
        return wait_for(c, CONN_SENSE_WANT_READ);
    }
    apr_status_t rv;
    const char *line = read_line(c, &rv);
    if (line) {
        return obey(c, cc, line);
    }
    return APR_STATUS_IS_EAGAIN(rv) ? wait_for(c, CONN_SENSE_WANT_READ) : linger(c);
}

static void *create_server_conf(apr_pool_t *p, server_rec *s)
{
    (void)s;
    return apr_pcalloc(p, sizeof(server_conf_t));
}

static const char *set_on(cmd_parms *cmd, void *unused, int on)
{
    (void)unused;
    server_conf_t *sc = ap_get_module_config(cmd->server->module_config, &test_waitio_module);
    sc->on = on;
    return NULL;
}

static const command_rec directives[] = { AP_INIT_FLAG("TestWaitIO", set_on, NULL, RSRC_CONF,
                                                       "speak the test protocol on this server"),
                                          { NULL } };

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_process_connection(process_connection, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA test_waitio_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, create_server_conf, NULL, directives, register_hooks,
    AP_MODULE_FLAG_NONE
};
