/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: preloaded into apache2 (LD_PRELOAD), makes system calls fail while the server
 * runs. What fails is read from a file that is mapped into every process (faults.py writes
 * it, environment variable MPM_TEST_FAULTS names it), so a fault begins and ends at once.
 *
 * The layout is that of faults.py: an entry for each fault, `error` != 0 switches it on.
 * `pid` limits it to one process, `hits` counts how often it took effect.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    ACCEPT,
    FORK,
    THREAD,
    MEMORY,
    DISK,
    CLOCK,
    WATCH,
    LISTEN,
    SOCKETPAIR,
    NOFILE,
    NPROC,
    SEND,
    PASSING,
    WRITEV,
    MAP,
    FAULTS
};

typedef struct {
    _Atomic int32_t error; /* errno; CLOCK: anything but 0 */
    _Atomic int32_t pid;   /* 0: every process; negative: all but that */
    /* MEMORY: smallest size that fails; CLOCK: µs to add; NOFILE, NPROC: the limit */
    _Atomic int64_t amount;
    _Atomic uint64_t hits;
} fault_t;

#define SIGNALS 4096

/* Signals that any process of the server has sent with kill(2). */
typedef struct {
    _Atomic uint32_t count;
    struct {
        int32_t from, to, sig, unused;
    } sent[SIGNALS];
} signals_t;

typedef struct {
    fault_t faults[FAULTS];
    char disk[256]; /* DISK: files whose path begins so */
    signals_t signals;
} control_t;

/* Written by the constructor only. */
static control_t *control;

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("MPM_TEST_FAULTS");
    int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
    void *at;

    if (fd < 0) {
        return;
    }
    at = (void *)syscall(SYS_mmap, NULL, sizeof(control_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                         0L);
    close(fd);
    control = at == MAP_FAILED ? NULL : at;
}

/* Whether it is on, for this process. */
static int active(const fault_t *f)
{
    int pid = f->pid;

    return f->error != 0
        && (pid == 0 || (pid > 0) == ((pid > 0 ? pid : -pid) == (int)syscall(SYS_getpid)));
}

/* The error to fail with, 0 for none. */
static int fails(int which)
{
    fault_t *f;

    if (control == NULL) {
        return 0;
    }
    f = &control->faults[which];
    if (!active(f)) {
        return 0;
    }
    f->hits++;
    return f->error;
}

/* Only a process itself may change its limits, without a capability that root may lack. */
static void keep_limit(int which, int resource, rlim_t *before, int *lowered)
{
    int wanted = control != NULL && active(&control->faults[which]);
    struct rlimit lim;

    if (wanted == *lowered || getrlimit(resource, &lim) != 0) {
        return;
    }
    if (wanted) {
        *before = lim.rlim_cur;
        control->faults[which].hits++;
    }
    lim.rlim_cur = wanted ? (rlim_t)control->faults[which].amount : *before;
    setrlimit(resource, &lim);
    *lowered = wanted;
}

/* Called often enough by every process that lives: from clock_gettime. */
static void keep_limits(void)
{
    static rlim_t files, processes;
    static int files_lowered, processes_lowered;

    keep_limit(NOFILE, RLIMIT_NOFILE, &files, &files_lowered);
    keep_limit(NPROC, RLIMIT_NPROC, &processes, &processes_lowered);
}

#define FAIL_IF(which, value) \
    do { \
        int error_ = fails(which); \
        if (error_ != 0) { \
            errno = error_; \
            return value; \
        } \
    } while (0)

/*
 * ---- descriptors
 * ----------------------------------------------------------------------------------------------
 */

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    FAIL_IF(ACCEPT, -1);
    return (int)syscall(SYS_accept4, fd, addr, len, flags);
}

int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return accept4(fd, addr, len, 0);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    FAIL_IF(SOCKETPAIR, -1);
    return (int)syscall(SYS_socketpair, domain, type, protocol, fds);
}

/* Of messages: what goes to a client is written with writev(2) or sendfile(2). */
ssize_t send(int fd, const void *data, size_t size, int flags)
{
    FAIL_IF(SEND, -1);
    return (ssize_t)syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

/* Of files. */
void *mmap(void *addr, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fd >= 0) {
        FAIL_IF(MAP, MAP_FAILED);
    }
    return (void *)syscall(SYS_mmap, addr, size, protection, flags, fd, offset);
}

static int passing_fails(void)
{
    return control != NULL && active(&control->faults[PASSING]);
}

