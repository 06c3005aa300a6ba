/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: handler `test-scoreboard` writes httpd's scoreboard as JSON, field by
 * field as the MPM left it, for tests that must not depend on how mod_status
 * or mod_mpmstats present it. Reads without a lock, as every reader does.
 */
#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "scoreboard.h"
#include "ap_mpm.h"
#include "ap_mmn.h"

static const char letters[SERVER_NUM_STATUS + 1] = ".S_RWKLDCGI";

static void put_letters(request_rec *r, int slot, int threads)
{
    for (int t = 0; t < threads; t++) {
        const worker_score *ws = ap_get_scoreboard_worker_from_indexes(slot, t);
        unsigned status = ws ? ws->status : SERVER_DEAD;
        ap_rputc(status < SERVER_NUM_STATUS ? letters[status] : '?', r);
    }
}

static void put_worker_pids(request_rec *r, int slot, int threads)
{
    const char *comma = "";
    for (int t = 0; t < threads; t++) {
        const worker_score *ws = ap_get_scoreboard_worker_from_indexes(slot, t);
        if (ws && ws->status != SERVER_DEAD) {
            ap_rprintf(r, "%s[%d,%ld,%d,%lu]", comma, t, (long)ws->pid, ws->generation,
                       ws->access_count);
            comma = ",";
        }
    }
}

static void put_process(request_rec *r, int slot, int threads)
{
    const process_score *ps = ap_get_scoreboard_process(slot);
    ap_rprintf(
        r,
        "{\"slot\":%d,\"pid\":%ld,\"generation\":%d,\"quiescing\":%d,\"not_accepting\":%d,"
        "\"connections\":%u,\"write_completion\":%u,\"lingering_close\":%u,\"keep_alive\":%u,"
        "\"suspended\":%u,",
        slot, (long)ps->pid, ps->generation, ps->quiescing, ps->not_accepting, ps->connections,
        ps->write_completion, ps->lingering_close, ps->keep_alive, ps->suspended);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 136)
    ap_rprintf(r, "\"wait_io\":%u,", ps->wait_io);
#endif
    ap_rputs("\"letters\":\"", r);
    put_letters(r, slot, threads);
    ap_rputs("\",\"workers\":[", r);
    put_worker_pids(r, slot, threads);
    ap_rputs("]}", r);
}

static int scoreboard_handler(request_rec *r)
{
    if (strcmp(r->handler, "test-scoreboard")) {
        return DECLINED;
    }
    ap_set_content_type(r, "application/json");
    const global_score *gs = ap_get_scoreboard_global();
    ap_rprintf(r, "{\"server_limit\":%d,\"thread_limit\":%d,\"generation\":%d,\"processes\":[",
               gs->server_limit, gs->thread_limit, gs->running_generation);
    for (int slot = 0; slot < gs->server_limit; slot++) {
        if (slot) {
            ap_rputs(",\n", r);
        }
        put_process(r, slot, gs->thread_limit);
    }
    ap_rputs("]}\n", r);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(scoreboard_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_scoreboard) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE
};
