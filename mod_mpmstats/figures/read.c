/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual host may have several records, such as an old and a new one of the same name, and two
 * processes may have added a record for the same content handler. The snapshot joins them.
 */
#include "figures/read.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "apr_hash.h"
#include "apr_strings.h"
#include "apr_time.h"
#include "base/escape.h"
#include "figures/events.h"
#include "figures/kept.h"
#include "figures/metrics.h"
#include "figures/parts.h"
#include "figures/read_processes.h"
#include "figures/sums.h"

#define EVENTS_SHOWN 64

const apr_int64_t snapshot_bounds_us[SNAPSHOT_BOUNDS] = { 100,     500,     1000,     2500,
                                                          5000,    10000,   25000,    50000,
                                                          100000,  250000,  500000,   1000000,
                                                          2500000, 5000000, 10000000, 60000000 };

static apr_int64_t bounded(apr_uint64_t number)
{
    return number > APR_INT64_MAX ? APR_INT64_MAX : (apr_int64_t)number;
}

/* ---- the server as a whole --------------------------------------------------- */

/* The server's last sign of life: now, unless it is dead. */
static apr_int64_t moment_of(const segment_view_t *view, const segment_server_t *server)
{
    const apr_uint64_t seen[] = { segment_created(view), server->heartbeat, server->sampled,
                                  server->stopped };
    apr_int64_t now = apr_time_now(), last = 0;

    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        if (seen[i] <= APR_INT64_MAX && (apr_int64_t)seen[i] > last) {
            last = (apr_int64_t)seen[i];
        }
    }
    return segment_live(view) || last > now ? now : last;
}

static void take_load(snapshot_server_t *server)
{
    double load[3];

    if (getloadavg(load, 3) == 3) {
        server->load1 = load[0];
        server->load5 = load[1];
        server->load15 = load[2];
    }
}

static void take_server(snapshot_t *snapshot, apr_pool_t *pool, const segment_view_t *view,
                        const segment_server_t *plain)
{
    snapshot_server_t *server = &snapshot->server;

    kept_take(METRICS_SERVER, server, plain, pool, false);
    kept_take(METRICS_LIMITS, &snapshot->limits, plain, pool, false);
    kept_take(METRICS_TOTALS, &snapshot->totals, plain, pool, false);
    server->now_us = moment_of(view, plain);
    if (server->started_us != SNAPSHOT_UNKNOWN) {
        /* 0 if the clock was set back. */
        server->uptime_s = server->now_us > server->started_us
            ? (server->now_us - server->started_us) / 1000000
            : 0;
    }
    if (plain->sampled != 0 && plain->sampled <= APR_INT64_MAX) {
        server->sampled_age_us = server->now_us > (apr_int64_t)plain->sampled
            ? server->now_us - (apr_int64_t)plain->sampled
            : 0;
    }
    if (segment_live(view)) {
        take_load(server);
    }
}

/* ---- times ----------------------------------------------------------------- */

static void summarize(snapshot_latency_t *latency, const histogram_counts_t *counts)
{
    latency->count = bounded(counts->count);
    latency->sum_us = bounded(counts->sum);
    if (counts->count > 0) {
        latency->p50_us = (apr_int64_t)histogram_quantile(counts, 0.5);
        latency->p90_us = (apr_int64_t)histogram_quantile(counts, 0.9);
        latency->p99_us = (apr_int64_t)histogram_quantile(counts, 0.99);
        latency->p999_us = (apr_int64_t)histogram_quantile(counts, 0.999);
        latency->max_us = bounded(counts->max);
    }
}

static void step(snapshot_steps_t *steps, const histogram_counts_t *counts)
{
    for (int i = 0; i < SNAPSHOT_BOUNDS; i++) {
        steps->at_most[i] = counts->count == 0
            ? 0
            : bounded(histogram_at_most(counts, (apr_uint64_t)snapshot_bounds_us[i]));
    }
}

