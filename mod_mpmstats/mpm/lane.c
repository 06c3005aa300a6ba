/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of a lane: defaults that depend on others, range checks, consistency.
 *
 * Defaults and corrections are those that httpd documents for event, worker and prefork
 * (mod/mpm_common). Without ThreadsPerChild, sizing_layout() spreads the workers over the cores.
 */
#include "mpm/lane.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sched.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_log.h"
#include "mpm_common.h"
#include "mpm/policy/sizing.h"
#include "mpm/module.h"

#define EVENT_SERVER_LIMIT 16
#define EVENT_START_SERVERS 3
#define EVENT_MIN_SPARE_THREADS 75
#define EVENT_MAX_SPARE_THREADS 250
#define DEFAULT_MIN_SPARE_SERVERS 5
#define DEFAULT_MAX_SPARE_SERVERS 10
#define DEFAULT_HUNG_SECONDS 300
#define HARD_SERVER_LIMIT 20000
#define HARD_THREAD_LIMIT 20000

/*
 * Descriptors of a process beside its connections: listeners, logs, epoll, pipes. room_in() adds
 * two for each running request (file, backend).
 */
#define RESERVED_FDS 64

#define MOST_FILES 1000000

#define PREFORK_START_SERVERS 5
#define PREFORK_SERVER_LIMIT 256

const char *lane_model_asked = "event";

void lane_use_model(lane_t *lane, const char *model)
{
    lane->model = model;
    lane->is_threaded = strcmp(model, "prefork") != 0;
    lane->is_async = strcmp(model, "event") == 0;
}

const char *lane_choose(const lane_t *lane, const char *event, const char *worker,
                        const char *prefork)
{
    return lane->is_async ? event : lane->is_threaded ? worker : prefork;
}

/* Cores this server may run on, limited by taskset, cpusets or systemd's CPUAffinity=. */
static int cores_allowed(void)
{
    cpu_set_t set;
    long n;

    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) {
        return CPU_COUNT(&set);
    }
    n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (int)n;
}

/* Logs to the console at startup, to the error log later. */
static void say(server_rec *s, bool startup, const char *text)
{
    if (startup) {
        ap_log_error(APLOG_MARK, APLOG_WARNING | APLOG_STARTUP, 0, NULL, "WARNING: %s", text);
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "%s", text);
    }
}

static void at_least(server_rec *s, bool startup, int *value, const char *name)
{
    char text[160];

    if (*value >= 1) {
        return;
    }
    apr_snprintf(text, sizeof(text), "%s of %d not allowed, increasing to 1.", name, *value);
    say(s, startup, text);
    *value = 1;
}

static void at_most(server_rec *s, bool startup, int *value, const char *name, int limit)
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
                     "stop and start the server to change it",
                     name, *value, *first);
        *value = *first;
    }
}

static int or_zero(int value)
{
    return value == LANE_UNSET || value < 0 ? 0 : value;
}

static void fill(int *value, int by_default)
{
    if (*value == LANE_UNSET) {
        *value = by_default;
    }
}

/* With ThreadsPerChild set, the other defaults are event's. */
static void as_event_does(sizing_layout_t *l)
{
    if (l->server_limit == 0) {
        l->server_limit = EVENT_SERVER_LIMIT;
    }
    if (l->max_request_workers == 0) {
        l->max_request_workers = l->server_limit * l->threads_per_child;
    }
    if (l->start_servers == 0) {
        l->start_servers = EVENT_START_SERVERS;
    }
    if (l->min_spare_threads == 0) {
        l->min_spare_threads = EVENT_MIN_SPARE_THREADS;
    }
    if (l->max_spare_threads == 0) {
        l->max_spare_threads = EVENT_MAX_SPARE_THREADS;
    }
}

/*
 * Unset limits are derived from the set ones and from the number of cores. Set ones stay:
 * lane_check() corrects and logs them.
 */
