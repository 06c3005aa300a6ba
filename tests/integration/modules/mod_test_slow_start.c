/* SPDX-License-Identifier: Apache-2.0 */
/* A child takes MPM_TEST_START_MS of CPU time to start, as one with an interpreter in it does. */
#include <stdlib.h>
#include <time.h>

#include "httpd.h"
#include "http_config.h"

static long cpu_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void start_slowly(apr_pool_t *pool, server_rec *s)
{
    const char *text = getenv("MPM_TEST_START_MS");
    long until = cpu_ms() + (text != NULL ? atol(text) : 0);

    (void)pool;
    (void)s;
    while (cpu_ms() < until) {
        /* at work */
    }
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_child_init(start_slowly, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA test_slow_start_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0
};
