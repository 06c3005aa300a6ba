/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/parent/settle.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/module.h"
#include "mpm/parent/procs.h"
#include "mpm/parent/slots.h"
#include "mpm/parent/tell.h"

/* Polling interval of the waits. */
#define LOOK_INTERVAL apr_time_from_msec(1)

/* Upper bound of the wait for responses that only wait for their client (SHARED_NEEDS_CLIENT). */
#define WRITE_PATIENCE apr_time_from_msec(100)

/* Upper bound of the wait until piped loggers have read their pipes. */
#define PIPE_PATIENCE apr_time_from_msec(200)

/* Time for a logger to write what it has read last. */
#define PIPE_REST apr_time_from_msec(2)

/* Whether the kernel's list @a path has a pid that is no child of the MPM, or is unreadable. */
static bool names_a_stranger(const char *path)
{
    FILE *f = fopen(path, "re");
    long pid;
    bool found = false;

    if (f == NULL) {
        return true;
    }
    while (!found && fscanf(f, "%ld", &pid) == 1) {
        found = !procs_is_ours((pid_t)pid);
    }
    fclose(f);
    return found;
}

/* Daemons of modules and piped loggers are children of the parent, of any of its threads. */
static bool has_strangers(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    bool found = tasks == NULL;

    while (!found && (task = readdir(tasks)) != NULL) {
        char path[300];

        if (task->d_name[0] != '.') {
            snprintf(path, sizeof(path), "/proc/self/task/%s/children", task->d_name);
            found = names_a_stranger(path);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return found;
}

bool settle_is_due(const lane_t *lane)
{
    switch (lane->restart_hold) {
    case LANE_HOLD_ON:
        return true;
    case LANE_HOLD_OFF:
        return false;
    default:
        return has_strangers();
    }
}

/*
 * Whether a pipe of this process other than @a skip_fd's holds at least @a least bytes. The parent
 * keeps both ends of piped logs.
 */
static bool has_pipe_with(int least, int skip_fd)
{
    DIR *fds = opendir("/proc/self/fd");
    const struct dirent *entry;
    struct stat skip = { .st_ino = 0 }; /* both ends have the same inode */
    bool found = false;

    (void)fstat(skip_fd, &skip);
    while (fds != NULL && !found && (entry = readdir(fds)) != NULL) {
        int fd = atoi(entry->d_name);
        struct stat st;
        int bytes = 0;

        if (entry->d_name[0] != '.' && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)
            && (st.st_ino != skip.st_ino || st.st_dev != skip.st_dev)
            && ioctl(fd, FIONREAD, &bytes) == 0) {
            found = bytes >= least;
        }
    }
    if (fds != NULL) {
        closedir(fds);
    }
    return found;
}

static void wait_for_logs(int skip_fd)
{
    apr_time_t until = clock_now() + PIPE_PATIENCE;

    while (has_pipe_with(1, skip_fd) && clock_now() < until) {
        apr_sleep(LOOK_INTERVAL);
    }
    apr_sleep(PIPE_REST);
}

void settle(const lane_t *lane, int skip_fd, int (*keep_house)(void))
{
    apr_time_t begin = clock_now();
    apr_interval_time_t most = apr_time_from_msec(lane->restart_wait_ms), waited;
    unsigned needs = 1u << SHARED_NEEDS_ALL
        | (has_pipe_with(0, skip_fd) ? 1u << SHARED_NEEDS_LOG : 0);
    int running;

    tell_to_hold();
    for (;;) {
        waited = clock_now() - begin;
        (void)slots_tell_again();
        running = procs_running(clock_now() - most,
                                needs | (waited < WRITE_PATIENCE ? 1u << SHARED_NEEDS_CLIENT : 0));
        if (running == 0 || waited >= most || keep_house()) {
            break;
        }
        apr_sleep(LOOK_INTERVAL);
    }
    wait_for_logs(skip_fd);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "old children hold: waited %d ms, %d of them still run requests",
                 (int)((clock_now() - begin) / 1000), running);
}
