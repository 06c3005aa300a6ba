/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the control command with httpd's own arguments, which apachectl passes on, so
 * either program works.
 */
#include "tune/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/memory.h"
#include "tune/sampler.h"

#define PATIENCE_S 60
#define OUTPUT_MOST 600 /* bytes of its output in messages */

static bool is_there(const char *name)
{
    static const char *const directories[] = { "/usr/sbin", "/usr/local/sbin", "/usr/bin",
                                               "/usr/local/bin", "/usr/local/apache2/bin" };

    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        char *path = memory_format("%s/%s", directories[i], name);
        bool there = access(path, X_OK) == 0;

        free(path);
        if (there) {
            return true;
        }
    }
    return false;
}

bool control_open(control_t *control, const char *command, failure_t *failure)
{
    static const char *const names[] = { "apachectl", "apache2ctl", "httpd" };

    control->command = NULL;
    if (command != NULL) {
        control->command = memory_copy(command);
    }
    for (size_t i = 0; control->command == NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (is_there(names[i])) {
            control->command = memory_copy(names[i]);
        }
    }
    return control->command != NULL
        || failure_set(failure, RC_LOCAL,
                       "there is no apachectl here; name the command with --apachectl");
}

void control_close(control_t *control)
{
    free(control->command);
    control->command = NULL;
}

/* In its own process group: Ctrl-C reaches only this program, and a timeout kills the group. */
static bool start(const control_t *control, const char *const *arguments, int output, pid_t *pid)
{
    const char *argv[16] = { "sh", "-c", NULL, "sh" };
    char *line = memory_format("PATH=$PATH:/usr/sbin:/usr/local/sbin:/sbin; %s \"$@\"",
                               control->command);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error;

    argv[2] = line;
    for (size_t i = 0; arguments[i] != NULL && i + 5 < sizeof(argv) / sizeof(argv[0]); i++) {
        argv[4 + i] = arguments[i];
    }
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    error = posix_spawn(pid, "/bin/sh", &files, &attributes, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(line);
    errno = error;
    return error == 0;
}

/* The exit code; -1: killed after the timeout. */
static int await(pid_t pid)
{
    const struct timespec moment = { .tv_nsec = 10000000 };
    double until = sampler_clock() + PATIENCE_S;
    int status;

    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);

        if (ended == pid) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (sampler_clock() > until) {
            break;
        }
        nanosleep(&moment, NULL);
    }
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

/* The output on one line. */
static char *said(int output)
{
    char *text = memory_get(OUTPUT_MOST + 1, 1);
    ssize_t length = pread(output, text, OUTPUT_MOST, 0);

    text[length > 0 ? length : 0] = '\0';
    for (char *at = text; (at = strchr(at, '\n')) != NULL;) {
        *at = at[1] == '\0' ? '\0' : ' ';
    }
    return text;
}

static bool run(const control_t *control, const char *const *arguments, const char *what,
                failure_t *failure)
{
    int output = memfd_create("output", MFD_CLOEXEC), code;
    char *text;
    pid_t pid;

    if (output < 0 || !start(control, arguments, output, &pid)) {
        failure_set(failure, RC_LOCAL, "cannot run %s: %s", control->command, strerror(errno));
        if (output >= 0) {
            close(output);
        }
        return false;
    }
    code = await(pid);
    text = said(output);
    close(output);
    if (code < 0) {
        failure_set(failure, RC_LOCAL, "%s did not end within %d s: %s %s", what, PATIENCE_S,
                    control->command, arguments[0]);
    }
    else if (code != 0) {
        failure_set(failure, RC_LOCAL, "%s failed (exit code %d of %s): %s", what, code,
                    control->command, text);
    }
    free(text);
    return code == 0;
}

bool control_test(const control_t *control, const char *more, failure_t *failure)
{
    char *include = more == NULL ? NULL : memory_format("Include \"%s\"", more);
    const char *const plain[] = { "-t", NULL }, *const with[] = { "-t", "-c", include, NULL };
    bool valid = run(control, more == NULL ? plain : with, "the configuration test", failure);

    free(include);
    return valid;
}

bool control_graceful(const control_t *control, failure_t *failure)
{
    static const char *const arguments[] = { "-k", "graceful", NULL };

    return run(control, arguments, "the graceful restart", failure);
}
