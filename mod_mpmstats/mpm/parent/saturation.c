/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saturation is logged as intervals; those less than QUIET_TIME apart count as one, so that a
 * server at its limit does not fill its log.
 */
#include "mpm/parent/saturation.h"

#include "apr_strings.h"
#include "httpd.h"
#include "scoreboard.h"
#include "mpm/module.h"
#include "mpm/parent/procs.h"
#include "mpm/process/http2.h"
#include "mpm/process/shared.h"

/* An interval ends when there was no saturation for this time. */
#define QUIET_TIME apr_time_from_sec(5)

/* Number of virtual hosts and of handlers that a message names. */
#define TOP 3

typedef struct {
    apr_time_t since; /* 0: not saturated */
    apr_time_t last_full;
    int most_waiting;
} interval_t;

static interval_t now_full, now_streaming; /* parent's only thread */

#define TALLIES 64

/* Number of workers busy with a virtual host or handler. */
typedef struct {
    char name[40];
    int workers;
} tally_t;

static void tally_up(tally_t *tallies, const char *name)
{
    int i;

    for (i = 0; i < TALLIES; i++) {
        if (tallies[i].workers == 0) {
            apr_cpystrn(tallies[i].name, name, sizeof(tallies[i].name));
        }
        if (strcmp(tallies[i].name, name) == 0) {
            tallies[i].workers++;
            return;
        }
    }
}

static int by_workers(const void *a, const void *b)
{
    return ((const tally_t *)b)->workers - ((const tally_t *)a)->workers;
}

static void name_top(tally_t *tallies, const char *intro, char *text, apr_size_t size)
{
    apr_size_t used = strlen(text);
    int i;

    qsort(tallies, TALLIES, sizeof(tallies[0]), by_workers);
    for (i = 0; i < TOP && tallies[i].workers > 0; i++) {
        used += apr_snprintf(text + used, size - used, "%s%s (%d)", i ? ", " : intro,
                             tallies[i].name, tallies[i].workers);
    }
}

/* Count one worker's entry, which may hold any bytes: children write it. */
static void look_at(int slot, int thread, tally_t *vhosts, tally_t *handlers)
{
    worker_score ws;
    char name[33];

    ap_copy_scoreboard_worker(&ws, slot, thread);
    if (ws.status != SERVER_BUSY_WRITE) {
        return;
    }
    apr_cpystrn(name, ws.vhost, sizeof(ws.vhost));
    if (name[0] != '\0') {
        tally_up(vhosts, name);
    }
    if (shared_handler(slot, thread, name, sizeof(name)) == APR_SUCCESS && name[0] != '\0') {
        tally_up(handlers, name);
    }
}

/*
 * "; most for a.example:80 (12), b.example:80 (3), in handler x (15)"; no hosts without
 * ExtendedStatus.
 */
static const char *busiest(const lane_t *lane, char *text, apr_size_t size)
{
    tally_t vhosts[TALLIES], handlers[TALLIES];
    int slot, i;

    memset(vhosts, 0, sizeof(vhosts));
    memset(handlers, 0, sizeof(handlers));
    for (slot = 0; slot < lane->slots; slot++) {
        for (i = 0; procs_accepting(slot) != 0 && i < lane->threads_per_child; i++) {
            look_at(slot, i, vhosts, handlers);
        }
    }
    text[0] = '\0';
    name_top(vhosts, "; most for ", text, size);
    name_top(handlers, text[0] ? ", in handler " : "; most in handler ", text, size);
    return text;
}

static void begins(const lane_t *lane, int waiting, apr_time_t now)
{
    char text[512];

    shared_add(hybrid_retained->shared->server->saturations, 1);
    now_full.since = now;
    now_full.most_waiting = waiting;
    ap_log_error(
        APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
        "%sserver reached MaxRequestWorkers setting: all %d workers are busy, %d connections "
        "wait to be accepted%s; consider raising the MaxRequestWorkers setting",
        lane_choose(lane, "AH00484: ", "AH00286: ", "AH00161: "), lane->max_request_workers,
        waiting, busiest(lane, text, sizeof(text)));
}

static void ends(const lane_t *lane)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "server is below MaxRequestWorkers (%d) again, after %" APR_TIME_T_FMT
                 " ms; at most "
                 "%d connections waited to be accepted",
                 lane->max_request_workers, (now_full.last_full - now_full.since) / 1000,
                 now_full.most_waiting);
    now_full.since = 0;
}

/* ---- mod_http2's threads ---------------------------------------------------- */

static void streams_begin(const lane_t *lane, const saturation_t *state, int threads,
                          apr_time_t now)
{
    shared_add(hybrid_retained->shared->server->saturations, 1);
    now_streaming.since = now;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "%sserver reached H2MaxWorkers setting: all %d threads of mod_http2 run HTTP/2 "
                 "streams, %d in each of %d processes; consider raising the H2MaxWorkers setting",
                 lane_choose(lane, "AH00484: ", "AH00286: ", ""), threads * state->ready, threads,
                 state->ready);
}

static void streams_end(void)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "server is below H2MaxWorkers again, after %" APR_TIME_T_FMT " ms",
                 (now_streaming.last_full - now_streaming.since) / 1000);
    now_streaming.since = 0;
}

static void note_streams(const lane_t *lane, const saturation_t *state, apr_time_t now)
{
    int threads = state->streams > 0 ? http2_threads(ap_server_conf) : 0;

    if (threads > 0 && state->streams / state->ready >= threads) {
        now_streaming.last_full = now;
        if (now_streaming.since == 0) {
            streams_begin(lane, state, threads, now);
        }
    }
    else if (now_streaming.since != 0 && now - now_streaming.last_full >= QUIET_TIME) {
        streams_end();
    }
}

void saturation_note(const lane_t *lane, const saturation_t *state, apr_time_t now)
{
    note_streams(lane, state, now);
    if (state->full) {
        now_full.last_full = now;
        if (now_full.since == 0) {
            begins(lane, state->waiting, now);
        }
        else if (state->waiting > now_full.most_waiting) {
            now_full.most_waiting = state->waiting;
        }
    }
    else if (now_full.since != 0 && now - now_full.last_full >= QUIET_TIME) {
        ends(lane);
    }
}