/*
 * The queue of connections for another process: full, and whoever waits for room waits in vain;
 * that is what is counted.
 */
ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    if (msg->msg_controllen > 0 && passing_fails()) {
        errno = control->faults[PASSING].error;
        return -1;
    }
    return (ssize_t)syscall(SYS_sendmsg, fd, msg, flags);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    const struct pollfd *volatile first = fds; /* glibc declares that it is written only */
    int type = 0;
    socklen_t size = sizeof(type);
    struct timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };

    if (count == 1 && first->events == POLLOUT && passing_fails()
        && getsockopt(first->fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0
        && type == SOCK_SEQPACKET) {
        control->faults[PASSING].hits++;
        nanosleep(&ts, NULL);
        return 0;
    }
    return (int)syscall(SYS_ppoll, fds, count, timeout < 0 ? NULL : &ts, NULL, 8);
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    if (op == EPOLL_CTL_ADD) {
        FAIL_IF(event->events & EPOLLEXCLUSIVE ? LISTEN : WATCH, -1);
    }
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

/*
 * ---- processes, threads
 * ---------------------------------------------------------------------------------------
 */

pid_t fork(void)
{
    pid_t (*real)(void) = next("fork");

    FAIL_IF(FORK, -1);
    return real();
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                void *) = next("pthread_create");
    int error = fails(THREAD);

    return error != 0 ? error : real(thread, attr, start, arg);
}

int kill(pid_t pid, int sig)
{
    if (control != NULL) {
        uint32_t n = control->signals.count++;

        if (n < SIGNALS) {
            control->signals.sent[n].from = (int)syscall(SYS_getpid);
            control->signals.sent[n].to = pid;
            control->signals.sent[n].sig = sig;
        }
    }
    return (int)syscall(SYS_kill, pid, sig);
}

/*
 * ---- memory
 * ----------------------------------------------------------------------------------------------------
 */

#ifndef WITHOUT_MALLOC
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static int too_much(size_t size)
{
    return control != NULL && control->faults[MEMORY].error != 0
        && size >= (size_t)control->faults[MEMORY].amount && fails(MEMORY) != 0;
}

void *malloc(size_t size)
{
    if (too_much(size)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    if (too_much(count * size)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    if (too_much(size)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(old, size);
}
#endif

/*
 * ---- the disk
 * -------------------------------------------------------------------------------------------------
 */

static int on_the_disk(int fd)
{
    char link[64], path[512];
    ssize_t n;

    if (control == NULL || control->faults[DISK].error == 0) {
        return 0;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0) {
        return 0;
    }
    path[n] = '\0';
    return strncmp(path, control->disk, strlen(control->disk)) == 0;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (on_the_disk(fd)) {
        FAIL_IF(DISK, -1);
    }
    return syscall(SYS_write, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    FAIL_IF(WRITEV, -1);
    if (on_the_disk(fd)) {
        FAIL_IF(DISK, -1);
    }
    return syscall(SYS_writev, fd, parts, count);
}

int fstatvfs(int fd, struct statvfs *fs)
{
    int (*real)(int, struct statvfs *) = next("fstatvfs");
    int rc = real(fd, fs);

    if (rc == 0 && on_the_disk(fd) && fails(DISK) != 0) {
        fs->f_bavail = fs->f_bfree = 0;
    }
    return rc;
}

int fstatvfs64(int fd, struct statvfs64 *fs)
{
    int (*real)(int, struct statvfs64 *) = next("fstatvfs64");
    int rc = real(fd, fs);

    if (rc == 0 && on_the_disk(fd) && fails(DISK) != 0) {
        fs->f_bavail = fs->f_bfree = 0;
    }
    return rc;
}

/*
 * ---- the wall clock
 * -------------------------------------------------------------------------------------------
 */

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    static int (*real)(clockid_t, struct timespec *);
    struct timespec ts;
    int64_t us;

    (void)zone;
    if (real == NULL) {
        real = next("clock_gettime");
    }
    if (real(CLOCK_REALTIME, &ts) != 0) {
        return -1;
    }
    us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
    if (fails(CLOCK)) {
        us += control->faults[CLOCK].amount;
    }
    tv->tv_sec = us / 1000000;
    tv->tv_usec = us % 1000000;
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    static int (*real)(clockid_t, struct timespec *);

    if (real == NULL) {
        real = next("clock_gettime");
    }
    if (real(clock, ts) != 0) {
        return -1;
    }
    keep_limits();
    if (clock == CLOCK_REALTIME && fails(CLOCK)) {
        ts->tv_sec += control->faults[CLOCK].amount / 1000000;
    }
    return 0;
}

time_t time(time_t *out)
{
    struct timeval tv;

    gettimeofday(&tv, NULL);
    if (out != NULL) {
        *out = tv.tv_sec;
    }
    return tv.tv_sec;
}
