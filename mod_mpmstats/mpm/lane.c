/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of a lane: defaults, range checks, what they mean together.
 *
 * The defaults and the corrections are those of httpd's documentation for the
 * event MPM (mod/mpm_common). Where a directive is not set at all, the layout
 * follows the machine: as many processes as cores (at least two, for
 * isolation), the workers shared out evenly.
 */
#include "mpm/lane.h"

#include <sys/resource.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_log.h"
#include "mpm_common.h"
#include "mpm/hybrid.h"

#define DEFAULT_SERVER_LIMIT 16
#define DEFAULT_THREAD_LIMIT 64
#define DEFAULT_THREADS_PER_CHILD 25
#define DEFAULT_MAX_REQUEST_WORKERS 400
#define DEFAULT_START_SERVERS 3
#define DEFAULT_MIN_SPARE_THREADS 75
#define DEFAULT_MAX_SPARE_THREADS 250
#define DEFAULT_MIN_SPARE_SERVERS 5
#define DEFAULT_MAX_SPARE_SERVERS 10
#define HARD_SERVER_LIMIT 20000
#define HARD_THREAD_LIMIT 20000
#define AUTO_MAX_PROCESSES 8

/* Descriptors a process needs beside its connections: listeners, logs, epoll,
 * pipes, and one or two for each running request (file, backend). */
#define RESERVED_FDS 64

lane_t lane_default;

void lane_reset(lane_t *lane)
{
    memset(lane, 0, sizeof(*lane));
    lane->name = "default";
    lane->model = "event";
    lane->server_limit = LANE_UNSET;
    lane->thread_limit = LANE_UNSET;
    lane->threads_per_child = LANE_UNSET;
    lane->max_request_workers = LANE_UNSET;
    lane->start_servers = LANE_UNSET;
    lane->min_spare_threads = LANE_UNSET;
    lane->max_spare_threads = LANE_UNSET;
    lane->min_spare_servers = LANE_UNSET;
    lane->max_spare_servers = LANE_UNSET;
    lane->worker_factor = -1.0;
}

static int cores_online(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : (int)n;
}

/* One sentence for both audiences: the console while we start, the error log later. */
static void say(server_rec *s, int startup, const char *text)
{
    if (startup) {
        ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, NULL,
                     "WARNING: %s", text);
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s", text);
    }
}

static void at_least(server_rec *s, int startup, int *value, const char *name)
{
    char text[160];

    if (*value >= 1) {
        return;
    }
    apr_snprintf(text, sizeof(text), "%s of %d not allowed, increasing to 1.", name, *value);
    say(s, startup, text);
    *value = 1;
}

static void at_most(server_rec *s, int startup, int *value, const char *name, int limit)
{
    char text[160];

    if (*value <= limit) {
        return;
    }
    apr_snprintf(text, sizeof(text), "%s of %d exceeds compile-time limit of %d, decreasing to %d.",
                 name, *value, limit, limit);
    say(s, startup, text);
    *value = limit;
}

/* The scoreboard cannot grow while the server runs. */
static void keep_first(server_rec *s, int *value, int *first, const char *name)
{
    if (*first == 0) {
        *first = *value;
    }
    else if (*value != *first) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "changing %s to %d from original value of %d not allowed during restart; "
                     "stop and start the server to change it", name, *value, *first);
        *value = *first;
    }
}

/* Nobody said how the workers are to be laid out: one process a core. */
static void lay_out_by_cores(lane_t *lane)
{
    int processes = cores_online();
    int workers = lane->max_request_workers;

    if (processes < 2) {
        processes = 2;
    }
    if (processes > AUTO_MAX_PROCESSES) {
        processes = AUTO_MAX_PROCESSES;
    }
    if (lane->server_limit != LANE_UNSET && lane->server_limit >= 1
        && processes > lane->server_limit) {
        processes = lane->server_limit;
    }
    if (workers == LANE_UNSET) {
        workers = DEFAULT_MAX_REQUEST_WORKERS;
    }
    if (workers < processes) {
        processes = workers < 1 ? 1 : workers;
    }
    lane->threads_per_child = (workers + processes - 1) / processes;
    if (lane->thread_limit != LANE_UNSET && lane->threads_per_child > lane->thread_limit
        && lane->thread_limit >= 1) {
        lane->threads_per_child = lane->thread_limit;
    }
    lane->max_request_workers = lane->threads_per_child
        * ((workers + lane->threads_per_child - 1) / lane->threads_per_child);
    if (lane->start_servers == LANE_UNSET) {
        lane->start_servers = processes;
    }
}

