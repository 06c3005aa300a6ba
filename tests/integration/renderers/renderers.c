/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that does not exist, of any size and with any names, rendered in every form:
 *
 *     renderers FORM PARTS VHOSTS WORKERS MOMENT TIMES NAME...
 *
 * FORM is json, html, openmetrics or prometheus, PARTS a number (render/request_view.h). All
 * counters grow with MOMENT, in seconds. It is taken and rendered TIMES times: the last goes to
 * stdout, the shortest, in milliseconds of processor time, to stderr. NAMEs (\xHH stands for a
 * byte) are used in turn for whatever a client or a configuration names. A virtual host's has its
 * number at the end, unless it begins with `same`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apr_general.h"
#include "apr_pools.h"
#include "apr_strings.h"
#include "segment/ring.h"
#include "segment/write.h"
#include "figures/metrics.h"
#include "figures/read.h"
#include "stats/page/html.h"
#include "render/json.h"
#include "render/openmetrics.h"
#include "figures/states.h"

#define THREADS 25
#define START INT64_C(1700000000000000)

static char **names;
static int name_count;
static double moment;

static const char *name_of(int i)
{
    return names[i % name_count];
}

static unsigned noise(unsigned i)
{
    i = (i ^ 61) ^ (i >> 16);
    i *= 9;
    i ^= i >> 4;
    i *= 0x27d4eb2d;
    return i ^ (i >> 15);
}

/* ---- what is recorded ------------------------------------------------------- */

/* Times around `middle`, as many as `count`, in some 120 buckets. */
static void fill_times(histogram_t *histogram, unsigned seed, uint64_t count, double middle)
{
    unsigned wave = (unsigned)(moment / 3) % 10;

    for (unsigned i = 0; i < 120; i++) {
        double spread = (double)(noise(seed + i) % 1000) / 1000.0;
        double value = middle * (0.3 + 3.0 * spread * spread * spread * (i > 110 ? 12 + wave : 1));

        histogram_add(histogram, (uint64_t)value, count / 120 + (i < count % 120));
    }
}

static void fill_vhost(segment_vhost_rec_t *vhost, int i, int count)
{
    char text[128];
    uint64_t requests = (uint64_t)(moment * (2 + noise((unsigned)i) % 97)) + 1;

    if (strncmp(name_of(i), "same", 4) == 0) {
        apr_snprintf(text, sizeof(text), "%s", name_of(i));
    }
    else {
        apr_snprintf(text, sizeof(text), "%s%d:443", name_of(i), i);
    }
    segment_set_text(vhost->name, i == count - 1 ? "other" : text);
    segment_set(&vhost->responses_2xx, requests - requests / 20 - requests / 50);
    segment_set(&vhost->responses_4xx, requests / 20);
    segment_set(&vhost->responses_5xx, requests / 50);
    segment_set(&vhost->method_get, requests);
    segment_set(&vhost->in_flight, noise((unsigned)i + (unsigned)moment) % 9);
    segment_set(&vhost->in_flight_peak, 12);
    segment_set(&vhost->bytes_in, requests * 512);
    segment_set(&vhost->sent, requests * 14000);
    fill_times(&vhost->head, (unsigned)i, requests, 300);
    fill_times(&vhost->queue, (unsigned)i + 1, requests, 60);
    fill_times(&vhost->handler, (unsigned)i + 2, requests, 9000);
    fill_times(&vhost->write, (unsigned)i + 3, requests, 900);
    fill_times(&vhost->total, (unsigned)i + 4, requests, 11000);
}

static void fill_server(segment_server_rec_t *server)
{
    uint64_t n = (uint64_t)(moment * 40);

    segment_set(&server->counting_since, START);
    segment_set(&server->requests_in_flight, 9);
    segment_set(&server->requests_in_flight_peak, 61);
    segment_set(&server->workers_busy_peak, 60);
    segment_set(&server->connections_peak, 240);
    segment_set(&server->saturations, 1);
    segment_set(&server->saturated_time, 3200000);
    segment_set(&server->connections_accepted, n);
    segment_set(&server->connections_reused, n * 11);
    segment_set(&server->closed_client, n / 2);
    segment_set(&server->closed_keepalive_timeout, n / 3);
    segment_set(&server->closed_error, n / 90);
    segment_set(&server->tls_full, n / 4);
    segment_set(&server->tls_resumed, n / 2);
    segment_set(&server->restarts_graceful, 2);
    segment_set(&server->children_started, 12);
    segment_set(&server->crashes, 1);
    segment_set(&server->last_crash, START + 5000000);
    fill_times(&server->tls_handshake, 7, n, 4000);
    fill_times(&server->keepalive_gap, 8, n, 900000);
}

