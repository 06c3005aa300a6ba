/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a segment to the snapshot that the server itself would take.
 */
#include "source/local_snapshot.h"

#include <stdlib.h>
#include <time.h>

#include "apr_strings.h"
#include "segment/board.h"
#include "source/local_board.h"
#include "figures/metrics.h"
#include "figures/read.h"
#include "render/request_view.h"

apr_int64_t local_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (apr_int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

apr_int64_t local_time(uint64_t time)
{
    return time == SEGMENT_UNKNOWN || time > INT64_MAX ? 0 : (apr_int64_t)time;
}

/* When the server was last seen at work: now, unless it is dead. */
static apr_int64_t moment_of(const segment_view_t *view, const segment_server_t *server)
{
    apr_int64_t last = local_time(segment_created(view)), heartbeat = local_time(server->heartbeat);
    apr_int64_t sampled = local_time(server->sampled), stopped = local_time(server->stopped),
                now = local_now();

    if (segment_live(view))
        return now;
    last = heartbeat > last ? heartbeat : last;
    last = sampled > last ? sampled : last;
    last = stopped > last ? stopped : last;
    return last < now ? last : now;
}

static apr_int64_t number(uint64_t value)
{
    return value > INT64_MAX ? SNAPSHOT_UNKNOWN : (apr_int64_t)value;
}

static const char *text(apr_pool_t *pool, const char *field)
{
    return field[0] != '\0' ? apr_pstrdup(pool, field) : NULL;
}

static apr_int64_t flag(uint64_t value)
{
    return value == SEGMENT_UNKNOWN ? SNAPSHOT_UNKNOWN : value != 0;
}

static void fill_server(snapshot_server_t *to, apr_pool_t *pool, const segment_view_t *view,
                        const segment_server_t *from)
{
    metrics_clear(METRICS_SERVER, to);
    to->version = text(pool, from->version);
    to->mpm = text(pool, from->mpm);
    to->model = text(pool, from->model);
    to->pid = number(from->pid);
    to->generation = number(from->generation);
    to->config_generation = number(from->config_generation);
    to->started_us = number(from->started);
    to->restarted_us = number(from->restarted);
    to->threaded = flag(from->threaded);
    to->async = flag(from->async);
    to->now_us = moment_of(view, from);
    if (to->started_us != SNAPSHOT_UNKNOWN && to->started_us <= to->now_us)
        to->uptime_s = (to->now_us - to->started_us) / 1000000;
}

static void fill_limits(snapshot_limits_t *to, const segment_server_t *from)
{
    metrics_clear(METRICS_LIMITS, to);
    to->max_request_workers = number(from->max_request_workers);
    to->server_limit = number(from->server_limit);
    to->start_servers = number(from->start_servers);
    to->min_spare_servers = number(from->min_spare_servers);
    to->max_spare_servers = number(from->max_spare_servers);
    to->thread_limit = number(from->thread_limit);
    to->threads_per_child = number(from->threads_per_child);
    to->min_spare_threads = number(from->min_spare_threads);
    to->max_spare_threads = number(from->max_spare_threads);
    to->max_connections_per_child = number(from->max_connections_per_child);
    to->connections_per_process = number(from->connections_per_process);
    to->concurrency = number(from->concurrency);
    to->slots = number(from->slots);
}

static void fill_load(snapshot_server_t *server)
{
    double load[3];

    if (getloadavg(load, 3) == 3) {
        server->load1 = load[0];
        server->load5 = load[1];
        server->load15 = load[2];
    }
}

void local_snapshot_read(snapshot_t *snap, apr_pool_t *pool, const segment_view_t *view)
{
    segment_failure_t failure;
    segment_server_t server;
    board_t *board = board_open(view, &failure);

    segment_get_server(view, &server);
    fill_server(&snap->server, pool, view, &server);
    fill_limits(&snap->limits, &server);
    metrics_clear(METRICS_TOTALS, &snap->totals);
    metrics_clear(METRICS_CONNECTIONS, &snap->connections);
    if (board != NULL)
        snap->server.extended_status = board_extended(board);
    if (segment_live(view))
        fill_load(&snap->server);
    local_board_read(snap, pool, view, board);
    recorded_clear(snap);
    recorded_read(snap, pool, view, VIEW_ALL);
    board_close(board);
}