static void fill_in_unset(lane_t *lane)
{
    if (lane->threads_per_child == LANE_UNSET) {
        lay_out_by_cores(lane);
    }
    if (lane->thread_limit == LANE_UNSET) {
        lane->thread_limit = DEFAULT_THREAD_LIMIT;
        if (lane->threads_per_child > lane->thread_limit) {
            lane->thread_limit = lane->threads_per_child;
        }
    }
    if (lane->server_limit == LANE_UNSET) {
        int needed = lane->max_request_workers / (lane->threads_per_child > 0
                                                  ? lane->threads_per_child : 1);

        lane->server_limit = DEFAULT_SERVER_LIMIT > needed ? DEFAULT_SERVER_LIMIT : needed;
    }
    if (lane->max_request_workers == LANE_UNSET) {
        lane->max_request_workers = lane->server_limit * lane->threads_per_child;
    }
    if (lane->start_servers == LANE_UNSET) {
        lane->start_servers = DEFAULT_START_SERVERS;
    }
    if (lane->min_spare_threads == LANE_UNSET) {
        lane->min_spare_threads = DEFAULT_MIN_SPARE_THREADS;
    }
    if (lane->max_spare_threads == LANE_UNSET) {
        lane->max_spare_threads = DEFAULT_MAX_SPARE_THREADS;
    }
    if (lane->min_spare_servers == LANE_UNSET) {
        lane->min_spare_servers = DEFAULT_MIN_SPARE_SERVERS;
    }
    if (lane->max_spare_servers == LANE_UNSET) {
        lane->max_spare_servers = DEFAULT_MAX_SPARE_SERVERS;
    }
}

static void check_threads(lane_t *lane, server_rec *s, int startup)
{
    char text[320];

    if (lane->threads_per_child > lane->thread_limit) {
        apr_snprintf(text, sizeof(text),
                     "ThreadsPerChild of %d exceeds ThreadLimit of %d, decreasing to %d. "
                     "To increase, please see the ThreadLimit directive.",
                     lane->threads_per_child, lane->thread_limit, lane->thread_limit);
        say(s, startup, text);
        lane->threads_per_child = lane->thread_limit;
    }
    at_least(s, startup, &lane->threads_per_child, "ThreadsPerChild");
}

static void check_workers(lane_t *lane, server_rec *s, int startup)
{
    char text[320];
    int whole;

    if (lane->max_request_workers < lane->threads_per_child) {
        apr_snprintf(text, sizeof(text),
                     "MaxRequestWorkers of %d is less than ThreadsPerChild of %d, increasing to %d. "
                     "MaxRequestWorkers must be at least as large as the number of threads "
                     "in a single server.",
                     lane->max_request_workers, lane->threads_per_child, lane->threads_per_child);
        say(s, startup, text);
        lane->max_request_workers = lane->threads_per_child;
    }
    lane->max_processes = lane->max_request_workers / lane->threads_per_child;
    whole = lane->max_processes * lane->threads_per_child;
    if (whole != lane->max_request_workers) {
        apr_snprintf(text, sizeof(text),
                     "MaxRequestWorkers of %d is not an integer multiple of ThreadsPerChild of %d, "
                     "decreasing to nearest multiple %d, for a maximum of %d servers.",
                     lane->max_request_workers, lane->threads_per_child, whole, lane->max_processes);
        say(s, startup, text);
        lane->max_request_workers = whole;
    }
    if (lane->max_processes > lane->server_limit) {
        apr_snprintf(text, sizeof(text),
                     "MaxRequestWorkers of %d would require %d servers and would exceed ServerLimit "
                     "of %d, decreasing to %d. To increase, please see the ServerLimit directive.",
                     lane->max_request_workers, lane->max_processes, lane->server_limit,
                     lane->server_limit * lane->threads_per_child);
        say(s, startup, text);
        lane->max_processes = lane->server_limit;
        lane->max_request_workers = lane->server_limit * lane->threads_per_child;
    }
}

