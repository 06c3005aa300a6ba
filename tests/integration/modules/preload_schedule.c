/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: preloaded into apache2 (LD_PRELOAD), makes threads late at the places where what they
 * have learnt can become untrue: before a lock is taken, after it is given back, after
 * epoll_wait(), ppoll() or accept() has returned, and before something is sent. How often and for
 * how long is read from a file that is mapped into every process (schedule.py writes it,
 * environment variable MPM_TEST_SCHEDULE names it).
 *
 * The delays of a thread are drawn from the seed and its number within the process, so a run with
 * the same seed draws the same; what meets them depends on the kernel.
 *
 * `small_sockets` gives Unix socket pairs the smallest buffers there are, so that they are full
 * soon.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LOCK, UNLOCK, WAIT, POLL, ACCEPT, SEND, SITES };

typedef struct {
    _Atomic uint32_t permille; /* of the calls that are delayed; 0: off */
    _Atomic uint32_t longest_us;
    _Atomic uint64_t hits;
} site_t;

typedef struct {
    site_t sites[SITES];
    _Atomic uint64_t seed;
    _Atomic int32_t only_in; /* the one process that is late; 0: each */
    _Atomic int32_t small_sockets;
} control_t;

/* Written by the constructor only. */
static control_t *control;
static int (*really_lock)(pthread_mutex_t *);
static int (*really_unlock)(pthread_mutex_t *);
/* another shim's, where there is one */
static int (*really_accept4)(int, struct sockaddr *, socklen_t *, int);

static _Atomic uint64_t threads;
static _Thread_local uint64_t dice;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("MPM_TEST_SCHEDULE");
    int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
    void *at = MAP_FAILED;

    *(void **)&really_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    *(void **)&really_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    *(void **)&really_accept4 = dlsym(RTLD_NEXT, "accept4");
    if (fd >= 0) {
        at = (void *)syscall(SYS_mmap, NULL, sizeof(control_t), PROT_READ | PROT_WRITE, MAP_SHARED,
                             fd, 0L);
        close(fd);
    }
    control = at == MAP_FAILED ? NULL : at;
}

/* xorshift64*, begun by the seed and the thread's number. */
static uint64_t draw(void)
{
    if (dice == 0) {
        dice = (control->seed + ++threads * 0x9E3779B97F4A7C15u) | 1;
    }
    dice ^= dice >> 12;
    dice ^= dice << 25;
    dice ^= dice >> 27;
    return (dice * 0x2545F4914F6CDD1Du) >> 16;
}

static void maybe_late(int which)
{
    struct timespec ts = { 0 };
    site_t *site;
    uint32_t permille, longest;
    uint64_t us;
    int err = errno;

    if (control == NULL || (permille = control->sites[which].permille) == 0
        || (control->only_in != 0 && control->only_in != (int)syscall(SYS_getpid))) {
        return;
    }
    site = &control->sites[which];
    longest = site->longest_us;
    if (draw() % 1000 < permille && longest > 0) {
        site->hits++;
        us = 1 + draw() % longest;
        ts.tv_sec = (time_t)(us / 1000000);
        ts.tv_nsec = (long)(us % 1000000) * 1000;
        while (syscall(SYS_nanosleep, &ts, &ts) != 0 && errno == EINTR) {
            /* a signal: it stays as late as it was to be */
        }
    }
    errno = err;
}

/*
 * ---- where threads are late
 * -------------------------------------------------------------------------------------
 */

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    maybe_late(LOCK);
    return really_lock(mutex);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int rc = really_unlock(mutex);

    maybe_late(UNLOCK);
    return rc;
}

int epoll_wait(int epfd, struct epoll_event *events, int most, int timeout)
{
    int n = (int)syscall(SYS_epoll_pwait, epfd, events, most, timeout, NULL, 8);

    if (n > 0) {
        maybe_late(WAIT);
    }
    return n;
}

int epoll_pwait(int epfd, struct epoll_event *events, int most, int timeout, const sigset_t *mask)
{
    int n = (int)syscall(SYS_epoll_pwait, epfd, events, most, timeout, mask, 8);

    if (n > 0) {
        maybe_late(WAIT);
    }
    return n;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    /* the kernel writes into it */
    struct timespec left = timeout != NULL ? *timeout : (struct timespec){ 0 };
    int n = (int)syscall(SYS_ppoll, fds, count, timeout != NULL ? &left : NULL, mask, 8);

    maybe_late(POLL);
    return n;
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
    int client = really_accept4(fd, addr, len, flags);

    if (client >= 0) {
        maybe_late(ACCEPT);
    }
    return client;
}

int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
    return accept4(fd, addr, len, 0);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    maybe_late(SEND);
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t write(int fd, const void *data, size_t size)
{
    maybe_late(SEND);
    return syscall(SYS_write, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    maybe_late(SEND);
    return syscall(SYS_writev, fd, parts, count);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    int rc = (int)syscall(SYS_socketpair, domain, type, protocol, fds), least = 1;

    if (rc == 0 && control != NULL && control->small_sockets) {
        setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
        setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
    }
    return rc;
}
