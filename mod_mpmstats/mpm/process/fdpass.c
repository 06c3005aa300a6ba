/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/fdpass.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

int fdpass_send(int fd, int client, const struct iovec *iov, int parts)
{
    union control control;
    struct msghdr msg = { .msg_iov = (struct iovec *)iov,
                          .msg_iovlen = (size_t)parts,
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

static int descriptor_in(struct msghdr *msg)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    int client = -1;

    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS
        && c->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&client, CMSG_DATA(c), sizeof(int));
    }
    else {
        errno = EPROTO;
    }
    return client;
}

/* Without a free descriptor recvmsg() would deliver the message and close the connection. */
static bool has_room(int fd)
{
    int room = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (room < 0) {
        return false;
    }
    close(room);
    return true;
}

int fdpass_receive(int fd, struct iovec *iov, int parts, ssize_t *bytes)
{
    union control control;
    /* sizeof(control) has padding for a second descriptor, which would leak. */
    struct msghdr msg = { .msg_iov = iov,
                          .msg_iovlen = (size_t)parts,
                          .msg_control = &control,
                          .msg_controllen = CMSG_LEN(sizeof(int)) };

    *bytes = -1;
    if (!has_room(fd)) {
        return -1;
    }
    do {
        *bytes = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (*bytes < 0 && errno == EINTR);
    return *bytes <= 0 ? -1 : descriptor_in(&msg);
}