/* One process is retired at a time, so there must be room for one between the two marks. */
static void check_spares(lane_t *lane, server_rec *s, int startup)
{
    at_least(s, startup, &lane->start_servers, "StartServers");
    at_least(s, startup, &lane->min_spare_threads, "MinSpareThreads");
    if (lane->start_servers > lane->max_processes) {
        lane->start_servers = lane->max_processes;
    }
    if (lane->max_spare_threads < lane->min_spare_threads + lane->threads_per_child) {
        lane->max_spare_threads = lane->min_spare_threads + lane->threads_per_child;
    }
}

void lane_check(lane_t *lane, int *first_server_limit, int *first_thread_limit,
                server_rec *s, int startup)
{
    if (lane->server_limit != LANE_UNSET) {
        at_most(s, startup, &lane->server_limit, "ServerLimit", HARD_SERVER_LIMIT);
        at_least(s, startup, &lane->server_limit, "ServerLimit");
    }
    if (lane->thread_limit != LANE_UNSET) {
        at_most(s, startup, &lane->thread_limit, "ThreadLimit", HARD_THREAD_LIMIT);
        at_least(s, startup, &lane->thread_limit, "ThreadLimit");
    }
    fill_in_unset(lane);
    keep_first(s, &lane->server_limit, first_server_limit, "ServerLimit");
    keep_first(s, &lane->thread_limit, first_thread_limit, "ThreadLimit");

    check_threads(lane, s, startup);
    check_workers(lane, s, startup);
    check_spares(lane, s, startup);

    if (lane->concurrency == 0) {
        lane->concurrency = cores_online() / lane->max_processes;
    }
    if (lane->concurrency < 1) {
        lane->concurrency = 1;
    }
    if (lane->concurrency > lane->threads_per_child) {
        lane->concurrency = lane->threads_per_child;
    }
    /* As many slots again as there may be processes: they hold the old
     * generations while these finish what they have. */
    lane->slots = 2 * lane->server_limit;
}

int lane_connections_per_process(const lane_t *lane)
{
    struct rlimit lim;
    rlim_t room;

    if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur == RLIM_INFINITY) {
        return lane->max_connections > 0 ? lane->max_connections : 1000000;
    }
    room = lim.rlim_cur;
    if (room > RESERVED_FDS + 2 * (rlim_t)lane->threads_per_child + 16) {
        room -= RESERVED_FDS + 2 * (rlim_t)lane->threads_per_child;
    }
    else {
        room = 16;
    }
    if (lane->max_connections > 0 && (rlim_t)lane->max_connections < room) {
        return lane->max_connections;
    }
    return room > 1000000 ? 1000000 : (int)room;
}

void lane_export(const lane_t *lane, mpm_hybrid_limits_t *out)
{
    out->api_version = MPM_HYBRID_API_VERSION;
    out->lane = lane->name;
    out->model = lane->model;
    out->server_limit = lane->server_limit;
    out->thread_limit = lane->thread_limit;
    out->threads_per_child = lane->threads_per_child;
    out->max_request_workers = lane->max_request_workers;
    out->start_servers = lane->start_servers;
    out->min_spare_threads = lane->min_spare_threads;
    out->max_spare_threads = lane->max_spare_threads;
    out->min_spare_servers = lane->min_spare_servers;
    out->max_spare_servers = lane->max_spare_servers;
    out->max_connections_per_child = ap_max_requests_per_child;
    out->concurrency = lane->concurrency;
    out->connections_per_process = lane_connections_per_process(lane);
    out->slots = lane->slots;
}
