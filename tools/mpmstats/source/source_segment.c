/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples from the segment of a local server, without a request to it. The server's own renderer
 * creates the JSON document, only on demand: rendering is most of the work with thousands of
 * workers.
 */
#include <stdlib.h>
#include <string.h>

#include "apr_pools.h"
#include "segment/read.h"
#include "source/local_find.h"
#include "common/memory.h"
#include "common/procfs.h"
#include "source/source.h"
#include "figures/metrics.h"
#include "figures/read.h"
#include "render/json.h"
#include "render/openmetrics.h"
#include "render/request_view.h"

/*
 * A parent without maintenance of its segment for this time is stopped or hangs. Maintenance runs
 * every second under mpm_hybrid, every ten seconds under the stock MPMs.
 */
#define SILENCE_HYBRID_US 5000000
#define SILENCE_STOCK_US 30000000

typedef struct {
    char *path;
    bool vhost_times;
} segment_source_t;

static void *source_segment_open(const settings_t *settings, failure_t *failure)
{
    segment_source_t *source;
    char *path;

    if (local_find(settings, &path, failure) != LOCAL_FOUND) {
        return NULL;
    }
    source = memory_get(1, sizeof(*source));
    *source = (segment_source_t){ path, settings->vhost_times };
    return source;
}

static const char *source_segment_name(void *state)
{
    return ((segment_source_t *)state)->path;
}

static void source_segment_close(void *state)
{
    free(((segment_source_t *)state)->path);
    free(state);
}

/* ---- the document ---- */

typedef struct {
    char *text;
    size_t length, room;
} text_t;

/* An out_pass_fn. */
static apr_status_t keep(void *receiver, const char *data, apr_size_t length)
{
    text_t *text = receiver;

    if (text->length + length + 1 > text->room) {
        text->room = (text->length + length + 1) * 2;
        text->text = memory_resize(text->text, text->room, 1);
    }
    memcpy(text->text + text->length, data, length);
    text->length += length;
    return APR_SUCCESS;
}

/* Maps an array of the document to the renderer's name of the part. */
static unsigned part_of(const char *section)
{
    static const struct {
        const char *section;
        unsigned part;
    } parts[] = { { "processes", VIEW_PROCESSES }, { "workers", VIEW_WORKERS },
                  { "vhosts", VIEW_VHOSTS },       { "handlers", VIEW_HANDLERS },
                  { "listeners", VIEW_LISTENERS }, { "events", VIEW_EVENTS } };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].section, section) == 0) {
            return parts[i].part;
        }
    }
    return VIEW_ALL;
}

static text_t rendered(const snapshot_t *snap, unsigned parts)
{
    text_t text = { NULL, 0, 0 };
    out_t *out = memory_get(1, sizeof(*out));

    out_init(out, keep, &text);
    render_json(out, snap, parts);
    out_finish(out);
    free(out);
    return text;
}

static json_t *pairs_of(const snapshot_bucket_t *buckets, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list,
                              json_pack("[I, I]", (json_int_t)buckets[i].highest_us,
                                        (json_int_t)buckets[i].count));
    }
    return list;
}

/* {name: {phase: pairs}}, without names that are not UTF-8. */
static json_t *vhosts_of(const sample_t *sample)
{
    json_t *vhosts = json_object();

    for (int i = 0; i < sample->snap.vhost_count; i++) {
        const snapshot_spread_t *spreads = sample->snap.vhosts[i].times;
        json_t *phases = json_object();

        for (int phase = 0; phase < SNAPSHOT_PHASES; phase++) {
            json_object_set_new(phases, metrics_spreads[phase].name,
                                pairs_of(spreads[phase].buckets,
                                         (size_t)spreads[phase].bucket_count));
        }
        json_object_set_new(vhosts, sample->snap.vhosts[i].name, phases);
    }
    return vhosts;
}

/*
 * Origin and age; for `check` the histograms of virtual hosts; for `tune --history` pairs
 * [busy workers, microseconds].
 */