static void list_buckets(snapshot_spread_t *spread, const histogram_counts_t *counts,
                         apr_pool_t *pool)
{
    int used = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        used += counts->bucket[i] != 0;
    }
    spread->buckets = apr_palloc(pool,
                                 (apr_size_t)(used > 0 ? used : 1) * sizeof(spread->buckets[0]));
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (counts->bucket[i] != 0) {
            spread->buckets[spread->bucket_count++] = (snapshot_bucket_t){
                (apr_int64_t)histogram_highest(i), bounded(counts->bucket[i])
            };
        }
    }
}

static void fill_spread(snapshot_spread_t *spread, const histogram_counts_t *counts,
                        apr_pool_t *pool)
{
    summarize(&spread->latency, counts);
    step(&spread->steps, counts);
    list_buckets(spread, counts, pool);
}

static void take_server_spreads(snapshot_t *snapshot, const segment_view_t *view, apr_pool_t *pool)
{
    histogram_counts_t counts;

    for (int i = SNAPSHOT_PHASES; i < SNAPSHOT_SPREADS; i++) {
        if (segment_get_counts(view, metrics_spreads[i].section, metrics_spreads[i].kept, 0,
                               &counts)) {
            fill_spread(&snapshot->spreads[i], &counts, pool);
        }
    }
}

/* ---- names ------------------------------------------------------------------ */

/* A name as the coarsest renderer shows it: invalid characters become U+FFFD. */
static const char *as_shown(apr_pool_t *pool, const char *name)
{
    size_t len = strlen(name);
    size_t size = escape_html_buf(NULL, 0, name, len) + 1;
    char *shown = apr_palloc(pool, size);

    escape_html_buf(shown, size, name, len);
    return shown;
}

/*
 * Names may hold any bytes, and two that differ only in invalid characters would look the same: a
 * duplicate label makes metrics invalid. All but the first of such names get a number.
 */
static void tell_apart(void *records, int count, apr_size_t stride, apr_size_t name_offset,
                       apr_pool_t *pool)
{
    apr_hash_t *taken = apr_hash_make(pool);

    for (int i = 0; i < count; i++) {
        const char **name = (const char **)(void *)((char *)records + (apr_size_t)i * stride
                                                    + name_offset);
        const char *plain = *name;
        const char *shown = as_shown(pool, plain);

        for (int n = 2; apr_hash_get(taken, shown, APR_HASH_KEY_STRING) != NULL; n++) {
            *name = apr_psprintf(pool, "%s~%d", plain, n);
            shown = as_shown(pool, *name);
        }
        apr_hash_set(taken, shown, APR_HASH_KEY_STRING, shown);
    }
}

/* ---- virtual hosts ---------------------------------------------------------- */

/* The virtual host records of the segment, grouped by virtual host of the snapshot. */
typedef struct {
    const segment_view_t *view;
    apr_pool_t *pool;
    bool buckets; /* buckets of each virtual host are requested */
    int *first;   /* by virtual host: its first record */
    int *next;    /* by record: the next of the same virtual host; -1: none */
    int records;
    int other; /* record of the hosts beyond MPMStatsVHosts */
    /* the unnamed record, of hosts whose record was reused; -1: there is none */
    int gone;
    snapshot_vhost_t was; /* its figures: part of the totals only */
} hosts_t;

static apr_int64_t answered(const segment_vhost_t *plain)
{
    const apr_uint64_t classes[] = { plain->responses_1xx, plain->responses_2xx,
                                     plain->responses_3xx, plain->responses_4xx,
                                     plain->responses_5xx, plain->responses_other };
    apr_int64_t all = 0;

    for (apr_size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (classes[i] <= APR_INT64_MAX) {
            kept_join(METRIC_COUNTER, &all, (apr_int64_t)classes[i]);
        }
    }
    return all;
}

