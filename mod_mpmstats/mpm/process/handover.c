/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/handover.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "apr_portable.h"
#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/process/fdpass.h"
#include "mpm/module.h"

/* Size of the queue where the system allows it: some thousand connections. */
#define QUEUE_BYTES (8 * 1024 * 1024)

/*
 * Once the queue has been full for this time, connections stay with the old generation without a
 * further wait.
 */
#define FULL_PATIENCE apr_time_from_msec(200)

/*
 * Time for the parent to read its configuration, added to restart_wait_ms; after that the old
 * children serve again.
 */
#define READ_MOST apr_time_from_sec(10)

_Atomic int handover_now;

static int hold_fd = -1;      /* handover_hold_fd(); constant after handover_child_init() */
static _Atomic int keeps;     /* handover_keep() was called */
static apr_time_t hold_until; /* used by the ticker only */

/* ---- parent -------------------------------------------------------------- */

/* [0] to read, [1] to write. Both outlive restarts, and every child has both. */
int handover_open(bool fresh)
{
    int *pair = hybrid_retained->handover;
    int size = QUEUE_BYTES;

    if (hybrid_retained->has_handover && fresh) {
        close(pair[0]);
        close(pair[1]);
        hybrid_retained->has_handover = 0;
    }
    if (hybrid_retained->has_handover) {
        return 0;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return -1;
    }
    if (setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0) {
        setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
    hybrid_retained->has_handover = 1;
    return 0;
}

/* ---- what may be begun --------------------------------------------------- */

void handover_child_init(void)
{
    hold_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

void handover_hold(void)
{
    uint64_t one = 1;

    if (handover_state() == HANDOVER_OFF) {
        hold_until = clock_now() + apr_time_from_msec(child.lane->restart_wait_ms) + READ_MOST;
        atomic_store(&handover_now, HANDOVER_HOLD);
        if (write(hold_fd, &one, sizeof(one)) < 0) {
            /* No eventfd: a worker that waits for a client sees the hold with the next bytes. */
        }
    }
}

void handover_go_on(void)
{
    uint64_t n;

    if (handover_state() == HANDOVER_HOLD) {
        if (read(hold_fd, &n, sizeof(n)) < 0) {
            /* As above. */
        }
        atomic_store(&handover_now, HANDOVER_OFF);
    }
}

void handover_give(void)
{
    if (handover_state() == HANDOVER_HOLD) {
        atomic_store(&handover_now, HANDOVER_GIVE);
    }
}

void handover_keep(void)
{
    atomic_store(&keeps, 1);
}

int handover_keeps(void)
{
    return atomic_load(&keeps);
}

bool handover_is_overdue(void)
{
    return handover_state() == HANDOVER_HOLD && clock_now() >= hold_until;
}

int handover_hold_fd(void)
{
    return hold_fd;
}

/* ---- messages ------------------------------------------------------------ */

int handover_fd(void)
{
    return hybrid_retained->has_handover ? hybrid_retained->handover[0] : -1;
}

/* monotonic; since when the queue has been full, 0: it has room */
static _Atomic apr_time_t full_since;

/* Wait until the full queue has room, at most until it has been full for FULL_PATIENCE. */
static bool wait_for_room(void)
{
    struct pollfd pfd = { .fd = hybrid_retained->handover[1], .events = POLLOUT };
    apr_time_t now = clock_now(), since = 0;
    apr_interval_time_t left;

    if (atomic_compare_exchange_strong(&full_since, &since, now)) {
        since = now;
    }
    left = since + FULL_PATIENCE - now;
    return left > 0 && poll(&pfd, 1, (int)apr_time_as_msec(left) + 1) > 0;
}

int handover_send(int client, const handover_t *what, const char *bytes)
{
    struct iovec iov[2] = { { .iov_base = (void *)what, .iov_len = sizeof(*what) },
                            { .iov_base = (void *)bytes, .iov_len = what->bytes } };
    int parts = what->bytes > 0 ? 2 : 1;
    int fd = hybrid_retained->handover[1];

    if (!hybrid_retained->has_handover || handover_keeps()) {
        errno = ENOTCONN;
        return -1;
    }
    if (fdpass_send(fd, client, iov, parts) != 0
        && ((errno != EAGAIN && errno != ENOBUFS && errno != ETOOMANYREFS) || !wait_for_room()
            || fdpass_send(fd, client, iov, parts) != 0)) {
        return -1;
    }
    atomic_store(&full_since, 0);
    return 0;
}

int handover_receive(handover_t *what, char *bytes)
{
    struct iovec iov[2] = { { .iov_base = what, .iov_len = sizeof(*what) },
                            { .iov_base = bytes, .iov_len = HANDOVER_BYTES_MAX } };
    ssize_t n;
    int client = fdpass_receive(handover_fd(), iov, 2, &n);

    if (n == 0) {
        errno = EPIPE;
    }
    if (client >= 0 && (n < (ssize_t)sizeof(*what) || (size_t)n != sizeof(*what) + what->bytes)) {
        close(client);
        errno = EPROTO;
        client = -1;
    }
    return client;
}

apr_socket_t *handover_socket(int fd, apr_pool_t *pool)
{
    apr_os_sock_info_t info;
    struct sockaddr_storage local, remote;
    socklen_t local_len = sizeof(local), remote_len = sizeof(remote);
    apr_socket_t *sock = NULL;

    memset(&info, 0, sizeof(info));
    info.os_sock = &fd;
    info.type = SOCK_STREAM;
    info.protocol = APR_PROTO_TCP;
    info.local = (struct sockaddr *)&local;
    info.remote = (struct sockaddr *)&remote;
    if (getsockname(fd, info.local, &local_len) == 0
        && getpeername(fd, info.remote, &remote_len) == 0) {
        info.family = local.ss_family;
        if (apr_os_sock_make(&sock, &info, pool) == APR_SUCCESS) {
            return sock;
        }
    }
    close(fd);
    return NULL;
}