static json_t *origin_of(const sample_t *sample)
{
    json_t *source = json_pack("{s:s, s:b}", "segment", sample->origin, "live", (int)!sample->dead);

    if (source == NULL) { /* a name that is not UTF-8 */
        source = json_pack("{s:b}", "live", (int)!sample->dead);
    }
    json_object_set_new(source, "age_us", json_integer((json_int_t)sample->age_us));
    if (sample->busy_time != NULL) {
        json_object_set_new(source, "busy_time", pairs_of(sample->busy_time, sample->busy_times));
    }
    if (sample->snap.vhost_count > 0 && sample->snap.vhosts[0].times != NULL) {
        json_object_set_new(source, "vhosts", vhosts_of(sample));
    }
    return source;
}

/* Inserts the origin before the closing brace of the document. */
static void add_origin(text_t *text, const sample_t *sample)
{
    json_t *source = origin_of(sample);
    char *member = json_dumps(source, JSON_COMPACT);

    json_decref(source);
    while (text->length > 0 && text->text[text->length - 1] != '}') {
        text->length--;
    }
    text->length -= text->length > 0;
    keep(text, ",\"source\":", 10);
    keep(text, member, strlen(member));
    keep(text, "}", 1);
    free(member);
}

/*
 * Extracts an array by text search: each member starts on its own line, and strings contain no raw
 * line end or quote.
 */
static char *array_in(const text_t *text, const char *section)
{
    char *key = memory_format("\n\"%s\":[", section), *found = strstr(text->text, key), *next, *end;
    char *array = memory_copy("[]");

    if (found != NULL && (next = strstr(found + strlen(key), ",\n\"")) != NULL) {
        *next = '\0';
    }
    if (found != NULL && (end = strrchr(found, ']')) != NULL) {
        free(array);
        found += strlen(key) - 1;
        array = memory_format("%.*s", (int)(end + 1 - found), found);
    }
    free(key);
    return array;
}

/* sample_t.describe */
static char *describe(const sample_t *sample, const snapshot_t *snap, const char *section)
{
    text_t text = rendered(snap, section == NULL ? VIEW_ALL : part_of(section));
    char *array;

    if (section == NULL) {
        add_origin(&text, sample);
    }
    text.text[text.length] = '\0';
    if (section == NULL) {
        return text.text;
    }
    array = array_in(&text, section);
    free(text.text);
    return array;
}

/* ---- samples ---- */

/* The segment's data and the snapshot made from it. */
typedef struct {
    segment_view_t *view;
    segment_server_t server;
    apr_pool_t *pool;
    snapshot_t *snap;
} look_t;

/* Requires the right parent: a process id of another container may be any process here. */
static bool is_stopped(const sample_t *sample, const snapshot_process_t *process)
{
    return process->pid > 1 && procfs_is_stopped((pid_t)process->pid)
        && procfs_parent((pid_t)process->pid) == (pid_t)sample->snap.server.pid;
}

static bool parent_is_stopped(const snapshot_t *snap)
{
    if (!procfs_is_stopped((pid_t)snap->server.pid)) {
        return false;
    }
    for (int i = 0; i < snap->process_count; i++) {
        if (snap->processes[i].pid > 1
            && procfs_parent((pid_t)snap->processes[i].pid) == (pid_t)snap->server.pid) {
            return true;
        }
    }
    return false;
}

static double silence_most(const snapshot_t *snap)
{
    return snap->server.mpm != NULL && strcmp(snap->server.mpm, "hybrid") == 0 ? SILENCE_HYBRID_US
                                                                               : SILENCE_STOCK_US;
}

/* 0: unknown. */
static apr_int64_t known_time(uint64_t time)
{
    return time > INT64_MAX ? 0 : (apr_int64_t)time;
}

static void fill_fate(sample_t *sample, const look_t *look, const char *path)
{
    apr_int64_t heartbeat = known_time(look->server.heartbeat), now = apr_time_now();
    double silent = heartbeat > 0 && now > heartbeat ? (double)(now - heartbeat) : 0;

    sample->origin = memory_copy(path);
    sample->dead = !segment_live(look->view);
    sample->age_us = sample->dead ? (double)(now - look->snap->server.now_us) : 0;
    sample->stopped = known_time(look->server.stopped) > 0;
    if (!sample->dead && (silent > silence_most(look->snap) || parent_is_stopped(look->snap))) {
        sample->silent_us = silent;
    }
    sample_still(sample, is_stopped);
}

