/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment is a file mapped shared and writable that starts with SEGMENT_MAGIC.
 */
#include "source/local_maps.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "segment/segment.h"
#include "common/procfs.h"

#define LINE_MOST (PATH_MAX + 128)

/* By name and by user: any process can choose its name, but not its user. */
static bool is_httpd(pid_t pid)
{
    char path[64], text[64] = "";
    long uid;

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    if (!procfs_text(path, text, sizeof(text))
        || (strncmp(text, "apache2", 7) != 0 && strncmp(text, "httpd", 5) != 0)) {
        return false;
    }
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (!procfs_line(path, "Uid:", text, sizeof(text))) {
        return false;
    }
    uid = strtol(text, NULL, 10);
    return uid == 0 || uid == (long)geteuid();
}

static bool is_segment(const char *path)
{
    char magic[8] = "";
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool is = fd >= 0 && read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic)
        && memcmp(magic, SEGMENT_MAGIC, sizeof(magic)) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return is;
}

/*
 * The file of a line such as "7f12…-7f34… rw-s 00000000 00:19 4711   /run/x/mpmstats.segment";
 * NULL: not a candidate.
 */
static const char *file_of(char *line)
{
    char rights[8] = "";
    char *path = strchr(line, '/');

    if (path == NULL || sscanf(line, "%*s %7s", rights) != 1 || strcmp(rights, "rw-s") != 0) {
        return NULL;
    }
    path[strcspn(path, "\n")] = '\0';
    return strstr(path, " (deleted)") == NULL ? path : NULL;
}

void local_maps_of(pid_t pid, local_maps_found_fn *found, void *context)
{
    char name[64], line[LINE_MOST];
    FILE *maps;

    if (!is_httpd(pid)) {
        return;
    }
    snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
    maps = fopen(name, "re");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        const char *path = file_of(line);

        if (path != NULL && is_segment(path)) {
            found(context, path);
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

void local_maps_of_pid_file(const char *path, local_maps_found_fn *found, void *context)
{
    char text[32];
    long pid = procfs_text(path, text, sizeof(text)) ? strtol(text, NULL, 10) : 0;

    if (pid > 0 && pid <= INT_MAX) {
        local_maps_of((pid_t)pid, found, context);
    }
}

void local_maps_of_all(local_maps_found_fn *found, void *context)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid > 0 && pid <= INT_MAX) {
            local_maps_of((pid_t)pid, found, context);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}
