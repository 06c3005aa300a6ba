/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that waits for a core keeps its polling slot: the machine is busy, and
 * a second poller would wait for the same core. So the ticker asks the kernel
 * whether the thread is asleep; a runnable one keeps the slot until it has
 * certainly used its share of CPU time.
 */
#include "mpm/threads/blocking.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/module.h"

/* A poller that sleeps this long after its run began blocks; opening a file or waiting
 * for a short-held lock is over by then. */
#define ASLEEP_LEAST_US 100

/* With an idle core, a request that takes more CPU time than this loses its polling slot. */
#define CPU_MOST_US 400

/* Without one, after this much. Shorter requests are served one after the other:
 * time-sharing would delay all of them. */
#define CPU_MOST_SHARED_US 4000

/* CPU time of a thread; 0 if unknown. */
static apr_int64_t cpu_time_us(const blocking_thread_t *thread)
{
    struct timespec ts;

    if (clock_gettime(thread->cpu_clock, &ts) != 0) {
        return 0;
    }
    return (apr_int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Descriptor of the thread's stat file, kept open: opening costs more than reading. */
static int stat_of(blocking_notes_t *notes, pid_t tid)
{
    char path[64];

    if (notes->stat_tid == tid) {
        return notes->stat_fd;
    }
    if (notes->stat_fd > 0) {
        close(notes->stat_fd);
    }
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
    notes->stat_fd = open(path, O_RDONLY | O_CLOEXEC);
    notes->stat_tid = notes->stat_fd > 0 ? tid : 0;
    return notes->stat_fd;
}

/* Whether the thread is running or waits for a core: state R in its stat (proc(5)). */
static bool is_runnable(blocking_notes_t *notes)
{
    char text[64];
    const char *end;
    int fd = stat_of(notes, notes->who->tid);
    ssize_t n;

    if (fd <= 0) {
        return false;
    }
    n = pread(fd, text, sizeof(text) - 1, 0);
    if (n <= 0) {
        notes->stat_tid = 0; /* the thread has ended, its id may be reused */
    }
    text[n < 0 ? 0 : n] = '\0';
    end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' && end[2] == 'R';
}

/* Whether fewer pollers are in a run, in all processes, than there are cores. */
static bool core_to_spare(void)
{
    apr_uint32_t running = 0;
    int slot;

    for (slot = 0; slot < child.lane->slots; slot++) {
        const shared_process_t *p = &hybrid_retained->shared->process[slot];

        if (shared_get(p->pid) != 0) {
            running += shared_get(p->running);
        }
    }
    return running < (apr_uint32_t)child.lane->cores;
}

void blocking_look(blocking_notes_t *notes, const blocking_thread_t *who, apr_uint64_t run)
{
    blocking_notes_t before = *notes;

    notes->at = clock_now();
    notes->idle_us = notes->at;
    notes->cpu_us = cpu_time_us(who);
    if (before.who != who) {
        notes->at_before = notes->at;
        notes->cpu_before_us = notes->cpu_us;
    }
    else if (before.run != run) {
        notes->at_before = before.at;
        notes->cpu_before_us = before.cpu_us;
    }
    if (before.who == who) {
        notes->idle_us = (notes->at - before.at) - (notes->cpu_us - before.cpu_us);
    }
    notes->who = who;
    notes->run = run;
}

/*
 * Lower bound of the run's CPU time: the CPU time since the last look before the run, less the
 * most that earlier runs can have used of it.
 */
static apr_int64_t cpu_of_run_least(const blocking_notes_t *notes, apr_interval_time_t age_us)
{
    apr_interval_time_t earlier_us = notes->at - notes->at_before - age_us;

    return notes->cpu_us - notes->cpu_before_us - (earlier_us > 0 ? earlier_us : 0);
}

blocking_e blocking_run(blocking_notes_t *notes, apr_time_t since)
{
    apr_interval_time_t age_us = notes->at - since;
    apr_int64_t cpu_us;

    if (age_us < ASLEEP_LEAST_US) {
        return BLOCKING_GO_ON;
    }
    cpu_us = cpu_of_run_least(notes, age_us);
    if (cpu_us >= CPU_MOST_SHARED_US || (cpu_us >= CPU_MOST_US && core_to_spare())) {
        return BLOCKING_COMPUTES;
    }
    if (notes->idle_us < ASLEEP_LEAST_US) {
        return BLOCKING_GO_ON; /* it was on the CPU almost all the time */
    }
    return is_runnable(notes) ? BLOCKING_GO_ON : BLOCKING_ASLEEP;
}
