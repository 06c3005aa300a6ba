/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory and processors of the machine and of control groups (version 2).
 */
#include "source/machine.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/procfs.h"

#define CGROUPS "/sys/fs/cgroup"

static double meminfo(const char *key)
{
    char value[64];

    return procfs_line("/proc/meminfo", key, value, sizeof(value)) ? strtod(value, NULL) * 1024
                                                                   : NAN;
}

/* A number from a control group's file; NAN for "max" or a missing file. */
static double cgroup_number(const char *group, const char *file)
{
    char *path = memory_format(CGROUPS "%s/%s", group, file), text[64], *end;
    bool read = procfs_text(path, text, sizeof(text));
    double number = read ? strtod(text, &end) : NAN;

    free(path);
    return !read || end == text ? NAN : number;
}

/* Page cache in the group's memory, which the kernel reclaims on demand. */
static double cgroup_reclaimable(const char *group)
{
    char *path = memory_format(CGROUPS "%s/memory.stat", group), value[64];
    bool found = procfs_line(path, "inactive_file ", value, sizeof(value));

    free(path);
    return found ? strtod(value, NULL) : 0;
}

/* The control group of a process, "/a/b"; "" without version 2. */
static void cgroup_of(pid_t pid, char *group, size_t size)
{
    char *path = memory_format("/proc/%d/cgroup", (int)pid);

    if (!procfs_line(path, "0::", group, size)) {
        group[0] = '\0';
    }
    group[strcspn(group, "\n")] = '\0';
    free(path);
}

/* Changes @a group to its parent; false at the root. */
static bool cgroup_up(char *group)
{
    char *slash = strrchr(group, '/');

    if (slash == NULL || group[0] == '\0') {
        return false;
    }
    *slash = '\0';
    return true;
}

machine_memory_t machine_memory(pid_t pid)
{
    machine_memory_t memory = { meminfo("MemAvailable:"), meminfo("MemTotal:"), "machine" };
    char group[1024];

    cgroup_of(pid, group, sizeof(group));
    do {
        double limit = cgroup_number(group, "memory.max");
        double left = limit - cgroup_number(group, "memory.current") + cgroup_reclaimable(group);

        if (left < memory.available || (isnan(memory.available) && !isnan(left))) {
            memory.available = left > 0 ? left : 0;
            memory.limit = limit;
            snprintf(memory.what, sizeof(memory.what), "control group %.40s",
                     group[0] != '\0' ? group : "/");
        }
    } while (cgroup_up(group));
    return memory;
}

/* The group's processor quota, in processors; INFINITY: no quota. */
static double cgroup_cores(const char *group)
{
    char *path = memory_format(CGROUPS "%s/cpu.max", group), text[64];
    double quota, period;
    bool limited = procfs_text(path, text, sizeof(text))
        && sscanf(text, "%lf %lf", &quota, &period) == 2 && period > 0;

    free(path);
    return limited ? quota / period : INFINITY;
}

int machine_cores(pid_t pid)
{
    char group[1024];
    cpu_set_t set;
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);

    if (sched_getaffinity(pid, sizeof(set), &set) == 0) {
        cores = CPU_COUNT(&set);
    }
    cgroup_of(pid, group, sizeof(group));
    do {
        cores = fmin(cores, cgroup_cores(group));
    } while (cgroup_up(group));
    return cores < 1 ? 1 : (int)ceil(cores);
}
