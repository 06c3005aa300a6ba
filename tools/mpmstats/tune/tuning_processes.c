/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry per process seen; an ended process keeps the values of its last mark.
 */
#include "tune/tuning_processes.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "common/memory.h"
#include "common/procfs.h"

#define MARKS 3           /* start, middle, end: growth is measured in the second half */
#define GROWTH_SECONDS 60 /* minimum duration: shorter growth is warm-up */
#define LIVES_LEAST 3     /* minimum number of ended processes for a lifetime */

typedef struct {
    double at; /* seconds */
    double memory, cpu, delay, served;
} mark_t;

typedef struct {
    pid_t pid;
    int threads;   /* maximum seen */
    int workers;   /* as reported by the server; 0: unknown */
    double served; /* connections, as reported by the server */
    mark_t first, middle, last;
    int marks;
    double started, ended; /* sample clock, seconds; NAN: earlier, or not yet */
    bool seen;             /* in the last sample */
} process_t;

struct processes {
    pid_t parent;
    process_t *list;
    size_t count;
    double began, last_mark;
    double parent_memory, parent_cpu_began, parent_cpu;
    int marks;
};

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

processes_t *processes_begin(pid_t parent)
{
    processes_t *processes = memory_get(1, sizeof(*processes));

    processes->parent = parent;
    processes->began = seconds_now();
    processes->parent_memory = NAN;
    return processes;
}

void processes_end(processes_t *processes)
{
    if (processes == NULL) {
        return;
    }
    free(processes->list);
    free(processes);
}

static process_t *find(processes_t *processes, pid_t pid)
{
    for (size_t i = 0; i < processes->count; i++) {
        if (processes->list[i].pid == pid && isnan(processes->list[i].ended)) {
            return &processes->list[i];
        }
    }
    return NULL;
}

static process_t *add(processes_t *processes, pid_t pid)
{
    process_t *process;

    processes->list = memory_resize(processes->list, processes->count + 1,
                                    sizeof(*processes->list));
    process = &processes->list[processes->count++];
    *process = (process_t){ .pid = pid, .started = NAN, .ended = NAN, .served = NAN };
    /* processes of the first look have an unknown age */
    if (processes->marks > 0) {
        process->started = seconds_now();
    }
    return process;
}

void processes_look(processes_t *processes, const snapshot_t *snap)
{
    for (size_t i = 0; i < processes->count; i++) {
        processes->list[i].seen = false;
    }
    for (int i = 0; i < snap->process_count; i++) {
        const snapshot_process_t *told = &snap->processes[i];
        process_t *process;

        if (told->pid == SNAPSHOT_UNKNOWN || told->pid <= 1) {
            continue;
        }
        process = find(processes, (pid_t)told->pid);
        if (process == NULL) {
            process = add(processes, (pid_t)told->pid);
        }
        process->seen = true;
        process->served = told->accepted == SNAPSHOT_UNKNOWN ? NAN : (double)told->accepted;
        process->workers = told->workers.busy >= 0 && told->workers.idle >= 0
                && told->workers.busy + told->workers.idle < INT32_MAX
            ? (int)(told->workers.busy + told->workers.idle)
            : 0;
    }
    for (size_t i = 0; i < processes->count; i++) {
        if (!processes->list[i].seen && isnan(processes->list[i].ended)) {
            processes->list[i].ended = seconds_now();
        }
    }
}

static void mark_one(process_t *process)
{
    mark_t mark = { seconds_now(), procfs_memory(process->pid), procfs_cpu(process->pid),
                    procfs_cpu_delay(process->pid), process->served };
    int threads = procfs_threads(process->pid);

    if (isnan(mark.memory) || isnan(mark.cpu)) {
        return;
    }
    if (process->marks == 0) {
        process->first = mark;
    }
    else if (process->marks == 1) {
        process->middle = mark;
    }
    process->last = mark;
    process->marks++;
    if (threads > process->threads) {
        process->threads = threads;
    }
}

void processes_mark(processes_t *processes)
{
    double cpu = procfs_cpu(processes->parent);

    if (processes->marks++ == 0) {
        processes->parent_cpu_began = cpu;
    }
    processes->parent_cpu = cpu;
    processes->parent_memory = procfs_memory(processes->parent);
    processes->last_mark = seconds_now();
    for (size_t i = 0; i < processes->count; i++) {
        if (isnan(processes->list[i].ended)) {
            mark_one(&processes->list[i]);
        }
    }
}

double processes_memory(const processes_t *processes)
{
    double sum = isnan(processes->parent_memory) ? 0 : processes->parent_memory;
    bool any = false;

    for (size_t i = 0; i < processes->count; i++) {
        const process_t *process = &processes->list[i];

        if (isnan(process->ended) && process->marks > 0) {
            sum += process->last.memory;
            any = true;
        }
    }
    return any ? sum : NAN;
}

