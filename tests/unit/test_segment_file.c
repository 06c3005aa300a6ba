/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/segment_file: files are made whole or not at all, never over what is not ours, and tell
 * whether their server lives.
 */
#include "segment/file.h"
#include "segment/read.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const segment_shape_t shape = {
    .listeners = 1,
    .processes = 2,
    .vhosts = 2,
    .handlers = 2,
    .events = 4,
    .board_fields = 1,
};

static char directory[64], path[128], other[128];
static segment_place_t place = { path, 0640, (gid_t)-1 };
static segment_failure_t failure;

static void start(void)
{
    strcpy(directory, "/tmp/segment-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/file", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
}

static void stop(void)
{
    unlink(path);
    unlink(other);
    ck_assert_msg(rmdir(directory) == 0, "something is left in %s", directory);
}

static void make(segment_t *segment)
{
    ck_assert_msg(segment_create(segment, &shape, &place, 1, &failure) == SEGMENT_OK, "%s",
                  failure.text);
}

/* Nothing may be left of a failure, in the directory or in the handle. */
static void refused(segment_error_e code)
{
    segment_t segment;
    int files = 0;
    DIR *dir;

    ck_assert_int_eq(segment_create(&segment, &shape, &place, 1, &failure), code);
    ck_assert_int_eq(failure.code, code);
    ck_assert_msg(strstr(failure.text, path) != NULL, "the message names the file: %s",
                  failure.text);
    ck_assert_ptr_null(segment.base);
    ck_assert_int_eq(segment.fd, -1);
    dir = opendir(directory);
    while (readdir(dir)) {
        files++;
    }
    closedir(dir);
    ck_assert_int_le(files, 4); /* ., .., and what the test put there */
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

START_TEST(a_file_has_the_mode_asked_for_whatever_the_umask_and_its_whole_size)
{
    segment_t segment;
    struct stat st;
    mode_t old = umask(0777);

    start();
    make(&segment);
    umask(old);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0640);
    ck_assert_uint_eq((size_t)st.st_size, segment_size(&shape));
    /* no holes: no write can fail */
    ck_assert_uint_ge((size_t)st.st_blocks * 512, segment_size(&shape));
    ck_assert_int_eq(segment_permit(&segment, 0600, (gid_t)-1, &failure), SEGMENT_OK);
    stat(path, &st);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    segment_unmap(&segment);
    stop();
}
END_TEST

START_TEST(the_group_is_given_before_the_mode_and_refused_clearly)
{
    segment_t segment;
    struct stat st;

    start();
    place.group = geteuid() == 0 ? 4 : getegid();
    make(&segment);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_gid, place.group);
    ck_assert_int_eq(st.st_mode & 07777, 0640);
    segment_unmap(&segment);
    if (geteuid() != 0) {
        place.group = 0;
        refused(SEGMENT_DENIED);
    }
    place.group = (gid_t)-1;
    stop();
}
END_TEST

/*
 * A server in a process of its own, with one child, which outlives it. Returns when both are there.
 */
typedef struct {
    pid_t pid;
    int hold[2]; /* the child lives until our end of it is closed */
} server_t;

static void be_server(const server_t *server, int ready)
{
    segment_t segment;
    char c;

    close(server->hold[1]);
    if (segment_create(&segment, &shape, &place, 1, &failure) != SEGMENT_OK) {
        _exit(1);
    }
    segment_add(&segment.server->crashes, 3);
    if (fork() == 0) {
        segment_release(&segment);
        _exit(write(ready, "c", 1) == 1 && read(server->hold[0], &c, 1) == 0 ? 0 : 1);
    }
    pause();
    _exit(0);
}

static server_t start_server(void)
{
    server_t server;
    int ready[2];
    char c;

    ck_assert_int_eq(pipe(server.hold), 0);
    ck_assert_int_eq(pipe(ready), 0);
    server.pid = fork();
    if (server.pid == 0) {
        be_server(&server, ready[1]);
    }
    close(ready[1]);
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return server;
}

static void kill_server(const server_t *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}

static void end_child(const server_t *server)
{
    close(server->hold[0]);
    close(server->hold[1]);
}

static bool looks_alive(void)
{
    segment_view_t *view = segment_open(path, &failure);
    bool live;

    ck_assert_msg(view != NULL, "%s", failure.text);
    live = segment_live(view);
    segment_close(view);
    return live;
}

START_TEST(the_segment_of_a_live_server_is_not_replaced)
{
    server_t server;

    start();
    server = start_server();
    ck_assert(looks_alive());
    refused(SEGMENT_IN_USE);
    ck_assert(looks_alive());
    kill_server(&server);
    end_child(&server);
    stop();
}
END_TEST

START_TEST(children_that_outlive_the_server_do_not_make_it_look_alive)
{
    server_t server;
    segment_t segment;

    start();
    server = start_server();
    kill_server(&server);
    ck_assert(!looks_alive());
    make(&segment);
    segment_unmap(&segment);
    end_child(&server);
    stop();
}
END_TEST