static void fill_in_unset(lane_t *lane)
{
    bool laid_out = lane->threads_per_child == LANE_UNSET;
    sizing_layout_t layout = { .start_servers = or_zero(lane->start_servers),
                               .server_limit = or_zero(lane->server_limit),
                               .thread_limit = or_zero(lane->thread_limit),
                               .threads_per_child = or_zero(lane->threads_per_child),
                               .max_request_workers = or_zero(lane->max_request_workers),
                               .min_spare_threads = or_zero(lane->min_spare_threads),
                               .max_spare_threads = or_zero(lane->max_spare_threads) };

    if (!laid_out) {
        as_event_does(&layout);
    }
    sizing_layout(cores_allowed(), &layout);
    fill(&lane->threads_per_child, layout.threads_per_child);
    fill(&lane->thread_limit, layout.thread_limit);
    fill(&lane->server_limit, layout.server_limit);
    fill(&lane->start_servers, layout.start_servers);
    fill(&lane->min_spare_threads, layout.min_spare_threads);
    fill(&lane->max_spare_threads, layout.max_spare_threads);
    fill(&lane->min_spare_servers, DEFAULT_MIN_SPARE_SERVERS);
    fill(&lane->max_spare_servers, DEFAULT_MAX_SPARE_SERVERS);
    if (laid_out && lane->max_request_workers >= 1) {
        /* ThreadsPerChild was chosen here, so the rounding need not be logged. */
        lane->max_request_workers = layout.max_request_workers;
    }
    fill(&lane->max_request_workers, layout.max_request_workers);
    lane->min_processes = laid_out ? layout.start_servers : 1;
}

static void check_threads(lane_t *lane, server_rec *s, bool startup)
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

static void check_workers(lane_t *lane, server_rec *s, bool startup)
{
    char text[320];
    int whole;

    if (lane->max_request_workers < lane->threads_per_child) {
        apr_snprintf(
            text, sizeof(text),
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
                     lane->max_request_workers, lane->threads_per_child, whole,
                     lane->max_processes);
        say(s, startup, text);
        lane->max_request_workers = whole;
    }
    if (lane->max_processes > lane->server_limit) {
        apr_snprintf(
            text, sizeof(text),
            "MaxRequestWorkers of %d would require %d servers and would exceed ServerLimit "
            "of %d, decreasing to %d. To increase, please see the ServerLimit directive.",
            lane->max_request_workers, lane->max_processes, lane->server_limit,
            lane->server_limit * lane->threads_per_child);
        say(s, startup, text);
        lane->max_processes = lane->server_limit;
        lane->max_request_workers = lane->server_limit * lane->threads_per_child;
    }
}

/* Retirement removes whole processes, so the range must have room for one. */
static void check_spares(lane_t *lane, server_rec *s, bool startup)
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

/* A prefork process has one worker, so limits of processes are those of workers. */
static void fill_in_prefork(lane_t *lane, server_rec *s, bool startup)
{
    lane->threads_per_child = lane->thread_limit = 1;
    fill(&lane->start_servers, PREFORK_START_SERVERS);
    fill(&lane->min_spare_servers, DEFAULT_MIN_SPARE_SERVERS);
    fill(&lane->max_spare_servers, DEFAULT_MAX_SPARE_SERVERS);
    fill(&lane->server_limit, PREFORK_SERVER_LIMIT);
    fill(&lane->max_request_workers,
         lane->server_limit < PREFORK_SERVER_LIMIT ? lane->server_limit : PREFORK_SERVER_LIMIT);
    at_least(s, startup, &lane->min_spare_servers, "MinSpareServers");
    if (lane->max_spare_servers <= lane->min_spare_servers) {
        lane->max_spare_servers = lane->min_spare_servers + 1;
    }
    lane->min_spare_threads = lane->min_spare_servers;
    lane->max_spare_threads = lane->max_spare_servers;
    lane->min_processes = 1;
}

/* Directives without effect share one message: a configuration for another model sets many. */
typedef struct {
    char names[256];
    int count;
} unused_t;

static void not_used(unused_t *unused, bool is_set, const char *name)
{
    size_t used = strlen(unused->names);

    if (is_set) {
        apr_snprintf(unused->names + used, sizeof(unused->names) - used, "%s%s",
                     unused->count++ ? ", " : "", name);
    }
}

static void say_what_is_not_used(const lane_t *lane, server_rec *s, bool startup)
{
    unused_t unused = { "", 0 };
    char text[400];

    not_used(&unused, lane->is_threaded && lane->min_spare_servers != LANE_UNSET,
             "MinSpareServers");
    not_used(&unused, lane->is_threaded && lane->max_spare_servers != LANE_UNSET,
             "MaxSpareServers");
    not_used(&unused, !lane->is_threaded && lane->threads_per_child != LANE_UNSET,
             "ThreadsPerChild");
    not_used(&unused, !lane->is_threaded && lane->thread_limit != LANE_UNSET, "ThreadLimit");
    not_used(&unused, !lane->is_threaded && lane->min_spare_threads != LANE_UNSET,
             "MinSpareThreads");
    not_used(&unused, !lane->is_threaded && lane->max_spare_threads != LANE_UNSET,
             "MaxSpareThreads");
    not_used(&unused, !lane->is_async && lane->worker_factor > 0, "AsyncRequestWorkerFactor");
    not_used(&unused, !lane->is_threaded && lane->concurrency > 0, "MPMConcurrency");
    not_used(&unused, !lane->is_threaded && lane->hung_seconds != LANE_UNSET, "MPMHungRequestTime");
    if (unused.count > 0) {
        apr_snprintf(text, sizeof(text), "%s %s no effect with MPMModel %s.", unused.names,
                     unused.count > 1 ? "have" : "has", lane->model);
        say(s, startup, text);
    }
}

