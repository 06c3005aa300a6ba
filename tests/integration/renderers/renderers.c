/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that does not exist, of any size and with any names, rendered in every form:
 *
 *     renderers FORM PARTS VHOSTS WORKERS MOMENT TIMES NAME...
 *
 * FORM is json, html, live, live-busy, openmetrics or prometheus, PARTS a number
 * (render/request_view.h). All counters grow with MOMENT, in seconds. It is taken and rendered
 * TIMES times: the last goes to stdout, the shortest, in milliseconds of processor time, to stderr.
 * NAMEs (\xHH stands for a byte) are used in turn for whatever a client or a configuration names. A
 * virtual host's has its number at the end, unless it begins with `same`.
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
#include "figures/read.h"
#include "stats/page/status_page.h"
#include "render/json.h"
#include "render/openmetrics.h"

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

static void fill_server(segment_server_rec_t *server, int workers, int processes)
{
    uint64_t n = (uint64_t)(moment * 40);

    segment_set_text(server->version, "Apache/2.4.71 (Debian)");
    segment_set_text(server->built, "2026-01-01T00:00:00");
    segment_set_text(server->name, name_of(3));
    segment_set_text(server->mpm, "hybrid");
    segment_set_text(server->model, "event");
    segment_set(&server->pid, 999);
    segment_set(&server->config_generation, 2);
    segment_set(&server->started, START);
    segment_set(&server->restarted, START);
    segment_set(&server->threaded, 1);
    segment_set(&server->async, 1);
    segment_set(&server->max_request_workers, (uint64_t)(workers + workers / 4));
    segment_set(&server->threads_per_child, THREADS);
    segment_set(&server->server_limit, (uint64_t)(processes + 4));
    segment_set(&server->slots, (uint64_t)processes);
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

/* ---- the scoreboard ------------------------------------------------------------ */

/* It is laid out as board.h keeps what is read. */
#define FIELD(record, struct_t, type, field) \
    { record, #field, offsetof(struct_t, field), sizeof(((struct_t *)0)->field), \
      BOARD_TYPE_##type },

static const struct {
    const char *record;
    const char *name;
    size_t offset;
    size_t length;
    board_type_e type;
} fields[] = {
#define BOARD_GLOBAL(type, field, size) FIELD("global", board_global_t, type, field)
#define BOARD_PROCESS(type, field, size) FIELD("process", board_process_t, type, field)
#define BOARD_PROCESS_NEW(type, field, size) FIELD("process", board_process_t, type, field)
#define BOARD_WORKER(type, field, size) FIELD("worker", board_worker_t, type, field)
#include "segment/board.def"
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static void fill_worker(board_worker_t *worker, int i)
{
    int busy = noise((unsigned)i) % 5 == 0;

    worker->status = busy ? 4 : 2;
    worker->last_used = apr_time_now() - (busy ? (int64_t)(noise((unsigned)i) % 9000000) : 100);
    worker->stop_time = START + 1000;
    worker->start_time = START;
    worker->my_access_count = i;
    worker->my_bytes_served = i * 1000;
    apr_cpystrn(worker->client64, name_of(i), sizeof(worker->client64));
    apr_cpystrn(worker->vhost, name_of(i + 1), sizeof(worker->vhost));
    apr_cpystrn(worker->protocol, name_of(i + 2), sizeof(worker->protocol));
    apr_cpystrn(worker->request, name_of(i + 3), sizeof(worker->request));
}

static void fill_board(segment_t *segment, int workers)
{
    int processes = (int)segment->shape.processes;
    char *image = segment->board_image;
    segment_board_rec_t *about = segment->board;
    board_global_t *global = (board_global_t *)(void *)image;
    board_process_t *process = (board_process_t *)(void *)(global + 1);
    board_worker_t *worker = (board_worker_t *)(void *)(process + processes);

    for (size_t i = 0; i < FIELDS; i++) {
        segment_set_text(segment->board_field[i].record, fields[i].record);
        segment_set_text(segment->board_field[i].name, fields[i].name);
        segment_set(&segment->board_field[i].offset, fields[i].offset);
        segment_set(&segment->board_field[i].length, fields[i].length);
        segment_set(&segment->board_field[i].type, (uint64_t)fields[i].type);
    }
    segment_set(&about->length, segment->shape.board_image);
    segment_set(&about->server_limit, (uint64_t)processes);
    segment_set(&about->thread_limit, THREADS);
    segment_set(&about->process_offset, (uint64_t)((char *)process - image));
    segment_set(&about->process_step, sizeof(*process));
    segment_set(&about->worker_offset, (uint64_t)((char *)worker - image));
    segment_set(&about->worker_step, sizeof(*worker));
    segment_set(&about->extended, 1);
    global->running_generation = 2;
    for (int i = 0; i < processes; i++) {
        process[i].pid = 1000 + i;
        process[i].generation = 2;
    }
    for (int i = 0; i < workers; i++) {
        fill_worker(&worker[i], i);
    }
}

static void fill_processes(segment_t *segment, int workers)
{
    int processes = (int)segment->shape.processes;

    for (int i = 0; i < processes; i++) {
        segment_set(&segment->process[i].pid, (uint64_t)(1000 + i));
        segment_set(&segment->process[i].started, START);
        segment_set(&segment->process[i].cpu_user, (uint64_t)(moment * 120000));
        segment_set(&segment->process[i].rss, 31000000);
        segment_set(&segment->process[i].pss, 9000000);
        segment_set(&segment->process[i].threads, THREADS + 1);
        segment_set(&segment->process[i].conn_running, (uint64_t)(workers / 5 / processes));
        segment_set(&segment->process[i].conn_keepalive, (uint64_t)(workers / 3 / processes));
        segment_set(&segment->process[i].conn_head, 2);
    }
}

static void fill_segment(segment_t *segment, int vhosts, int workers)
{
    int processes = (workers + THREADS - 1) / THREADS;
    segment_shape_t shape = {
        .listeners = 4,
        .processes = (unsigned)processes,
        .vhosts = (unsigned)vhosts,
        .handlers = 16,
        .events = 256,
        .board_fields = FIELDS,
        .board_image = sizeof(board_global_t)
            + (size_t)processes * (sizeof(board_process_t) + THREADS * sizeof(board_worker_t))
    };
    void *base = aligned_alloc(64, segment_size(&shape));

    memset(base, 0, segment_size(&shape));
    segment_bind(segment, &shape, base);
    segment_format(segment, START);
    fill_server(segment->server, workers, processes);
    for (int i = 0; i < vhosts; i++) {
        fill_vhost(&segment->vhost[i], i, vhosts);
    }
    fill_processes(segment, workers);
    fill_board(segment, workers);
    fill_rest(segment);
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
        status_page(out, snapshot, parts, "nonce");
    }
    else if (strcmp(form, "live") == 0) {
        status_page(out, snapshot, parts, NULL);
    }
    else if (strcmp(form, "live-busy") == 0) {
        status_page(out, snapshot, parts | HTML_BUSY_ONLY, NULL);
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

/* Takes a snapshot and renders all of it; microseconds. */
static int64_t once(const segment_t *segment, const char *form, unsigned parts, FILE *file)
{
    int64_t begun = cpu_us();
    segment_failure_t failure;
    snapshot_t snapshot;
    segment_view_t *view;
    apr_pool_t *pool;
    board_t *board;
    out_t out;

    apr_pool_create(&pool, NULL);
    view = segment_view(segment);
    board = board_open(view, &failure);
    read_snapshot(&snapshot, pool, view, board, parts);
    board_close(board);
    segment_close(view);
    snapshot.server.now_us = START + (apr_int64_t)(moment * 1e6);
    snapshot.server.uptime_s = (apr_int64_t)moment;
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
    fill_segment(&segment, atoi(argv[3]), atoi(argv[4]));
    for (int i = atoi(argv[6]); i > 0; i--) {
        int64_t took = once(&segment, argv[1], (unsigned)atoi(argv[2]), i == 1 ? stdout : NULL);

        shortest = shortest == 0 || took < shortest ? took : shortest;
    }
    fprintf(stderr, "%.2f\n", (double)shortest / 1000);
    return 0;
}
