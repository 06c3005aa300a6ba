/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saturation, as intervals. Short ones that follow each other count as one, so
 * that a server at its limit does not fill its log.
 */
#include "mpm/saturation.h"

#include "apr_strings.h"
#include "httpd.h"
#include "scoreboard.h"
#include "mpm/hybrid.h"
#include "mpm/procs.h"
#include "mpm/shared.h"

/* It is over when a worker has been free for so long. */
#define QUIET_TIME apr_time_from_sec(5)

/* VHosts named in the message. */
#define TOP 3

static struct {
    apr_time_t since;           /* 0: not saturated */
    apr_time_t last_full;
    int most_waiting;
} now_full;                     /* parent's only thread */

typedef struct {
    char vhost[32];
    int workers;
} tally_t;

static void tally_up(tally_t *tallies, int size, const worker_score *ws)
{
    int i;

    for (i = 0; i < size; i++) {
        if (tallies[i].workers == 0) {
            apr_cpystrn(tallies[i].vhost, ws->vhost, sizeof(tallies[i].vhost));
        }
        if (tallies[i].workers == 0 || strcmp(tallies[i].vhost, ws->vhost) == 0) {
            tallies[i].workers++;
            return;
        }
    }
}

static int by_workers(const void *a, const void *b)
{
    return ((const tally_t *)b)->workers - ((const tally_t *)a)->workers;
}

/* "a.example:80 (12), b.example:80 (3)"; empty without ExtendedStatus. */
static const char *busiest(const lane_t *lane, char *text, apr_size_t size)
{
    tally_t tallies[64];
    apr_size_t used = 0;
    int slot, i;

    memset(tallies, 0, sizeof(tallies));
    for (slot = 0; slot < lane->slots; slot++) {
        for (i = 0; procs_accepting(slot) != 0 && i < lane->threads_per_child; i++) {
            worker_score ws;

            ap_copy_scoreboard_worker(&ws, slot, i);
            if (ws.status == SERVER_BUSY_WRITE && ws.vhost[0] != '\0') {
                tally_up(tallies, 64, &ws);
            }
        }
    }
    qsort(tallies, 64, sizeof(tallies[0]), by_workers);
    text[0] = '\0';
    for (i = 0; i < TOP && tallies[i].workers > 0; i++) {
        used += apr_snprintf(text + used, size - used, "%s%s (%d)", i ? ", " : "; most in ",
                             tallies[i].vhost, tallies[i].workers);
    }
    return text;
}

static void begins(const lane_t *lane, int waiting, apr_time_t now)
{
    char text[256];

    shared_add(hybrid_retained->shared->server->saturations, 1);
    now_full.since = now;
    now_full.most_waiting = waiting;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "server reached MaxRequestWorkers setting: all %d workers are busy, %d connections "
                 "wait to be accepted%s; consider raising the MaxRequestWorkers setting",
                 lane->max_request_workers, waiting, busiest(lane, text, sizeof(text)));
}

static void ends(const lane_t *lane)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "server is below MaxRequestWorkers (%d) again, after %" APR_TIME_T_FMT " ms; at most "
                 "%d connections waited to be accepted", lane->max_request_workers,
                 (now_full.last_full - now_full.since) / 1000, now_full.most_waiting);
    now_full.since = 0;
}

void saturation_note(const lane_t *lane, int full, int waiting, apr_time_t now)
{
    if (full) {
        now_full.last_full = now;
        if (now_full.since == 0) {
            begins(lane, waiting, now);
        }
        else if (waiting > now_full.most_waiting) {
            now_full.most_waiting = waiting;
        }
    }
    else if (now_full.since != 0 && now - now_full.last_full >= QUIET_TIME) {
        ends(lane);
    }
}