START_TEST(a_segment_that_nobody_writes_to_is_replaced_and_its_reader_keeps_the_old_one)
{
    segment_t first, second;
    struct stat a, b;

    start();
    make(&first);
    segment_add(&first.server->crashes, 3);
    stat(path, &a);
    segment_release(&first);
    make(&second);
    stat(path, &b);
    ck_assert(a.st_ino != b.st_ino);
    ck_assert_uint_eq(segment_get(&second.server->crashes), 0);
    ck_assert_uint_eq(segment_get(&first.server->crashes), 3);
    segment_remove(&first); /* not its file any more */
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert(segment_in_place(&second));
    segment_remove(&second);
    ck_assert_int_ne(access(path, F_OK), 0);
    segment_unmap(&first);
    segment_unmap(&second);
    stop();
}
END_TEST

START_TEST(what_is_not_a_segment_is_not_touched)
{
    char line[16] = "";
    FILE *file;

    start();
    write_file(path, "precious\n");
    refused(SEGMENT_FOREIGN);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
    fclose(file);
    ck_assert_str_eq(line, "precious\n");
    stop();
}
END_TEST

START_TEST(an_empty_file_in_the_way_is_replaced)
{
    segment_t segment;

    start();
    write_file(path, "");
    make(&segment);
    segment_unmap(&segment);
    stop();
}
END_TEST

START_TEST(links_and_what_is_no_file_are_refused_and_not_followed)
{
    struct stat st;

    start();
    ck_assert_int_eq(symlink(other, path), 0); /* to nowhere */
    refused(SEGMENT_NOT_FILE);
    ck_assert_int_ne(access(other, F_OK), 0);
    write_file(other, "");
    refused(SEGMENT_NOT_FILE);
    stat(other, &st);
    ck_assert_int_eq(st.st_size, 0);
    unlink(path);
    unlink(other);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    refused(SEGMENT_NOT_FILE);
    rmdir(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused(SEGMENT_NOT_FILE);
    stop();
}
END_TEST

START_TEST(a_missing_directory_and_a_full_file_system_are_errors_that_leave_nothing)
{
    struct rlimit limit, small;

    start();
    place.path = "/nonexistent/directory/file";
    strcpy(other, path);
    strcpy(path, place.path);
    refused(SEGMENT_SYSTEM);
    ck_assert_int_eq(failure.error, ENOENT);
    strcpy(path, other);
    place.path = path;
    getrlimit(RLIMIT_FSIZE, &limit);
    small = limit;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    refused(SEGMENT_SYSTEM);
    setrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_DFL);
    other[0] = '\0';
    stop();
}
END_TEST

START_TEST(anonymous_memory_is_shared_with_children_and_has_no_file)
{
    segment_t segment;
    segment_place_t nowhere = { NULL, 0, (gid_t)-1 };
    pid_t pid;

    ck_assert_int_eq(segment_create(&segment, &shape, &nowhere, 1, &failure), SEGMENT_OK);
    ck_assert_int_eq(segment.fd, -1);
    pid = fork();
    if (pid == 0) {
        segment_add(&segment.server->crashes, 4);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    ck_assert_uint_eq(segment_get(&segment.server->crashes), 4);
    ck_assert(!segment_in_place(&segment));
    segment_remove(&segment);
    segment_unmap(&segment);
}
END_TEST

START_TEST(a_segment_too_large_is_refused_before_memory_is_asked_for)
{
    segment_shape_t huge = shape;
    segment_t segment;

    start();
    huge.vhosts = 100000;
    ck_assert_int_eq(segment_create(&segment, &huge, &place, 1, &failure), SEGMENT_SYSTEM);
    ck_assert_int_eq(failure.error, EFBIG);
    stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("segment_file");

    unit_add(s, "mode", a_file_has_the_mode_asked_for_whatever_the_umask_and_its_whole_size);
    unit_add(s, "group", the_group_is_given_before_the_mode_and_refused_clearly);
    unit_add(s, "in use", the_segment_of_a_live_server_is_not_replaced);
    unit_add(s, "replace",
             a_segment_that_nobody_writes_to_is_replaced_and_its_reader_keeps_the_old_one);
    unit_add(s, "foreign", what_is_not_a_segment_is_not_touched);
    unit_add(s, "empty", an_empty_file_in_the_way_is_replaced);
    unit_add(s, "links", links_and_what_is_no_file_are_refused_and_not_followed);
    unit_add(s, "errors", a_missing_directory_and_a_full_file_system_are_errors_that_leave_nothing);
    unit_add(s, "alive", children_that_outlive_the_server_do_not_make_it_look_alive);
    unit_add(s, "anonymous", anonymous_memory_is_shared_with_children_and_has_no_file);
    unit_add(s, "too large", a_segment_too_large_is_refused_before_memory_is_asked_for);
    return unit_main(s);
}
