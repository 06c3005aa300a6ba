/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the proportional set size the kernel walks the page tables, 1 ms for a large process: so a
 * sample reads it of PSS_A_LOOK processes only, and of each once in PSS_INTERVAL.
 */
#include "stats/record/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apr_time.h"
#include "stats/record/record.h"

#define PSS_INTERVAL apr_time_from_sec(10)
#define PSS_A_LOOK 2

/* Reads a small file in /proc. */
static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    ssize_t got;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static uint64_t from_ticks(uint64_t ticks)
{
    long a_second = sysconf(_SC_CLK_TCK);

    return ticks * 1000000 / (uint64_t)(a_second > 0 ? a_second : 100);
}

static void look_at_stat(segment_process_rec_t *process, pid_t pid)
{
    char text[1024];
    const char *rest;
    uint64_t user, system, threads, pages;

    /* The name of the program may contain any byte, including a closing bracket. */
    if (!read_proc(pid, "stat", text, sizeof(text)) || (rest = strrchr(text, ')')) == NULL) {
        return;
    }
    /* Fields 14, 15, 20 and 24; the first one after the bracket is the third. */
    if (sscanf(rest + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
               " %*d %*d %*d %*d %" SCNu64 " %*d %*u %*u %" SCNu64,
               &user, &system, &threads, &pages)
        != 4) {
        return;
    }
    pages *= (uint64_t)sysconf(_SC_PAGESIZE);
    segment_set(&process->cpu_user, from_ticks(user));
    segment_set(&process->cpu_system, from_ticks(system));
    segment_set(&process->threads, threads);
    segment_set(&process->rss, pages);
    if (segment_get(&process->rss_first) == SEGMENT_UNKNOWN) {
        segment_set(&process->rss_first, pages);
        segment_set(&process->rss_peak, pages);
    }
    segment_raise(&process->rss_peak, pages);
    segment_set(&process->sampled, (uint64_t)apr_time_now());
}

static void look_at_pss(segment_process_rec_t *process, pid_t pid)
{
    char text[2048];
    const char *line;
    uint64_t kilobytes;

    if (read_proc(pid, "smaps_rollup", text, sizeof(text))
        && (line = strstr(text, "\nPss:")) != NULL
        && sscanf(line, " Pss: %" SCNu64, &kilobytes) == 1) {
        segment_set(&process->pss, kilobytes * 1024);
    }
}

void record_memory_look(void)
{
    /* The next process, and when the present round began. The parent's only thread. */
    static unsigned next;
    static apr_time_t round_begun;
    unsigned count = record.segment->shape.processes, left = PSS_A_LOOK;
    apr_time_t now = apr_time_now();

    for (unsigned i = 0; i < count; i++) {
        segment_process_rec_t *process = &record.segment->process[i];
        uint64_t pid = segment_get(&process->pid);

        if (pid == 0 || pid > INT32_MAX) {
            continue;
        }
        look_at_stat(process, (pid_t)pid);
        if (segment_get(&process->pss) == SEGMENT_UNKNOWN && left > 0) {
            look_at_pss(process, (pid_t)pid);
            left--;
        }
    }
    if (next >= count && now - round_begun >= PSS_INTERVAL) {
        next = 0;
        round_begun = now;
    }
    for (; next < count && left > 0; next++) {
        uint64_t pid = segment_get(&record.segment->process[next].pid);

        if (pid != 0 && pid <= INT32_MAX) {
            look_at_pss(&record.segment->process[next], (pid_t)pid);
            left--;
        }
    }
}
