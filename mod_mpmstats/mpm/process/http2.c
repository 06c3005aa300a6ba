/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/http2.h"

#include <string.h>

#include "apr_optional.h"

#include "http_config.h"
#include "mpm_common.h"

/* A draining child runs mod_http2's child_stopping hook after this time. */
#define READ_FIRST apr_time_from_msec(100)

/* mod_http2's child_stopping hook. Set in each configuration phase; NULL without mod_http2. */
static ap_HOOK_child_stopping_t *http2_stopping;

/* mod_http2.h, which not every httpd installs */
APR_DECLARE_OPTIONAL_FN(void, http2_get_num_workers, (server_rec *, int *, int *));

int http2_threads(server_rec *s)
{
    APR_OPTIONAL_FN_TYPE(http2_get_num_workers) *get = APR_RETRIEVE_OPTIONAL_FN(
        http2_get_num_workers);
    int least = 0, most = 0;

    if (get != NULL) {
        get(s, &least, &most);
    }
    return most;
}

/*
 * Defines a function that takes mod_http2's hooks out of httpd's list of @a hook, and returns the
 * last one, or NULL. httpd rebuilds the list at each restart.
 */
#define DEFINE_TAKE(hook) \
    static ap_HOOK_##hook##_t *take_##hook(void) \
    { \
        apr_array_header_t *hooks = ap_hook_get_##hook(); \
        ap_HOOK_##hook##_t *taken = NULL; \
        int i, kept = 0; \
\
        for (i = 0; hooks != NULL && i < hooks->nelts; i++) { \
            ap_LINK_##hook##_t link = APR_ARRAY_IDX(hooks, i, ap_LINK_##hook##_t); \
\
            if (strcmp(link.szName, "mod_http2.c") == 0) { \
                taken = link.pFunc; \
            } \
            else { \
                APR_ARRAY_IDX(hooks, kept++, ap_LINK_##hook##_t) = link; \
            } \
        } \
        if (hooks != NULL) { \
            hooks->nelts = kept; \
        } \
        return taken; \
    }

DEFINE_TAKE(child_init)
DEFINE_TAKE(child_stopping)

void http2_leave_out_threads(void)
{
    (void)take_child_init();
}

void http2_take_stopping(void)
{
    http2_stopping = take_child_stopping();
}

void http2_end_now(apr_pool_t *pchild)
{
    if (http2_stopping != NULL) {
        http2_stopping(pchild, 0);
    }
}

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 126) /* 2.4.55: mod_http2 2.0 */
apr_time_t http2_end_drain(apr_pool_t *pchild, apr_time_t now)
{
    static apr_time_t begun, due;

    if (http2_stopping == NULL) {
        return 0;
    }
    if (due == 0) {
        begun = now;
        due = now + READ_FIRST;
    }
    else if (now >= due) {
        http2_stopping(pchild, 1);
        due = now + (now - begun);
    }
    return due;
}
#else
/* Before 2.0 the hook wakes neither the connections nor all threads; it only ends the pool's growth. */
apr_time_t http2_end_drain(apr_pool_t *pchild, apr_time_t now)
{
    (void)pchild;
    (void)now;
    return 0;
}
#endif
