/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/handoff.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mpm/process/fdpass.h"

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

    return fdpass_send(fd, client, &iov, 1);
}

int handoff_receive(int fd, handoff_t *what)
{
    struct iovec iov = { .iov_base = what, .iov_len = sizeof(*what) };
    ssize_t bytes;
    int client = fdpass_receive(fd, &iov, 1, &bytes);

    return bytes == 0 ? -2 : client;
}

int handoff_queued(int fd)
{
    int bytes = 0;

    return ioctl(fd, FIONREAD, &bytes) == 0 ? bytes / (int)sizeof(handoff_t) : 0;
}
