/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge to mpm_hybrid's optional functions. The two modules are built apart
 * and one may be older than the other: a struct is read only if its version is
 * the one compiled in, and received into more room than it needs, since a newer
 * MPM writes fields this file does not know.
 */
#include "stats/hybrid.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "httpd.h"
#include "http_log.h"
#include "http_main.h"

APLOG_USE_MODULE(mpmstats);

#define ROOM 1024

typedef union {
    mpm_hybrid_limits_t known;
    char room[ROOM];
} limits_room_t;

typedef union {
    mpm_hybrid_process_t known;
    char room[ROOM];
} process_room_t;

typedef union {
    mpm_hybrid_events_t known;
    char room[ROOM];
} events_room_t;

_Static_assert(sizeof(mpm_hybrid_limits_t) < ROOM && sizeof(mpm_hybrid_process_t) < ROOM,
               "no room left for the fields of a newer mpm_hybrid");

/* Written once in the parent while the configuration is read; read-only in children. */
static APR_OPTIONAL_FN_TYPE(mpm_hybrid_limits_get) * limits_get;
static APR_OPTIONAL_FN_TYPE(mpm_hybrid_process_get) * process_get;
static APR_OPTIONAL_FN_TYPE(mpm_hybrid_events_get) * events_get;
static APR_OPTIONAL_FN_TYPE(mpm_hybrid_worker_handler) * worker_handler;
static APR_OPTIONAL_FN_TYPE(mpm_hybrid_conn_times) * conn_times;
static APR_OPTIONAL_FN_TYPE(mpm_hybrid_conn_end) * conn_end;

/* Set by the first thread of a process that reports the mismatch: one log line a process. */
static atomic_flag mismatch_reported = ATOMIC_FLAG_INIT;

void hybrid_find(void)
{
    limits_get = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_limits_get);
    process_get = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_process_get);
    events_get = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_events_get);
    worker_handler = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_worker_handler);
    conn_times = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_conn_times);
    conn_end = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_conn_end);
}

static int versions_match(const mpm_hybrid_limits_t *limits)
{
    if (limits->api_version == MPM_HYBRID_API_VERSION) {
        return 1;
    }
    if (!atomic_flag_test_and_set(&mismatch_reported)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "mod_mpm_hybrid speaks version %d of the status interface, mod_mpmstats "
                     "version %d: showing only what the scoreboard tells; install both from "
                     "the same build",
                     limits->api_version, MPM_HYBRID_API_VERSION);
    }
    return 0;
}

static int read_limits(limits_room_t *out)
{
    memset(out, 0, sizeof(*out));
    return limits_get != NULL && process_get != NULL && limits_get(0, &out->known) == APR_SUCCESS
        && versions_match(&out->known);
}

/* Of no meaning in this model: shown as little as under a stock MPM that does not have it. */
static apr_int64_t or_unknown(int limit)
{
    return limit > 0 ? limit : SNAPSHOT_UNKNOWN;
}

int hybrid_limits(snapshot_limits_t *limits, const char **model)
{
    limits_room_t in;

    if (!read_limits(&in)) {
        return 0;
    }
    *model = in.known.model;
    limits->max_request_workers = in.known.max_request_workers;
    limits->server_limit = in.known.server_limit;
    limits->start_servers = in.known.start_servers;
    limits->min_spare_servers = or_unknown(in.known.min_spare_servers);
    limits->max_spare_servers = or_unknown(in.known.max_spare_servers);
    limits->thread_limit = in.known.thread_limit;
    limits->threads_per_child = in.known.threads_per_child;
    limits->min_spare_threads = or_unknown(in.known.min_spare_threads);
    limits->max_spare_threads = or_unknown(in.known.max_spare_threads);
    limits->max_connections_per_child = in.known.max_connections_per_child;
    limits->connections_per_process = in.known.connections_per_process;
    limits->concurrency = in.known.concurrency;
    limits->slots = in.known.slots;
    limits->max_memory_per_child_bytes = in.known.max_memory_per_child;
    limits->head_memory_bytes = in.known.head_memory;
    return 1;
}

static void copy_connections(snapshot_connections_t *to, const apr_uint32_t *from)
{
    to->new = from[MPM_HYBRID_CONN_NEW];
    to->handshake = from[MPM_HYBRID_CONN_HANDSHAKE];
    to->head = from[MPM_HYBRID_CONN_HEAD];
    to->body = from[MPM_HYBRID_CONN_BODY];
    to->keepalive = from[MPM_HYBRID_CONN_KEEPALIVE];
    to->running = from[MPM_HYBRID_CONN_RUNNING];
    to->waitio = from[MPM_HYBRID_CONN_WAITIO];
    to->write = from[MPM_HYBRID_CONN_WRITE];
    to->linger = from[MPM_HYBRID_CONN_LINGER];
    to->suspended = from[MPM_HYBRID_CONN_SUSPENDED];
}

