/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID. A process may end between any two reads.
 */
#include "common/procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

bool procfs_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got = 0;

    if (fd < 0) {
        return false;
    }
    while (length + 1 < size && (got = read(fd, text + length, size - length - 1)) > 0) {
        length += (size_t)got;
    }
    text[length] = '\0';
    close(fd);
    return got >= 0;
}

bool procfs_line(const char *path, const char *key, char *value, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t length = strlen(key);
    char line[8192];
    bool found = false;

    if (file == NULL) {
        return false;
    }
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        found = strncmp(line, key, length) == 0;
        if (found) {
            snprintf(value, size, "%s", line + length);
        }
    }
    fclose(file);
    return found;
}

/* Fields of /proc/PID/stat from the state on; the preceding name may contain any bytes. */
static bool stat_fields(pid_t pid, char *text, size_t size, char **fields)
{
    char *path = memory_format("/proc/%d/stat", (int)pid);
    bool read = procfs_text(path, text, size);
    char *end = read ? strrchr(text, ')') : NULL;

    free(path);
    if (end == NULL || end[1] != ' ') {
        return false;
    }
    *fields = end + 2;
    return true;
}

pid_t procfs_parent(pid_t pid)
{
    char text[1024], *fields;
    int parent;

    if (!stat_fields(pid, text, sizeof(text), &fields) || fields[0] == 'Z'
        || sscanf(fields, "%*c %d", &parent) != 1) {
        return -1;
    }
    return parent;
}

bool procfs_is_stopped(pid_t pid)
{
    char text[1024], *fields;

    return stat_fields(pid, text, sizeof(text), &fields) && (fields[0] == 'T' || fields[0] == 't');
}

int procfs_threads(pid_t pid)
{
    char text[1024], *fields;
    long threads;

    if (!stat_fields(pid, text, sizeof(text), &fields)
        || sscanf(fields, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld",
                  &threads)
            != 1) {
        return -1;
    }
    return (int)threads;
}

double procfs_cpu(pid_t pid)
{
    char text[1024], *fields;
    unsigned long user, system;

    if (!stat_fields(pid, text, sizeof(text), &fields)
        || sscanf(fields, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system)
            != 2) {
        return NAN;
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double procfs_cpu_delay(pid_t pid)
{
    char *path = memory_format("/proc/%d/task", (int)pid), text[128];
    DIR *directory = opendir(path);
    struct dirent *entry;
    double sum = 0;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char *stat = memory_format("%s/%s/schedstat", path, entry->d_name);
        unsigned long long waited;

        if (procfs_text(stat, text, sizeof(text)) && sscanf(text, "%*u %llu", &waited) == 1) {
            sum += (double)waited / 1e9;
        }
        free(stat);
    }
    free(path);
    if (directory == NULL) {
        return NAN;
    }
    closedir(directory);
    return sum;
}

double procfs_memory(pid_t pid)
{
    char *path = memory_format("/proc/%d/smaps_rollup", (int)pid), value[256];
    unsigned long kib, resident, shared;
    bool known = procfs_line(path, "Pss:", value, sizeof(value)) && sscanf(value, "%lu", &kib) == 1;

    free(path);
    if (known) {
        return (double)kib * 1024;
    }
    path = memory_format("/proc/%d/statm", (int)pid);
    known = procfs_text(path, value, sizeof(value))
        && sscanf(value, "%*u %lu %lu", &resident, &shared) == 2;
    free(path);
    return known ? (double)(resident - shared) * (double)sysconf(_SC_PAGESIZE) : NAN;
}

static int compare_inodes(const void *a, const void *b)
{
    const unsigned long *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

unsigned long *procfs_sockets(pid_t pid, size_t *count)
{
    char *path = memory_format("/proc/%d/fd", (int)pid), target[64];
    DIR *directory = opendir(path);
    unsigned long *inodes = NULL, inode;
    struct dirent *entry;

    *count = 0;
    free(path);
    if (directory == NULL) {
        return NULL;
    }
    inodes = memory_get(1, sizeof(*inodes));
    while ((entry = readdir(directory)) != NULL) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

        target[length > 0 ? length : 0] = '\0';
        if (sscanf(target, "socket:[%lu]", &inode) == 1) {
            inodes = memory_resize(inodes, *count + 1, sizeof(*inodes));
            inodes[(*count)++] = inode;
        }
    }
    closedir(directory);
    qsort(inodes, *count, sizeof(*inodes), compare_inodes);
    return inodes;
}