static void keep_history(sample_t *sample, const look_t *look)
{
    histogram_counts_t *counts = memory_get(1, sizeof(*counts));

    if (SEGMENT_COUNTS(look->view, server, SERVER, workers_busy_time, 0, counts)) {
        sample->busy_time = apr_palloc(look->pool, HISTOGRAM_BUCKETS * sizeof(*sample->busy_time));
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
            if (counts->bucket[i] != 0 && counts->bucket[i] <= INT64_MAX) {
                sample->busy_time[sample->busy_times++] = (snapshot_bucket_t){
                    (apr_int64_t)histogram_highest(i), (apr_int64_t)counts->bucket[i]
                };
            }
        }
    }
    free(counts);
}

static bool is_of_machine(segment_error_e code)
{
    return code == SEGMENT_ABSENT || code == SEGMENT_DENIED || code == SEGMENT_NOT_FILE
        || code == SEGMENT_SYSTEM;
}

static const char *next_step(segment_error_e code)
{
    switch (code) {
    case SEGMENT_ABSENT:
        return "; is the server running, with mod_mpmstats? ask a server by its address with --url";
    case SEGMENT_DENIED:
        return "; run this as root or as a member of the file's group, or ask the server with --url";
    case SEGMENT_NOT_FILE:
        return "; --segment wants the mpmstats.segment of a server";
    case SEGMENT_FOREIGN:
        return "; --segment wants the mpmstats.segment of a server";
    case SEGMENT_TRUNCATED:
    case SEGMENT_CORRUPT:
        return "; restart the server to get a new one, or ask it with --url";
    default:
        return "";
    }
}

static bool look_begin(look_t *look, const char *path, unsigned parts, failure_t *failure)
{
    segment_failure_t why;
    board_t *board;

    look->view = segment_open(path, &why);
    if (look->view == NULL) {
        return failure_set(failure, is_of_machine(why.code) ? RC_LOCAL : RC_ANSWER, "%s%s",
                           why.text, next_step(why.code));
    }
    apr_pool_create(&look->pool, NULL);
    look->snap = apr_palloc(look->pool, sizeof(*look->snap));
    segment_get_server(look->view, &look->server);
    board = board_open(look->view, &why);
    read_snapshot(look->snap, look->pool, look->view, board, parts);
    board_close(board);
    return true;
}

/* The sample takes over the pool. */
static sample_t *source_segment_take(void *state, failure_t *failure)
{
    const segment_source_t *source = state;
    sample_t *sample;
    look_t look;

    if (!look_begin(&look, source->path, VIEW_ALL | (source->vhost_times ? PARTS_VHOST_BUCKETS : 0),
                    failure)) {
        return NULL;
    }
    sample = sample_new();
    sample->snap = *look.snap;
    sample->pool = look.pool;
    sample->recorded = look.snap->vhosts != NULL;
    sample->describe = describe;
    fill_fate(sample, &look, source->path);
    keep_history(sample, &look);
    segment_close(look.view);
    return sample;
}

static char *source_segment_metrics(void *state, bool openmetrics, source_fate_t *fate,
                                    failure_t *failure)
{
    const segment_source_t *source = state;
    text_t text = { NULL, 0, 0 };
    sample_t *sample;
    out_t *out;
    look_t look;

    if (!look_begin(&look, source->path, VIEW_ALL & ~VIEW_WORKERS, failure)) {
        return NULL;
    }
    out = memory_get(1, sizeof(*out));
    out_init(out, keep, &text);
    render_openmetrics(out, look.snap, VIEW_ALL, openmetrics);
    out_finish(out);
    free(out);
    sample = sample_new();
    sample->snap = *look.snap;
    sample->pool = look.pool;
    fill_fate(sample, &look, source->path);
    *fate = (source_fate_t){ sample->dead, sample_note(sample) };
    sample_free(sample);
    segment_close(look.view);
    text.text[text.length] = '\0';
    return text.text;
}

const source_kind_t source_segment = {
    .open = source_segment_open,
    .take = source_segment_take,
    .metrics = source_segment_metrics,
    .name = source_segment_name,
    .close = source_segment_close,
};