/* Most servers have fewer virtual hosts than records: an unused `other` is omitted. */
static bool is_idle_other(const hosts_t *hosts, int record, const segment_vhost_t *plain)
{
    return record == hosts->other && answered(plain) == 0 && plain->in_flight == 0;
}

static void take_vhost(snapshot_t *snapshot, hosts_t *hosts, apr_hash_t *by_name, int record)
{
    segment_vhost_t plain;
    snapshot_vhost_t *known;

    hosts->next[record] = -1;
    if (!segment_get_vhost(hosts->view, (size_t)record, &plain) || plain.name[0] == '\0'
        || is_idle_other(hosts, record, &plain)) {
        return;
    }
    known = apr_hash_get(by_name, plain.name, APR_HASH_KEY_STRING);
    if (known == NULL) {
        hosts->first[snapshot->vhost_count] = record;
        known = &snapshot->vhosts[snapshot->vhost_count++];
        metrics_clear(METRICS_VHOST, known);
        known->requests = 0;
        for (int i = 0; i < SNAPSHOT_PHASES; i++) {
            metrics_clear(METRICS_LATENCY, &known->latency[i]);
        }
        if (hosts->buckets) {
            known->times = apr_pcalloc(hosts->pool, SNAPSHOT_PHASES * sizeof(known->times[0]));
        }
    }
    else {
        hosts->next[record] = hosts->first[known - snapshot->vhosts];
        hosts->first[known - snapshot->vhosts] = record;
    }
    kept_take(METRICS_VHOST, known, &plain, hosts->pool, true);
    kept_join(METRIC_FLAG, &known->retired,
              plain.retired > APR_INT64_MAX ? SNAPSHOT_UNKNOWN : plain.retired != 0);
    kept_join(METRIC_COUNTER, &known->requests, answered(&plain));
    apr_hash_set(by_name, known->name, APR_HASH_KEY_STRING, known);
}

static void take_gone(hosts_t *hosts)
{
    segment_vhost_t plain;

    metrics_clear(METRICS_VHOST, &hosts->was);
    hosts->gone = -1;
    hosts->other = hosts->records - 1;
    if (hosts->records > 1 && segment_get_vhost(hosts->view, (size_t)hosts->records - 1, &plain)
        && plain.name[0] == '\0') {
        hosts->gone = hosts->records - 1;
        hosts->other = hosts->records - 2;
        kept_take(METRICS_VHOST, &hosts->was, &plain, hosts->pool, true);
        hosts->was.requests = answered(&plain);
    }
}

static void take_vhosts(snapshot_t *snapshot, hosts_t *hosts)
{
    apr_hash_t *by_name = apr_hash_make(hosts->pool);

    hosts->records = (int)segment_records(hosts->view, SEGMENT_S_VHOST);
    hosts->first = apr_palloc(hosts->pool, (apr_size_t)(hosts->records + 1) * sizeof(int));
    hosts->next = apr_palloc(hosts->pool, (apr_size_t)(hosts->records + 1) * sizeof(int));
    snapshot->vhosts = apr_pcalloc(hosts->pool,
                                   (apr_size_t)(hosts->records + 1) * sizeof(snapshot->vhosts[0]));
    take_gone(hosts);
    for (int i = 0; i < hosts->records; i++) {
        take_vhost(snapshot, hosts, by_name, i);
    }
    tell_apart(snapshot->vhosts, snapshot->vhost_count, sizeof(snapshot->vhosts[0]),
               offsetof(snapshot_vhost_t, name), hosts->pool);
}

static void sum_vhosts(snapshot_t *snapshot, const snapshot_vhost_t *gone)
{
    for (int host = 0; host < snapshot->vhost_count; host++) {
        kept_sum(&snapshot->totals, &snapshot->vhosts[host]);
    }
    kept_sum(&snapshot->totals, gone);
}

