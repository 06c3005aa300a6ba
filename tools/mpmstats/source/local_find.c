/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Default directories: the runtime directories of Debian's instances, of other distributions, and
 * of httpd's own layout. A segment elsewhere (MPMStatsSegment) is found through the mappings of
 * the process in the pid file; if that finds no running server, through those of all processes.
 */
#include "source/local_find.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment/file.h"
#include "source/local_maps.h"
#include "common/memory.h"

#define NAME "mpmstats.segment"
#define FOUND_MOST 32

static const char *const places[] = {
    "/run/apache2/" NAME,
    "/run/apache2-*/" NAME,
    "/run/httpd/" NAME,
    "/usr/local/apache2/logs/" NAME,
};

static const char *const pid_files[] = {
    "/run/apache2/apache2.pid",
    "/run/apache2-*/apache2.pid",
    "/run/httpd/httpd.pid",
    "/usr/local/apache2/logs/httpd.pid",
};

typedef struct {
    char *path;
    bool closed; /* no read permission */
    bool live;   /* the server runs, as far as known */
    dev_t device;
    ino_t inode;
} found_t;

typedef struct {
    found_t items[FOUND_MOST];
    size_t count;
} list_t;

static void add(list_t *list, const char *path)
{
    struct stat status;
    found_t *found;
    int fd;

    if (list->count == FOUND_MOST || stat(path, &status) != 0) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].device == status.st_dev && list->items[i].inode == status.st_ino) {
            return;
        }
    }
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    found = &list->items[list->count++];
    *found = (found_t){ .path = memory_copy(path),
                        .closed = fd < 0,
                        .live = fd < 0 || segment_has_writer(fd),
                        .device = status.st_dev,
                        .inode = status.st_ino };
    if (fd >= 0) {
        close(fd);
    }
}

/* A local_maps_found_fn. */
static void add_mapped(void *list, const char *path)
{
    add(list, path);
}

static void add_of_pid_file(list_t *list, const char *path)
{
    local_maps_of_pid_file(path, add_mapped, list);
}

static void each_match(list_t *list, const char *pattern,
                       void (*take)(list_t *list, const char *path))
{
    glob_t matches;

    if (glob(pattern, 0, NULL, &matches) != 0) {
        return;
    }
    for (size_t i = 0; i < matches.gl_pathc; i++) {
        take(list, matches.gl_pathv[i]);
    }
    globfree(&matches);
}

static bool any_lives(const list_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].live) {
            return true;
        }
    }
    return false;
}

static void look_in_places(list_t *list)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        each_match(list, places[i], add);
    }
    for (size_t i = 0; i < sizeof(pid_files) / sizeof(pid_files[0]); i++) {
        each_match(list, pid_files[i], add_of_pid_file);
    }
    if (!any_lives(list)) {
        local_maps_of_all(add_mapped, list);
    }
}

/* A dead server leaves its segment behind: ignore it when another server runs. */
static void drop_dead(list_t *list)
{
    size_t kept = 0;

    if (!any_lives(list)) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].live) {
            list->items[kept++] = list->items[i];
        }
        else {
            free(list->items[i].path);
        }
    }
    list->count = kept;
}

static void list_free(list_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
    }
    list->count = 0;
}

static local_find_e several(const list_t *list, failure_t *failure)
{
    char *text = memory_copy("");

    for (size_t i = 0; i < list->count; i++) {
        char *longer = memory_format("%s%s%s", text, i > 0 ? ", " : "", list->items[i].path);

        free(text);
        text = longer;
    }
    failure_set(
        failure, RC_USAGE,
        "which server? there are %zu: %.800s; name one with --segment FILE or --instance NAME",
        list->count, text);
    free(text);
    return LOCAL_FAILED;
}

static local_find_e choose(list_t *list, char **path, failure_t *failure)
{
    local_find_e found = LOCAL_NONE;

    drop_dead(list);
    if (list->count > 1) {
        found = several(list, failure);
    }
    else if (list->count == 1) {
        *path = memory_copy(list->items[0].path);
        found = list->items[0].closed ? LOCAL_CLOSED : LOCAL_FOUND;
    }
    list_free(list);
    return found;
}

/* Debian's additional instances are apache2-NAME; "" and "apache2" mean the first. */
static local_find_e find_instance(const char *name, char **path, failure_t *failure)
{
    bool first = strcmp(name, "apache2") == 0;
    list_t list = { .count = 0 };
    const char *bare = strncmp(name, "apache2-", 8) == 0 ? name + 8 : name;

    if (bare[0] == '\0' || bare[0] == '.' || strchr(bare, '/') != NULL) {
        failure_set(
            failure, RC_USAGE,
            "'%s' is no name of an instance; it is what follows apache2- in /etc/apache2-NAME",
            name);
        return LOCAL_FAILED;
    }
    *path = memory_format("/run/apache2%s%s/apache2.pid", first ? "" : "-", first ? "" : bare);
    add_of_pid_file(&list, *path);
    free(*path);
    *path = memory_format("/run/apache2%s%s/" NAME, first ? "" : "-", first ? "" : bare);
    if (list.count > 0) {
        free(*path);
        *path = memory_copy(list.items[0].path);
    }
    list_free(&list);
    if (access(*path, F_OK) == 0) {
        return LOCAL_FOUND;
    }
    failure_set(
        failure, RC_LOCAL,
        "%s: %s; is this instance running, with mod_mpmstats? name its segment with --segment FILE",
        *path, strerror(errno));
    free(*path);
    *path = NULL;
    return LOCAL_FAILED;
}

local_find_e local_find(const settings_t *settings, char **path, failure_t *failure)
{
    const char *directory = getenv("APACHE_RUN_DIR");
    list_t list = { .count = 0 };

    *path = NULL;
    if (settings->segment != NULL) {
        *path = memory_copy(settings->segment);
        return LOCAL_FOUND;
    }
    if (settings->instance != NULL) {
        return find_instance(settings->instance, path, failure);
    }
    if (directory != NULL && directory[0] == '/') {
        char *file = memory_format("%s/" NAME, directory);

        add(&list, file);
        free(file);
    }
    else {
        look_in_places(&list);
    }
    return choose(&list, path, failure);
}