static void fill_rest(segment_t *segment)
{
    static const char *const handlers[] = { "proxy-server", "default-handler", "cgi-script",
                                            "server-status" };
    int count = (int)segment->shape.handlers;

    for (int i = 0; i < count - 1; i++) {
        segment_handler_rec_t *handler = &segment->handler[i];

        segment_set_text(handler->name, i < 4 ? handlers[i] : name_of(i));
        segment_set(&handler->state, 2);
        segment_set(&handler->requests, (uint64_t)(moment * 30 / (i + 1)) + 1);
        segment_set(&handler->busy, i == 0 ? 6 : 0);
        segment_set(&handler->busy_peak, (uint64_t)(40 / (i + 1)));
        segment_set(&handler->time, (uint64_t)(moment * 600000 / (i + 1)));
        segment_set(&handler->longest, 14200000);
    }
    for (unsigned i = 0; i < segment->shape.listeners; i++) {
        segment_set_text(segment->listener[i].address,
                         i == 0       ? "*:80"
                             : i == 1 ? "*:443"
                                      : name_of((int)i));
        segment_set_text(segment->listener[i].protocol, i == 1 ? "https" : "http");
        segment_set(&segment->listener[i].queue, 2);
        segment_set(&segment->listener[i].queue_limit, 511);
        segment_set(&segment->listener[i].queue_peak, 87);
    }
    segment_ring_put(segment, SEGMENT_EVENT_START, START, 0, 0, 0, "");
    segment_ring_put(segment, SEGMENT_EVENT_GRACEFUL, START + 1000000, 0, 2, 0, "");
    segment_ring_put(segment, SEGMENT_EVENT_CRASH, START + 5000000, 4711, 11, 1800000000,
                     name_of(1));
    segment_ring_put(segment, SEGMENT_EVENT_SATURATED, START + 6000000, 0, 150, 150, "");
    segment_ring_put(segment, SEGMENT_EVENT_RELIEVED, START + 9200000, 0, 3200000, 87, "");
    segment_ring_put(segment, SEGMENT_EVENT_OVERFLOW, START + 9300000, 0, 32, 511, "*:80");
    segment_ring_put(segment, 99, START + 9400000, 0, 1, 2, name_of(2));
}

static void fill_segment(segment_t *segment, int vhosts, int processes)
{
    segment_shape_t shape = { .listeners = 4,
                              .processes = (unsigned)processes,
                              .vhosts = (unsigned)vhosts,
                              .handlers = 16,
                              .events = 256,
                              .board_fields = 0,
                              .board_image = 0 };
    void *base = aligned_alloc(64, segment_size(&shape));

    memset(base, 0, segment_size(&shape));
    segment_bind(segment, &shape, base);
    segment_format(segment, START);
    fill_server(segment->server);
    for (int i = 0; i < vhosts; i++) {
        fill_vhost(&segment->vhost[i], i, vhosts);
    }
    for (int i = 0; i < processes; i++) {
        segment_set(&segment->process[i].pid, (uint64_t)(1000 + i));
        segment_set(&segment->process[i].cpu_user, (uint64_t)(moment * 120000));
        segment_set(&segment->process[i].rss, 31000000);
        segment_set(&segment->process[i].pss, 9000000);
        segment_set(&segment->process[i].threads, THREADS + 1);
    }
    fill_rest(segment);
}

/* ---- what the scoreboard says -------------------------------------------------- */

static void fill_totals(snapshot_t *snapshot, int workers)
{
    snapshot_totals_t *totals = &snapshot->totals;

    totals->processes = snapshot->process_count;
    totals->processes_quiescing = 0;
    totals->workers_busy = workers / 5;
    totals->workers_idle = workers - workers / 5;
    totals->workers_starting = totals->workers_finishing = totals->saturated = 0;
    totals->connections = workers / 2;
    totals->requests = (apr_int64_t)(moment * 300);
    totals->bytes = (apr_int64_t)(moment * 4000000);
    snapshot->connections.running = workers / 5;
    snapshot->connections.keepalive = workers / 3;
    snapshot->connections.head = 2;
    snapshot->limits.max_request_workers = workers + workers / 4;
    snapshot->limits.max_connections_per_child = 0;
    snapshot->limits.server_limit = snapshot->process_count + 4;
    snapshot->server.version = "Apache/2.4.71 (Debian)";
    snapshot->server.built = "2026-01-01T00:00:00";
    snapshot->server.name = name_of(3);
    snapshot->server.mpm = "hybrid";
    snapshot->server.model = "event";
    snapshot->server.pid = 999;
    snapshot->server.generation = snapshot->server.config_generation = 2;
    snapshot->server.now_us = START + (apr_int64_t)(moment * 1e6);
    snapshot->server.started_us = snapshot->server.restarted_us =
        snapshot->server.counters_since_us = START;
    snapshot->server.uptime_s = (apr_int64_t)moment;
    snapshot->server.threaded = snapshot->server.async = snapshot->server.extended_status = 1;
}

static void fill_worker(snapshot_worker_t *worker, int i)
{
    int busy = noise((unsigned)i) % 5 == 0;
    const state_t *state = &states[busy ? STATE_WRITING : STATE_IDLE];

    metrics_clear(METRICS_WORKER, worker);
    worker->slot = i / THREADS;
    worker->thread = i % THREADS;
    worker->pid = 1000 + worker->slot;
    worker->generation = 2;
    worker->state = state->letter;
    worker->state_name = state->name;
    worker->since_us = busy ? (apr_int64_t)(noise((unsigned)i) % 9000000) : 100;
    worker->client = name_of(i);
    worker->vhost = name_of(i + 1);
    worker->protocol = name_of(i + 2);
    worker->request = name_of(i + 3);
    worker->last_duration_us = 1000;
    worker->requests = i;
    worker->bytes = i * 1000;
}