/*
 * Requests and traffic are the sums of the recorded virtual hosts. httpd's scoreboard counts
 * differently (no HTTP/2 streams, bodies only) and starts from 0 at each restart. So
 * counters_since_us, the base of averages, is recorded_since_us.
 */
static void count_served(snapshot_t *snapshot, const snapshot_vhost_t *gone)
{
    snapshot_totals_t *totals = &snapshot->totals;

    totals->requests = gone->requests;
    for (int host = 0; host < snapshot->vhost_count; host++) {
        kept_join(METRIC_COUNTER, &totals->requests, snapshot->vhosts[host].requests);
    }
    totals->bytes = totals->sent_bytes;
    snapshot->server.counters_since_us = snapshot->server.recorded_since_us;
}

/*
 * The sum of the histograms of one phase of a virtual host; false if none is known. `room` is
 * scratch memory.
 */
static bool host_counts(const hosts_t *hosts, int phase, int host, histogram_counts_t *sum,
                        histogram_counts_t *room)
{
    bool known = false;

    for (int record = hosts->first[host]; record >= 0; record = hosts->next[record]) {
        if (segment_get_counts(hosts->view, SEGMENT_S_VHOST, metrics_spreads[phase].kept,
                               (size_t)record, known ? room : sum)) {
            if (known) {
                histogram_merge(sum, room);
            }
            known = true;
        }
    }
    return known;
}

/* The times of one phase: of each virtual host, and of all. `counts` is scratch memory for 3. */
static void take_phase(snapshot_t *snapshot, const hosts_t *hosts, int phase,
                       histogram_counts_t *counts)
{
    histogram_counts_t *all = &counts[0];
    bool known = false;

    memset(all, 0, sizeof(*all));
    for (int host = 0; host < snapshot->vhost_count; host++) {
        snapshot_vhost_t *vhost = &snapshot->vhosts[host];

        if (!host_counts(hosts, phase, host, &counts[1], &counts[2])) {
            continue;
        }
        known = true;
        summarize(&vhost->latency[phase], &counts[1]);
        if (hosts->buckets) {
            list_buckets(&vhost->times[phase], &counts[1], hosts->pool);
        }
        if (phase == SNAPSHOT_SPREAD_total) {
            step(&vhost->total, &counts[1]);
        }
        if (counts[1].count > 0) {
            histogram_merge(all, &counts[1]);
        }
    }
    if (known && hosts->gone >= 0
        && segment_get_counts(hosts->view, SEGMENT_S_VHOST, metrics_spreads[phase].kept,
                              (size_t)hosts->gone, &counts[1])
        && counts[1].count > 0) {
        histogram_merge(all, &counts[1]);
    }
    if (known) {
        fill_spread(&snapshot->spreads[phase], all, hosts->pool);
    }
}

static void take_times(snapshot_t *snapshot, const hosts_t *hosts)
{
    histogram_counts_t *counts = apr_palloc(hosts->pool, 3 * sizeof(*counts));

    for (int phase = 0; phase < SNAPSHOT_PHASES; phase++) {
        take_phase(snapshot, hosts, phase, counts);
    }
    take_server_spreads(snapshot, hosts->view, hosts->pool);
}

/* ---- handlers, listeners, events -------------------------------- */

static snapshot_handler_t *handler_named(snapshot_t *snapshot, const char *name)
{
    for (int i = 0; i < snapshot->handler_count; i++) {
        if (strcmp(snapshot->handlers[i].name, name) == 0) {
            return &snapshot->handlers[i];
        }
    }
    metrics_clear(METRICS_HANDLER, &snapshot->handlers[snapshot->handler_count]);
    return &snapshot->handlers[snapshot->handler_count++];
}

