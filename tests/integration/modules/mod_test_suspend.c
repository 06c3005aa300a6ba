/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: handler `test-suspend` gives its thread back and finishes the request from a timed
 * callback: `?ms=N` from now, in `steps=N` pulses of one line each (default 1); `slow=N`: the pulse
 * itself takes N ms before. With `loop=N` it answers at once, and a callback registers itself
 * again, to be run at once, for N ms. Every suspend and resume the MPM announces is logged at debug
 * level ("test-suspend: suspended" / "resumed"), so that a test can count them.
 *
 * The pulse runs under the request's own lock, which the core holds while the handler returns: the
 * callback may come before the thread has left the request.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "ap_mpm.h"
#include "mpm_common.h"
#include "apr_strings.h"

APLOG_USE_MODULE(test_suspend);

typedef struct {
    request_rec *r;
    apr_interval_time_t wait;
    int steps;
    int slow;
} pulse_t;

static int query_number(request_rec *r, const char *name, int fallback)
{
    const char *at = r->args ? strstr(r->args, name) : NULL;
    return at ? atoi(at + strlen(name)) : fallback;
}

static void pulse(void *baton)
{
    pulse_t *p = baton;
    request_rec *r = p->r;
    apr_sleep(apr_time_from_msec(p->slow));
    apr_thread_mutex_lock(r->invoke_mtx);
    ap_rputs("pulse\n", r);
    if (--p->steps > 0 && ap_rflush(r) >= 0) {
        ap_mpm_register_timed_callback(p->wait, pulse, p);
        apr_thread_mutex_unlock(r->invoke_mtx);
        return;
    }
    apr_thread_mutex_unlock(r->invoke_mtx);
    ap_finalize_request_protocol(r);
    ap_process_request_after_handler(r);
}

static void loop(void *baton)
{
    apr_time_t *until = baton;
    if (apr_time_now() < *until) {
        ap_mpm_register_timed_callback(0, loop, until);
    }
    else {
        free(until);
    }
}

static void take_time(void *baton)
{
    apr_sleep(apr_time_from_msec((intptr_t)baton));
}

static void *register_outside(void *ms)
{
    ap_mpm_register_timed_callback(0, take_time, ms);
    return NULL;
}

static int suspend_handler(request_rec *r)
{
    if (strcmp(r->handler, "test-suspend")) {
        return DECLINED;
    }
    int turns = query_number(r, "loop=", 0);
    if (turns > 0) {
        apr_time_t *until = malloc(sizeof *until);
        *until = apr_time_now() + apr_time_from_msec(turns);
        ap_mpm_register_timed_callback(0, loop, until);
        ap_rputs("loops\n", r);
        return OK;
    }
    int outside = query_number(r, "outside=", 0);
    if (outside > 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, register_outside, (void *)(intptr_t)outside);
        pthread_join(thread, NULL);
        ap_rputs("outside\n", r);
        return OK;
    }
    pulse_t *p = apr_pcalloc(r->pool, sizeof *p);
    p->r = r;
    p->wait = apr_time_from_msec(query_number(r, "ms=", 0));
    p->steps = query_number(r, "steps=", 1);
    p->slow = query_number(r, "slow=", 0);
    ap_set_content_type(r, "text/plain");
    apr_status_t rv = ap_mpm_register_timed_callback(p->wait, pulse, p);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, rv, r,
                      "test-suspend: this MPM has no timed callbacks");
        return HTTP_NOT_IMPLEMENTED;
    }
    return SUSPENDED;
}

static void log_suspend(conn_rec *c, request_rec *r)
{
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, c, "test-suspend: suspended, request %s",
                  r ? r->uri : "none");
}

static void log_resume(conn_rec *c, request_rec *r)
{
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, c, "test-suspend: resumed, request %s",
                  r ? r->uri : "none");
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(suspend_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_suspend_connection(log_suspend, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_resume_connection(log_resume, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA test_suspend_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE
};
