/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/http2_end.h"

#include <string.h>

#include "http_config.h"
#include "mpm_common.h"

/* A draining child runs mod_http2's child_stopping hook after this time. */
#define READ_FIRST apr_time_from_msec(100)

/* mod_http2's child_stopping hook. Set in each configuration phase; NULL without mod_http2. */
static ap_HOOK_child_stopping_t *http2_stopping;

/* httpd rebuilds the list of hooks at each restart. */
void http2_end_take_hook(void)
{
    apr_array_header_t *hooks = ap_hook_get_child_stopping();
    int i, kept = 0;

    http2_stopping = NULL;
    for (i = 0; hooks != NULL && i < hooks->nelts; i++) {
        ap_LINK_child_stopping_t hook = APR_ARRAY_IDX(hooks, i, ap_LINK_child_stopping_t);

        if (strcmp(hook.szName, "mod_http2.c") == 0) {
            http2_stopping = hook.pFunc;
        }
        else {
            APR_ARRAY_IDX(hooks, kept++, ap_LINK_child_stopping_t) = hook;
        }
    }
    if (hooks != NULL) {
        hooks->nelts = kept;
    }
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