static void take_handlers(snapshot_t *snapshot, const segment_view_t *view, apr_pool_t *pool)
{
    size_t records = segment_records(view, SEGMENT_S_HANDLER);
    segment_handler_t plain;

    snapshot->handlers = apr_pcalloc(pool, (records + 1) * sizeof(snapshot->handlers[0]));
    for (size_t i = 0; i < records; i++) {
        if (segment_get_handler(view, i, &plain) && plain.state == SEGMENT_HANDLER_USED
            && plain.name[0] != '\0' && (plain.requests > 0 || plain.busy > 0)) {
            kept_take(METRICS_HANDLER, handler_named(snapshot, plain.name), &plain, pool, true);
        }
    }
    tell_apart(snapshot->handlers, snapshot->handler_count, sizeof(snapshot->handlers[0]),
               offsetof(snapshot_handler_t, name), pool);
}

static void take_listeners(snapshot_t *snapshot, const segment_view_t *view, apr_pool_t *pool)
{
    size_t records = segment_records(view, SEGMENT_S_LISTENER);
    segment_listener_t plain;

    snapshot->listeners = apr_pcalloc(pool, (records + 1) * sizeof(snapshot->listeners[0]));
    for (size_t i = 0; i < records; i++) {
        if (segment_get_listener(view, i, &plain) && plain.address[0] != '\0') {
            snapshot_listener_t *listener = &snapshot->listeners[snapshot->listener_count++];

            metrics_clear(METRICS_LISTENER, listener);
            kept_take(METRICS_LISTENER, listener, &plain, pool, false);
        }
    }
    tell_apart(snapshot->listeners, snapshot->listener_count, sizeof(snapshot->listeners[0]),
               offsetof(snapshot_listener_t, address), pool);
}

static void take_events(snapshot_t *snapshot, const segment_view_t *view, apr_pool_t *pool)
{
    segment_event_t *events = apr_palloc(pool, EVENTS_SHOWN * sizeof(*events));
    size_t count = segment_get_events(view, events, EVENTS_SHOWN);

    snapshot->events = apr_pcalloc(pool, (count + 1) * sizeof(snapshot->events[0]));
    while (count > 0) {
        const segment_event_t *from = &events[--count];
        snapshot_event_t *event = &snapshot->events[snapshot->event_count++];

        metrics_clear(METRICS_EVENT, event);
        event->number = (apr_int64_t)(from->turn / 2);
        event->time_us = bounded(from->time);
        event->kind = segment_event_word(from->kind);
        if (from->pid != 0) {
            event->pid = bounded(from->pid);
        }
        event->words = events_words(pool, from);
    }
}

/* ---- all of it --------------------------------------------------------------- */

static void clear(snapshot_t *snapshot)
{
    memset(snapshot, 0, sizeof(*snapshot));
    metrics_clear(METRICS_SERVER, &snapshot->server);
    metrics_clear(METRICS_LIMITS, &snapshot->limits);
    metrics_clear(METRICS_TOTALS, &snapshot->totals);
    metrics_clear(METRICS_CONNECTIONS, &snapshot->connections);
    for (int i = 0; i < SNAPSHOT_SPREADS; i++) {
        metrics_clear(METRICS_LATENCY, &snapshot->spreads[i].latency);
    }
}

void read_snapshot(snapshot_t *snapshot, apr_pool_t *pool, const segment_view_t *view,
                   const board_t *board, unsigned parts)
{
    hosts_t hosts = { .view = view, .pool = pool, .buckets = (parts & PARTS_VHOST_BUCKETS) != 0 };
    segment_server_t server;
    bool there;

    clear(snapshot);
    there = segment_get_server(view, &server);
    take_server(snapshot, pool, view, &server);
    read_processes(snapshot, pool, view, board, parts);
    if (!there) {
        return;
    }
    take_vhosts(snapshot, &hosts);
    sum_vhosts(snapshot, &hosts.was);
    count_served(snapshot, &hosts.was);
    if (parts & (VIEW_VHOSTS | VIEW_LATENCY)) {
        take_times(snapshot, &hosts);
    }
    take_handlers(snapshot, view, pool);
    take_listeners(snapshot, view, pool);
    take_events(snapshot, view, pool);
}
