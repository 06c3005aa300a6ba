/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge to mpm_hybrid's optional functions. The two modules are built separately
 * and may differ in version: a struct is used only if its version is the one compiled
 * in, and is received into a larger buffer, because a newer MPM may write more fields.
 */
#include "stats/hybrid.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

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
static APR_OPTIONAL_FN_TYPE(mpm_hybrid_conn_times) * conn_times;
static APR_OPTIONAL_FN_TYPE(mpm_hybrid_conn_end) * conn_end;

/* Set by the first thread of a process that reports the mismatch: one log line a process. */
static atomic_flag mismatch_reported = ATOMIC_FLAG_INIT;

void hybrid_find(void)
{
    limits_get = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_limits_get);
    process_get = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_process_get);
    events_get = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_events_get);
    conn_times = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_conn_times);
    conn_end = APR_RETRIEVE_OPTIONAL_FN(mpm_hybrid_conn_end);
}

static bool versions_match(const mpm_hybrid_limits_t *limits)
{
    if (limits->api_version == MPM_HYBRID_API_VERSION) {
        return true;
    }
    if (!atomic_flag_test_and_set(&mismatch_reported)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "mod_mpm_hybrid has version %d of the status interface, mod_mpmstats "
                     "version %d: only the scoreboard's figures are shown; install both from "
                     "the same build",
                     limits->api_version, MPM_HYBRID_API_VERSION);
    }
    return false;
}

static bool read_limits(limits_room_t *out)
{
    memset(out, 0, sizeof(*out));
    return limits_get != NULL && process_get != NULL && limits_get(0, &out->known) == APR_SUCCESS
        && versions_match(&out->known);
}

bool hybrid_limits_in(mpm_hybrid_limits_t *limits)
{
    limits_room_t in;

    if (!read_limits(&in)) {
        return false;
    }
    *limits = in.known;
    return true;
}

/* ---- connections ------------------------------------------------------------- */

bool hybrid_present(void)
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
 * Called for each slot many times a second: the buffer is not cleared, because mpm_hybrid writes
 * all known fields.
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
