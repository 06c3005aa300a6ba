/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: preloaded into apache2 (LD_PRELOAD), finds descriptors that are closed twice. A number
 * that was closed is not free: it refers to a "tomb", and whoever closes it again has closed what
 * may already be somebody else's. The close is then written to the file that MPM_TEST_CLOSES names,
 * with who called it. The youngest GRAVES closed numbers are kept so.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GRAVES 128
#define FRAMES 12

/* The tomb's own number is this or the next free one, out of the way of others. */
#define TOMB_LEAST 500

/* Written by the constructor only. */
static int tomb = -1, report = -1;
static struct stat tomb_is;

/* Closed numbers plus one, the oldest is the next to be free. */
static _Atomic int graves[GRAVES];
static _Atomic unsigned next_grave;

static int really_close(int fd)
{
    return (int)syscall(SYS_close, fd);
}

static int is_tomb(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_dev == tomb_is.st_dev && st.st_ino == tomb_is.st_ino;
}

static int out_of_the_way(int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, TOMB_LEAST);

    if (fd >= 0) {
        really_close(fd);
    }
    return moved;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("MPM_TEST_CLOSES");
    void *frames[FRAMES];

    /* Not in the programs that the server runs. */
    if (path == NULL || strcmp(program_invocation_short_name, "apache2") != 0) {
        return;
    }
    (void)backtrace(frames, FRAMES); /* the first call loads a library */
    report = out_of_the_way(open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
    tomb = out_of_the_way((int)syscall(SYS_memfd_create, "tomb", MFD_CLOEXEC));
    if (tomb >= 0 && fstat(tomb, &tomb_is) != 0) {
        tomb = -1;
    }
}

static void tell(int fd, const char *what)
{
    void *frames[FRAMES];
    char line[80];
    int n = snprintf(line, sizeof(line), "process %d closes %d, which is %s\n", (int)getpid(), fd,
                     what);

    if (write(report, line, (size_t)n) == n) {
        backtrace_symbols_fd(frames, backtrace(frames, FRAMES), report);
    }
}

int close(int fd)
{
    int old, err = errno;

    if (tomb < 0 || fd < 0 || fd == tomb || fd == report) {
        return really_close(fd);
    }
    if (fcntl(fd, F_GETFD) < 0) {
        tell(fd, "not open");
        errno = EBADF;
        return -1;
    }
    if (is_tomb(fd)) {
        tell(fd, "closed already");
        errno = EBADF;
        return -1;
    }
    if (dup3(tomb, fd, O_CLOEXEC) < 0) {
        return really_close(fd);
    }
    old = atomic_exchange(&graves[atomic_fetch_add(&next_grave, 1) % GRAVES], fd + 1) - 1;
    if (old >= 0 && old != fd && is_tomb(old)) {
        really_close(old);
    }
    errno = err;
    return 0;
}
