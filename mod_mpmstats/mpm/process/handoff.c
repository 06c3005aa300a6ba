/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors through a Unix socket. */
#include "mpm/process/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

void handoff_none(handoff_pairs_t *pairs)
{
    memset(pairs, -1, sizeof(*pairs));
}

static void close_pair(int pair[2])
{
    if (pair[0] >= 0) {
        close(pair[0]);
    }
    if (pair[1] >= 0) {
        close(pair[1]);
    }
}

void handoff_close(handoff_pairs_t *pairs)
{
    close_pair(pairs->ready);
    close_pair(pairs->waiting);
    close_pair(pairs->lingering);
    handoff_none(pairs);
}

void handoff_take(handoff_pairs_t *to, handoff_pairs_t *from)
{
    *to = *from;
    handoff_none(from);
}

int handoff_open(handoff_pairs_t *pairs)
{
    static const int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int err;

    handoff_none(pairs);
    if (socketpair(AF_UNIX, type, 0, pairs->ready) == 0
        && socketpair(AF_UNIX, type, 0, pairs->waiting) == 0
        && socketpair(AF_UNIX, type, 0, pairs->lingering) == 0) {
        return 0;
    }
    err = errno;
    handoff_close(pairs);
    errno = err;
    return -1;
}

int handoff_send(int fd, int client, const handoff_t *what)
{
    struct iovec iov = { .iov_base = (void *)what, .iov_len = sizeof(*what) };
    union control control;
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof(control.space) };
    struct cmsghdr *c;
    ssize_t n;

    memset(&control, 0, sizeof(control));
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &client, sizeof(int));
    do {
        n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

int handoff_receive(int fd, handoff_t *what)
{
    struct iovec iov = { .iov_base = what, .iov_len = sizeof(*what) };
    union control control;
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        /* as padded there would be room for a second one, which would stay open */
        .msg_controllen = CMSG_LEN(sizeof(int))
    };
    struct cmsghdr *c;
    int client = -1;
    ssize_t n;
    int room = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    /* Without a descriptor for it the kernel would give us the message and close the connection. */
    if (room < 0) {
        return -1;
    }
    close(room);
    do {
        n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n == 0) {
        return -2;
    }
    if (n < 0) {
        return -1;
    }
    c = CMSG_FIRSTHDR(&msg);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS
        && c->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&client, CMSG_DATA(c), sizeof(int));
    }
    else {
        errno = EPROTO;
    }
    return client;
}

int handoff_queued(int fd)
{
    int bytes = 0;

    return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes / (int)sizeof(handoff_t) : 0;
}