/* ---- memory per process and worker ---- */

/* Threads except the main one, including those of modules: mod_http2 has more than workers. */
static double threads_of(const process_t *process)
{
    return process->threads < 2 ? 1 : process->threads - 1;
}

/* Workers of a process; if unknown, all threads except the main one. */
static double workers_of(const process_t *process, advisor_wait_e wait)
{
    if (wait == ADVISOR_WAIT_PROCESS) {
        return 1;
    }
    return process->workers > 0 ? fmin(process->workers, threads_of(process)) : threads_of(process);
}

/* Linear regression of memory over workers; false when their numbers differ too little. */
static bool fit(const processes_t *processes, advisor_wait_e wait, double *base, double *slope)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0;

    for (size_t i = 0; i < processes->count; i++) {
        const process_t *process = &processes->list[i];
        double workers = workers_of(process, wait);

        if (process->marks == 0) {
            continue;
        }
        n++;
        x += workers;
        y += process->last.memory;
        xx += workers * workers;
        xy += workers * process->last.memory;
    }
    if (n < 4 || n * xx - x * x < 4 * n) {
        return false;
    }
    *slope = (n * xy - x * y) / (n * xx - x * x);
    *base = (y - *slope * x) / n;
    return *slope > 0 && *base > 0;
}

static const process_t *largest(const processes_t *processes)
{
    const process_t *most = NULL;

    for (size_t i = 0; i < processes->count; i++) {
        const process_t *process = &processes->list[i];

        if (process->marks > 0 && (most == NULL || process->last.memory > most->last.memory)) {
            most = process;
        }
    }
    return most;
}

/*
 * Without a regression: a process without threads is as large as the parent; the rest of the
 * largest process is divided evenly among its threads. Threads that are not workers count as part
 * of the process.
 */
static void fill_sizes(const processes_t *processes, advisor_input_t *in)
{
    const process_t *most = largest(processes);

    if (most == NULL) {
        return;
    }
    if (in->wait == ADVISOR_WAIT_PROCESS) {
        in->process_bytes = most->last.memory;
        in->worker_bytes = 0;
    }
    else if (!fit(processes, in->wait, &in->process_bytes, &in->worker_bytes)) {
        double base = processes->parent_memory < most->last.memory ? processes->parent_memory : 0;

        in->worker_bytes = (most->last.memory - base) / threads_of(most);
        in->process_bytes = base
            + in->worker_bytes * (threads_of(most) - workers_of(most, in->wait));
    }
}

/* ---- growth, lifetime, processors ---- */

/* Growth of long-lived processes in the second half of the sample; the first is warm-up. */
static void fill_growth(const processes_t *processes, advisor_input_t *in)
{
    double grown = 0, served = 0;

    if (processes->last_mark - processes->began < GROWTH_SECONDS) {
        return;
    }
    for (size_t i = 0; i < processes->count; i++) {
        const process_t *process = &processes->list[i];

        if (process->marks < MARKS || isnan(process->last.served)
            || isnan(process->middle.served)) {
            continue;
        }
        grown += process->last.memory - process->middle.memory;
        served += process->last.served - process->middle.served;
    }
    if (served > 0) {
        in->growth_connections = served;
        in->growth_bytes = grown > 0 ? grown / served : 0;
    }
}

/* Steady state: processes ending per second = processes / lifetime. */
static void fill_life(const processes_t *processes, advisor_input_t *in)
{
    double seconds = processes->last_mark - processes->began, alive = 0, ended = 0;

    for (size_t i = 0; i < processes->count; i++) {
        if (isnan(processes->list[i].ended)) {
            alive++;
        }
        else {
            ended++;
        }
    }
    if (ended >= LIVES_LEAST) {
        in->process_life_s = alive * seconds / ended;
    }
}

static void fill_cpu(const processes_t *processes, advisor_input_t *in)
{
    double used = processes->parent_cpu - processes->parent_cpu_began;
    double seconds = processes->last_mark - processes->began, delay = 0;

    if (isnan(used) || seconds <= 0) {
        return;
    }
    for (size_t i = 0; i < processes->count; i++) {
        const process_t *process = &processes->list[i];

        if (process->marks == 0) {
            continue;
        }
        used += process->last.cpu - (isnan(process->started) ? process->first.cpu : 0);
        /* ended threads no longer count, so it may shrink */
        delay += fmax(0,
                      process->last.delay - (isnan(process->started) ? process->first.delay : 0));
    }
    in->cpu_cores = used / seconds;
    in->cpu_delay_cores = delay / seconds;
}

void processes_input(const processes_t *processes, advisor_input_t *in)
{
    fill_sizes(processes, in);
    fill_growth(processes, in);
    fill_life(processes, in);
    fill_cpu(processes, in);
}
