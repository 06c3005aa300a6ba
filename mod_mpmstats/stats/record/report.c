/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/record/report.h"

#include <stdbool.h>
#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "mod_log_config.h"

#include "stats/config.h"
#include "stats/record/record.h"
#include "stats/request_line.h"

APLOG_USE_MODULE(mpmstats);

/* ---- CustomLog ------------------------------------------------------------------------- */

#define TAG "^MP"

static const struct {
    const char *name;
    apr_size_t offset; /* of an int64_t in record_request_t */
} phases[] = {
    { "head", offsetof(record_request_t, head) },
    { "queue", offsetof(record_request_t, queue) },
    { "handler", offsetof(record_request_t, handler) },
    { "write", offsetof(record_request_t, writing) },
    { "total", offsetof(record_request_t, total) },
};
#define PHASES (int)(sizeof(phases) / sizeof(phases[0]))

/* Index in the table; -1: no such phase. */
static int find_phase(const char *name, apr_size_t length)
{
    for (int i = 0; i < PHASES; i++) {
        if (strlen(phases[i].name) == length && strncmp(phases[i].name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

/* %{head}^MP and so on: microseconds; "-" if unknown. */
static const char *log_phase(request_rec *r, char *phase)
{
    const record_request_t *request = record.segment != NULL ? record_request_of(r) : NULL;
    int i = find_phase(phase, strlen(phase));
    int64_t value = RECORD_UNKNOWN;

    if (request != NULL && i >= 0) {
        value = *(const int64_t *)((const char *)request + phases[i].offset);
    }
    return value == RECORD_UNKNOWN ? "-"
                                   : apr_psprintf(r->pool, "%" APR_INT64_T_FMT, (apr_int64_t)value);
}

int record_report_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    APR_OPTIONAL_FN_TYPE(ap_register_log_handler) *enter = APR_RETRIEVE_OPTIONAL_FN(
        ap_register_log_handler);
    static char tag[] = TAG;

    (void)plog;
    (void)ptemp;
    if (enter != NULL) {
        enter(pconf, tag, log_phase, 0);
    }
    return OK;
}

/* PHASE of the next %{PHASE}^MP from @a *format on; NULL: none. */
static const char *next_phase(const char **format, apr_size_t *length)
{
    const char *end;

    while ((end = strstr(*format, "}" TAG)) != NULL) {
        const char *open = end;

        while (open > *format && *open != '{') {
            open--;
        }
        *format = end + 1;
        if (*open == '{') {
            *length = (apr_size_t)(end - open - 1);
            return open + 1;
        }
    }
    return NULL;
}

/* mod_log_config does not check the name before the first request is logged. */
static const char *unknown_phase(apr_pool_t *pool, const ap_directive_t *at)
{
    const char *format = at->args, *name;
    apr_size_t length;

    if (strcasecmp(at->directive, "LogFormat") != 0 && strcasecmp(at->directive, "CustomLog") != 0
        && strcasecmp(at->directive, "GlobalLog") != 0) {
        return NULL;
    }
    while ((name = next_phase(&format, &length)) != NULL) {
        if (find_phase(name, length) < 0) {
            return apr_pstrmemdup(pool, name, length);
        }
    }
    return NULL;
}

static bool formats_are_known(apr_pool_t *pool, const ap_directive_t *at, const server_rec *s)
{
    bool ok = true;

    for (; at != NULL; at = at->next) {
        const char *name = unknown_phase(pool, at);

        if (name != NULL) {
            ap_log_error(
                APLOG_MARK, APLOG_CRIT | APLOG_STARTUP, 0, s,
                "%s, line %d: %%{%s}" TAG
                " in %s: there is no phase of that name; they are head, queue, handler, write and total",
                at->filename, at->line_num, name, at->directive);
            ok = false;
        }
        ok &= formats_are_known(pool, at->first_child, s);
    }
    return ok;
}

int record_report_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s)
{
    (void)pconf;
    (void)plog;
    return formats_are_known(ptemp, ap_conftree, s) ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* ---- slow requests ------------------------------------------------------------------------ */

const char *record_report_ms(apr_pool_t *pool, int64_t us)
{
    return us < 0 ? "?" : apr_psprintf(pool, "%.1f", (double)us / 1000);
}

void record_report_slow(request_rec *r, const record_request_t *request)
{
    apr_interval_time_t slow = config_of_server(r->server)->slow;
    apr_table_t *headers;

    if (slow <= 0 || request->total < slow) {
        return;
    }
    headers = request_line_cut_referer(r);
    ap_log_rerror(
        APLOG_MARK, APLOG_WARNING, 0, r,
        "slow request: %s ms (head %s, queue %s, handler %s, write %s), status %d, \"%s\", "
        "virtual host %s, handler %s",
        record_report_ms(r->pool, request->total), record_report_ms(r->pool, request->head),
        record_report_ms(r->pool, request->queue), record_report_ms(r->pool, request->handler),
        record_report_ms(r->pool, request->writing), r->status,
        r->the_request != NULL ? request_line(r) : "-", r->server->server_hostname,
        r->handler != NULL ? r->handler : "-");
    r->headers_in = headers;
}