static void fill_process(snapshot_process_t *process, snapshot_worker_t *workers, int slot,
                         int count)
{
    char *board = malloc((size_t)count + 1);

    metrics_clear(METRICS_PROCESS, process);
    metrics_clear(METRICS_CONNECTIONS, &process->connections_by_state);
    process->slot = slot;
    process->pid = 1000 + slot;
    process->generation = 2;
    process->state = "ready";
    process->started_us = START;
    process->connections = 12;
    process->workers.busy = process->workers.idle = process->workers.max = count;
    for (int i = 0; i < count; i++) {
        fill_worker(&workers[i], slot * THREADS + i);
        board[i] = workers[i].state[0];
    }
    board[count] = '\0';
    process->scoreboard = board;
    process->first_worker = slot * THREADS;
    process->worker_count = count;
}

static void fill_board(snapshot_t *snapshot, int workers)
{
    snapshot->process_count = (workers + THREADS - 1) / THREADS;
    snapshot->processes = calloc((size_t)snapshot->process_count, sizeof(snapshot_process_t));
    snapshot->workers = calloc((size_t)workers, sizeof(snapshot_worker_t));
    snapshot->worker_count = workers;
    metrics_clear(METRICS_SERVER, &snapshot->server);
    metrics_clear(METRICS_LIMITS, &snapshot->limits);
    metrics_clear(METRICS_TOTALS, &snapshot->totals);
    metrics_clear(METRICS_CONNECTIONS, &snapshot->connections);
    for (int i = 0; i < snapshot->process_count; i++) {
        int left = workers - i * THREADS;

        fill_process(&snapshot->processes[i], &snapshot->workers[i * THREADS], i,
                     left < THREADS ? left : THREADS);
    }
    fill_totals(snapshot, workers);
}

/* ---- rendering ------------------------------------------------------------------ */

static apr_status_t keep(void *receiver, const char *data, apr_size_t len)
{
    FILE *file = receiver;

    return file == NULL || fwrite(data, 1, len, file) == len ? APR_SUCCESS : APR_EGENERAL;
}

static void render(out_t *out, const char *form, const snapshot_t *snapshot, unsigned parts)
{
    if (strcmp(form, "json") == 0) {
        render_json(out, snapshot, parts);
    }
    else if (strcmp(form, "html") == 0) {
        render_html(out, snapshot, parts, "nonce");
    }
    else {
        render_openmetrics(out, snapshot, parts, strcmp(form, "openmetrics") == 0);
    }
}

static int64_t cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Takes what is recorded and renders all; microseconds. */
static int64_t once(const snapshot_t *board, const segment_t *segment, const char *form,
                    unsigned parts, FILE *file)
{
    int64_t begun = cpu_us();
    snapshot_t snapshot = *board;
    apr_pool_t *pool;
    segment_view_t *view;
    out_t out;

    apr_pool_create(&pool, NULL);
    snapshot.processes = apr_pmemdup(pool, board->processes,
                                     (apr_size_t)board->process_count * sizeof(snapshot_process_t));
    view = segment_view(segment);
    recorded_clear(&snapshot);
    recorded_read(&snapshot, pool, view, parts);
    segment_close(view);
    out_init(&out, keep, file);
    render(&out, form, &snapshot, parts);
    out_finish(&out);
    apr_pool_destroy(pool);
    return cpu_us() - begun;
}

/* \xHH becomes the byte, in place. */
static char *unescaped(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] == 'x' && at[2] != '\0' && at[3] != '\0') {
            char digits[3] = { at[2], at[3], '\0' };

            *to++ = (char)strtol(digits, NULL, 16);
            at += 3;
        }
        else {
            *to++ = *at;
        }
    }
    *to = '\0';
    return text;
}

int main(int argc, char **argv)
{
    int64_t shortest = 0;
    snapshot_t board;
    segment_t segment;

    if (argc < 8) {
        fprintf(stderr, "usage: renderers FORM PARTS VHOSTS WORKERS MOMENT TIMES NAME...\n");
        return 2;
    }
    apr_initialize();
    names = argv + 7;
    name_count = argc - 7;
    for (int i = 0; i < name_count; i++) {
        unescaped(names[i]);
    }
    moment = atof(argv[5]);
    memset(&board, 0, sizeof(board));
    fill_board(&board, atoi(argv[4]));
    fill_segment(&segment, atoi(argv[3]), board.process_count);
    for (int i = atoi(argv[6]); i > 0; i--) {
        int64_t took = once(&board, &segment, argv[1], (unsigned)atoi(argv[2]),
                            i == 1 ? stdout : NULL);

        shortest = shortest == 0 || took < shortest ? took : shortest;
    }
    fprintf(stderr, "%.2f\n", (double)shortest / 1000);
    return 0;
}