void lane_check(lane_t *lane, int *first_server_limit, int *first_thread_limit, server_rec *s,
                bool startup)
{
    if (lane->server_limit != LANE_UNSET) {
        at_most(s, startup, &lane->server_limit, "ServerLimit", HARD_SERVER_LIMIT);
        at_least(s, startup, &lane->server_limit, "ServerLimit");
    }
    if (lane->thread_limit != LANE_UNSET) {
        at_most(s, startup, &lane->thread_limit, "ThreadLimit", HARD_THREAD_LIMIT);
        at_least(s, startup, &lane->thread_limit, "ThreadLimit");
    }
    say_what_is_not_used(lane, s, startup);
    fill(&lane->hung_seconds, DEFAULT_HUNG_SECONDS);
    if (!lane->is_async) {
        lane->worker_factor = -1.0;
    }
    if (lane->is_threaded) {
        fill_in_unset(lane);
    }
    else {
        fill_in_prefork(lane, s, startup);
    }
    keep_first(s, &lane->server_limit, first_server_limit, "ServerLimit");
    keep_first(s, &lane->thread_limit, first_thread_limit, "ThreadLimit");

    check_threads(lane, s, startup);
    check_workers(lane, s, startup);
    check_spares(lane, s, startup);

    lane->cores = cores_allowed();
    if (lane->concurrency == 0) {
        lane->concurrency = sizing_concurrency(lane->cores, lane->max_processes);
    }
    if (lane->concurrency > lane->threads_per_child) {
        lane->concurrency = lane->threads_per_child;
    }
    /* As many slots again for draining old generations, and the overflow slot. */
    lane->slots = 2 * lane->server_limit + 1;
}

int lane_overflow_slot(const lane_t *lane)
{
    return lane->slots - 1;
}

/* Number of connections that @a files descriptors allow. */
static rlim_t room_in(const lane_t *lane, rlim_t files)
{
    rlim_t reserve = RESERVED_FDS + 2 * (rlim_t)lane->threads_per_child;

    return files > reserve + 16 ? files - reserve : 16;
}

void lane_check_connections(const lane_t *lane, server_rec *s)
{
    struct rlimit lim;
    rlim_t room;

    if (lane->max_connections <= 0 || getrlimit(RLIMIT_NOFILE, &lim) != 0
        || lim.rlim_max == RLIM_INFINITY) {
        return;
    }
    room = room_in(lane, lim.rlim_max);
    if ((rlim_t)lane->max_connections > room) {
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "MPMMaxConnections of %d exceeds what the hard limit of %lu open files leaves to a process, decreasing to %lu. "
            "To increase, raise the limit: LimitNOFILE= of the service, APACHE_ULIMIT_MAX_FILES in envvars, ulimit -Hn.",
            lane->max_connections, (unsigned long)lim.rlim_max, (unsigned long)room);
    }
}

int lane_files_for_connections(const lane_t *lane)
{
    struct rlimit lim;
    rlim_t room;

    if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur == RLIM_INFINITY) {
        return MOST_FILES;
    }
    room = room_in(lane, lim.rlim_cur);
    return room > MOST_FILES ? MOST_FILES : (int)room;
}

int lane_connections_per_process(const lane_t *lane)
{
    int room = lane_files_for_connections(lane);

    return lane->max_connections > 0 && lane->max_connections < room ? lane->max_connections : room;
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
    out->min_spare_threads = lane->is_threaded ? lane->min_spare_threads : 0;
    out->max_spare_threads = lane->is_threaded ? lane->max_spare_threads : 0;
    out->min_spare_servers = lane->is_threaded ? 0 : lane->min_spare_servers;
    out->max_spare_servers = lane->is_threaded ? 0 : lane->max_spare_servers;
    out->max_connections_per_child = ap_max_requests_per_child;
    out->concurrency = lane->concurrency;
    out->connections_per_process = lane_connections_per_process(lane);
    out->slots = lane->slots;
    out->max_memory_per_child = lane->max_memory;
    out->head_memory = lane->head_memory;
}