apr_int64_t hybrid_quiet(const mpm_hybrid_process_t *process)
{
    struct timespec ts;
    apr_int64_t quiet;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    quiet = (apr_int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - process->ticked;
    if (process->ticked == 0) {
        /* It has not begun to serve; a prefork child that has says nothing. */
        quiet = process->workers == 0 && process->pid > 0 ? apr_time_now() - process->started
                                                          : SNAPSHOT_UNKNOWN;
        return quiet < 0 ? SNAPSHOT_UNKNOWN : quiet;
    }
    return quiet > 0 ? quiet : 0;
}

static void copy_process(snapshot_process_t *process, const mpm_hybrid_process_t *in)
{
    process->connections = 0;
    for (int kind = 0; kind < MPM_HYBRID_CONN_KINDS; kind++) {
        process->connections += in->connections[kind];
    }
    copy_connections(&process->connections_by_state, in->connections);
    process->started_us = in->started;
    process->workers_hung = in->workers_hung;
    process->workers_peak = in->workers_peak;
    process->accepted = (apr_int64_t)in->accepted;
    process->dispatched = (apr_int64_t)in->requests_dispatched;
    process->promotions = (apr_int64_t)in->promotions;
    process->shed = (apr_int64_t)in->shed;
    process->head_bytes = (apr_int64_t)in->head_bytes;
    process->quiet_us = hybrid_quiet(in);
}

int hybrid_process(snapshot_process_t *process)
{
    limits_room_t limits;
    process_room_t in;

    if (!read_limits(&limits)) {
        return 0;
    }
    memset(&in, 0, sizeof(in));
    if (process_get((int)process->slot, &in.known) != APR_SUCCESS || in.known.pid != process->pid) {
        return 0;
    }
    copy_process(process, &in.known);
    return 1;
}

hybrid_found_e hybrid_finishing(int index, const snapshot_limits_t *limits,
                                snapshot_process_t *process)
{
    limits_room_t speaks;
    process_room_t in;

    memset(&in, 0, sizeof(in));
    if (!read_limits(&speaks) || limits->slots == SNAPSHOT_UNKNOWN
        || process_get((int)limits->slots + index, &in.known) != APR_SUCCESS) {
        return HYBRID_END;
    }
    if (in.known.pid <= 0) {
        return HYBRID_FREE;
    }
    copy_process(process, &in.known);
    process->pid = in.known.pid;
    process->generation = in.known.generation;
    process->workers.busy = in.known.workers_busy;
    process->workers.idle = in.known.workers > in.known.workers_busy
        ? in.known.workers - in.known.workers_busy
        : 0;
    return in.known.quiescing ? HYBRID_FOUND : HYBRID_WAITING_ROOM;
}

int hybrid_handler(int slot, int thread, char *name, apr_size_t size)
{
    return worker_handler != NULL && worker_handler(slot, thread, name, size) == APR_SUCCESS;
}

/* ---- connections ------------------------------------------------------------- */

int hybrid_present(void)
{
    return limits_get != NULL && conn_times != NULL && conn_end != NULL;
}

void hybrid_child_init(void)
{
    limits_room_t limits;

    if (!hybrid_present() || !read_limits(&limits)) {
        conn_times = NULL;
        conn_end = NULL;
    }
}

const mpm_hybrid_times_t *hybrid_times(conn_rec *c)
{
    return conn_times != NULL ? conn_times(c) : NULL;
}

mpm_hybrid_end_e hybrid_end(conn_rec *c)
{
    return conn_end != NULL ? conn_end(c) : MPM_HYBRID_END_UNKNOWN;
}

/*
 * Asked for each slot many times a second: the room is not cleared, and all that is known is
 * written.
 */
apr_status_t hybrid_process_in(int slot, mpm_hybrid_process_t *process)
{
    process_room_t in;
    apr_status_t rv;

    if (process_get == NULL || conn_times == NULL) {
        return APR_ENOENT;
    }
    rv = process_get(slot, &in.known);
    if (rv == APR_SUCCESS) {
        *process = in.known;
    }
    return rv;
}

/* As above: many times a second. */
apr_status_t hybrid_events_in(mpm_hybrid_events_t *events)
{
    events_room_t in;
    apr_status_t rv;

    if (events_get == NULL || conn_times == NULL) {
        return APR_ENOENT;
    }
    rv = events_get(&in.known);
    if (rv == APR_SUCCESS) {
        *events = in.known;
    }
    return rv;
}
