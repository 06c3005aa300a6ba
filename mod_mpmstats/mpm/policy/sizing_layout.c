/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a server whose directives are set in part or not at all.
 *
 * Workers are created on demand, so a high ceiling costs nothing; processes cost memory and split
 * the connections, so there is one per core. With ThreadsPerChild set, MaxRequestWorkers decides
 * their number.
 */
#include "mpm/policy/sizing.h"

enum {
    WORKERS_LEAST = 400, /* event's default */
    WORKERS_PER_CORE = 100,
    /* two on one core would take turns of milliseconds */
    PROCESSES_LEAST = 1,
    PROCESSES_MOST = 64,
    THREADS_WORTH_A_PROCESS = 8,
    THREAD_LIMIT = 64, /* event's default */
    SERVER_LIMIT = 16, /* event's default: room for a restart with other values */
    SPARE_PER_PROCESS = 4,
    SPARE_MOST = 75 /* event's default of MinSpareThreads */
};

static int at_least(int value, int least)
{
    return value < least ? least : value;
}

static int at_most(int value, int most)
{
    return value > most ? most : value;
}

/*
 * Number of processes for the workers: one per core; up to twice that if the workers divide evenly,
 * more if ThreadLimit requires it.
 */
static int spread(int cores, int workers, const sizing_layout_t *l)
{
    int least = at_least(at_most(cores, PROCESSES_MOST), PROCESSES_LEAST);
    int most, n;

    least = at_most(least, at_least(workers / THREADS_WORTH_A_PROCESS, 1));
    if (l->thread_limit > 0) {
        least = at_least(least, (workers - 1) / l->thread_limit + 1);
    }
    most = least > INT32_MAX / 2 ? least : 2 * least;
    if (l->server_limit > 0) {
        least = at_most(least, l->server_limit);
        most = at_most(most, l->server_limit);
    }
    for (n = least; n <= most; n++) {
        if (workers % n == 0) {
            return n;
        }
    }
    return least;
}

static void workers_complete(int cores, sizing_layout_t *l)
{
    if (l->max_request_workers <= 0) {
        int by_cores = cores > INT32_MAX / WORKERS_PER_CORE ? INT32_MAX : cores * WORKERS_PER_CORE;

        l->max_request_workers = at_least(by_cores, WORKERS_LEAST);
    }
    if (l->threads_per_child <= 0) {
        int processes = spread(cores, l->max_request_workers, l);

        l->threads_per_child = at_least(l->max_request_workers / processes, 1);
    }
    if (l->thread_limit <= 0) {
        l->thread_limit = at_least(l->threads_per_child, THREAD_LIMIT);
    }
    l->threads_per_child = at_most(l->threads_per_child, l->thread_limit);
    l->max_request_workers = at_least(l->max_request_workers, l->threads_per_child);
}

static void processes_complete(sizing_layout_t *l)
{
    int processes = l->max_request_workers / l->threads_per_child;

    if (l->server_limit <= 0) {
        l->server_limit = at_least(processes, SERVER_LIMIT);
    }
    processes = at_most(processes, l->server_limit);
    l->max_request_workers = processes * l->threads_per_child;
}

static void spares_complete(int cores, sizing_layout_t *l)
{
    int processes = l->max_request_workers / l->threads_per_child;

    if (l->min_spare_threads <= 0) {
        int used = at_most(processes, at_least(cores, PROCESSES_LEAST));

        l->min_spare_threads = at_most(used * SPARE_PER_PROCESS, SPARE_MOST);
        if (l->max_spare_threads > 0) {
            l->min_spare_threads = at_most(l->min_spare_threads, l->max_spare_threads);
        }
        l->min_spare_threads = at_most(l->min_spare_threads,
                                       at_least(l->max_request_workers / 4, 1));
    }
    l->min_spare_threads = at_most(l->min_spare_threads, l->max_request_workers);
    if (l->max_spare_threads <= 0) {
        l->max_spare_threads = l->min_spare_threads > l->max_request_workers / 4
            ? l->max_request_workers
            : 4 * l->min_spare_threads;
    }
    l->max_spare_threads = at_most(at_least(l->max_spare_threads, l->min_spare_threads),
                                   l->max_request_workers);
}

static void start_complete(int cores, sizing_layout_t *l)
{
    int processes = l->max_request_workers / l->threads_per_child;

    if (l->start_servers <= 0) {
        int for_spares = (l->min_spare_threads - 1) / l->threads_per_child + 1;

        l->start_servers = at_least(at_least(cores, PROCESSES_LEAST), for_spares);
    }
    l->start_servers = at_most(l->start_servers, processes);
}

void sizing_layout(int cores, sizing_layout_t *layout)
{
    cores = at_least(cores, 1);
    workers_complete(cores, layout);
    processes_complete(layout);
    spares_complete(cores, layout);
    start_complete(cores, layout);
}
