/* SPDX-License-Identifier: Apache-2.0 */
/* Connections from one generation to the next. */
#include "mpm/process/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "apr_portable.h"
#include "base/must_hold.h"
#include "mpm/threads/accept.h"
#include "mpm/threads/child.h"
#include "mpm/conn/conn.h"
#include "mpm/module.h"
#include "mpm/conn/inbound.h"
#include "mpm/threads/park.h"
#include "mpm/conn/pools.h"
#include "mpm/process/shortage.h"
#include "mpm/conn/tags.h"

/* Room in the queue, where the system allows it: some thousand connections. */
#define QUEUE_BYTES (8 * 1024 * 1024)

/*
 * The queue may be without room for so long until what comes stays with the old generation without
 * waiting for any.
 */
#define FULL_PATIENCE apr_time_from_msec(200)

/*
 * A parent that reads its configuration for longer, once what runs has been waited for, does not
 * come back soon: the old children serve again.
 */
#define READ_MOST apr_time_from_sec(10)

/* How soon a worker in the middle of a connection notices the end of a hold. */
#define LOOK_INTERVAL apr_time_from_msec(1)

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

_Atomic int handover_now;

/* eventfd: readable from the beginning of a hold on; constant */
static int hold_fd = -1;
static _Atomic int keeps; /* nobody takes what is passed on */
/* a leaf: guards watched, and that epoll agrees */
static pthread_mutex_t watching = PTHREAD_MUTEX_INITIALIZER;
static int watched;           /* the queue is in epoll */
static apr_time_t hold_until; /* the ticker's */

/* ---- parent -------------------------------------------------------------- */

/* [0] to read, [1] to write. They outlive restarts; every child has both. */
int handover_open(int fresh)
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
        hold_until = child_now() + apr_time_from_msec(child.lane->restart_wait_ms) + READ_MOST;
        atomic_store(&handover_now, HANDOVER_HOLD);
        if (write(hold_fd, &one, sizeof(one)) < 0) {
            /*
             * None could be made: whoever waits for a client hears of it with the client's next
             * bytes.
             */
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

int handover_is_overdue(void)
{
    return handover_state() == HANDOVER_HOLD && child_now() >= hold_until;
}

/* ---- messages ------------------------------------------------------------ */

int handover_fd(void)
{
    return hybrid_retained->has_handover ? hybrid_retained->handover[0] : -1;
}

void handover_watch(int on)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = TAG_HANDOVER };
    int err = 0;

    if (handover_fd() < 0) {
        return;
    }
    pthread_mutex_lock(&watching);
    /*
     * Everybody is told of each one: they come seldom, and none is to wait for somebody who cannot
     * take it.
     */
    if (watched != on
        && epoll_ctl(child.epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, handover_fd(), &ev) != 0
        && shortage_is(errno)) {
        err = errno;
        on = 0; /* the ticker tries again */
    }
    watched = on;
    pthread_mutex_unlock(&watching);
    if (err != 0) {
        shortage_of(err, "watch for connections of the generation before");
    }
}

/* monotonic; nothing has gone into the queue since, 0: it had room */
static _Atomic apr_time_t full_since;

/* Whether the queue, which is full, has room before that has lasted for too long. */
static int wait_for_room(void)
{
    struct pollfd pfd = { .fd = hybrid_retained->handover[1], .events = POLLOUT };
    apr_time_t now = child_now(), since = 0;
    apr_interval_time_t left;

    if (atomic_compare_exchange_strong(&full_since, &since, now)) {
        since = now;
    }
    left = since + FULL_PATIENCE - now;
    return left > 0 && poll(&pfd, 1, (int)apr_time_as_msec(left) + 1) > 0;
}

static ssize_t send_one(const struct msghdr *msg)
{
    ssize_t n;

    do {
        n = sendmsg(hybrid_retained->handover[1], msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n;
}

int handover_send(int client, const handover_t *what, const char *bytes)
{
    struct iovec iov[2] = { { .iov_base = (void *)what, .iov_len = sizeof(*what) },
                            { .iov_base = (void *)bytes, .iov_len = what->bytes } };
    union control control;
    struct msghdr msg = { .msg_iov = iov,
                          .msg_iovlen = what->bytes > 0 ? 2 : 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof(control.space) };
    struct cmsghdr *c;

    if (!hybrid_retained->has_handover || handover_keeps()) {
        errno = ENOTCONN;
        return -1;
    }
    memset(&control, 0, sizeof(control));
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &client, sizeof(int));
    if (send_one(&msg) < 0
        && ((errno != EAGAIN && errno != ENOBUFS && errno != ETOOMANYREFS) || !wait_for_room()
            || send_one(&msg) < 0)) {
        return -1;
    }
    atomic_store(&full_since, 0);
    return 0;
}

static int descriptor_in(struct msghdr *msg)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    int client = -1;

    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS
        && c->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(&client, CMSG_DATA(c), sizeof(int));
    }
    return client;
}

int handover_receive(handover_t *what, char *bytes)
{
    struct iovec iov[2] = { { .iov_base = what, .iov_len = sizeof(*what) },
                            { .iov_base = bytes, .iov_len = HANDOVER_BYTES_MAX } };
    union control control;
    struct msghdr msg = {
        .msg_iov = iov,
        .msg_iovlen = 2,
        .msg_control = &control,
        /* as padded there would be room for a second one, which would stay open */
        .msg_controllen = CMSG_LEN(sizeof(int))
    };
    int room = fcntl(handover_fd(), F_DUPFD_CLOEXEC, 0);
    int client;
    ssize_t n;

    /* Without a descriptor for it the kernel would give us the message and close the connection. */
    if (room < 0) {
        return -1;
    }
    close(room);
    do {
        n = recvmsg(handover_fd(), &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        errno = n == 0 ? EPIPE : errno;
        return -1;
    }
    client = descriptor_in(&msg);
    if (client >= 0 && (n < (ssize_t)sizeof(*what) || (size_t)n != sizeof(*what) + what->bytes)) {
        close(client);
        client = -1;
    }
    errno = client < 0 ? EPROTO : 0;
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

/* ---- connections --------------------------------------------------------- */

int handover_conn(conn_t *k)
{
    handover_t what;
    char *bytes = NULL;

    if (handover_state() != HANDOVER_GIVE || k->stays || !inbound_has_heads(k)
        || !inbound_is_plain(k->c)) {
        return 0;
    }
    memset(&what, 0, sizeof(what));
    what.keepalives = k->c->keepalives;
    what.used = k->used;
    if (k->inbound != NULL && !inbound_pack(k, &what, &bytes)) {
        k->stays = 1;
        return 0;
    }
    what.deadline = what.bytes == 0 ? k->keepalive_until : 0;
    if (handover_send(k->fd, &what, bytes) != 0) {
        k->stays = 1;
        ap_log_cerror(APLOG_MARK, APLOG_DEBUG, errno, k->c,
                      "cannot pass the connection on to the next generation, it stays");
        return 0;
    }
    ap_log_cerror(APLOG_MARK, APLOG_TRACE1, 0, k->c,
                  "passed on to the next generation with %u bytes", (unsigned)what.bytes);
    k->passed_on = 1;
    k->end = MPM_HYBRID_END_STOPPING;
    return 1;
}

/*
 * With room for the bytes, of which there are mostly none: a page that is not written to costs
 * nothing.
 */
static void take_one(worker_t *w, apr_pool_t *pool, char *bytes)
{
    handover_t what;
    int fd = handover_receive(&what, bytes);
    apr_socket_t *sock = fd < 0 ? NULL : handover_socket(fd, pool);

    if (fd < 0 && errno != EAGAIN && errno != EPROTO) {
        /* short of descriptors, or the pair is broken: not told again and again */
        handover_watch(0);
    }
    if (sock == NULL) {
        pools_put(pool);
        return;
    }
    conn_adopt(w, pool, sock, &what, bytes);
}

void handover_take(worker_t *w)
{
    apr_pool_t *pool;
    char *bytes;

    if (handover_state() != HANDOVER_OFF) {
        return; /* it is for others now */
    }
    bytes = malloc(HANDOVER_BYTES_MAX);
    if (bytes == NULL || park_count() >= child.max_connections || pools_get(&pool) != APR_SUCCESS) {
        handover_watch(0); /* the ticker looks again */
    }
    else {
        take_one(w, pool, bytes);
    }
    free(bytes);
}

/*
 * For bytes: 1. 0 at the end of the time, as poll(2); -1: a hold has begun. @a quick: only look.
 */
static int wait_for_bytes(const conn_t *k, apr_interval_time_t timeout, apr_time_t until, int quick)
{
    struct pollfd fds[2] = { { .fd = k->fd, .events = POLLIN },
                             { .fd = hold_fd, .events = POLLIN } };
    /* from here on the eventfd tells */
    int watch = handover_state() == HANDOVER_OFF && hold_fd >= 0;
    int n;

    do {
        apr_interval_time_t left = until - child_now();

        n = poll(fds, watch ? 2 : 1,
                 quick             ? 0
                     : timeout < 0 ? -1
                     : left <= 0   ? 0
                                   : (int)((left + 999) / 1000));
        if (n > 0 && fds[0].revents == 0) {
            return -1;
        }
    } while (n < 0 && errno == EINTR);
    return n != 0;
}

/* In the prefork model nobody else ends a hold that is overdue. */
static int is_held(void)
{
    if (!child.lane->is_threaded && handover_is_overdue()) {
        handover_go_on();
        shared_set(child.stats->holding, 0);
    }
    return handover_state() == HANDOVER_HOLD && atomic_load(&child.stopping) != CHILD_NOW;
}

/* As wait_for_bytes(), and not before the end of a hold. */
static int wait_and_hold(const conn_t *k, apr_interval_time_t timeout, apr_time_t until)
{
    int n;

    do {
        /*
         * One that comes here during a hold is told of its end by nobody: it is to be passed on
         * then, as those that waited.
         */
        int begun = child.lane->is_threaded && handover_state() == HANDOVER_HOLD;

        shared_note_since(child.slot, k->times.worker, 0);
        n = wait_for_bytes(k, timeout, until, begun);
        if (begun && n == 0) {
            n = -1;
        }
        while (is_held()) {
            apr_sleep(LOOK_INTERVAL);
        }
        shared_note_since(child.slot, k->times.worker, child_now());
        /* A hold that began before this look has counted us as one that runs nothing. */
        atomic_thread_fence(memory_order_seq_cst);
    } while (is_held());
    return n;
}

/*
 * TLS cannot be passed on: what has come is run at once, while there is all it needs; an idle
 * connection is closed.
 */
static apr_status_t between_over_tls(const conn_t *k, apr_interval_time_t timeout, apr_time_t until)
{
    int n;

    shared_note_since(child.slot, k->times.worker, 0);
    n = handover_state() == HANDOVER_OFF ? wait_for_bytes(k, timeout, until, 0) : -1;
    if (handover_state() != HANDOVER_OFF) {
        n = wait_for_bytes(k, timeout, until, 1);
    }
    shared_note_since(child.slot, k->times.worker, child_now());
    if (n > 0) {
        return APR_SUCCESS;
    }
    return handover_state() != HANDOVER_OFF ? APR_EOF : APR_TIMEUP;
}

apr_status_t handover_between(conn_t *k, apr_interval_time_t timeout)
{
    apr_time_t until = child_now() + timeout;
    int n;

    if (!inbound_is_plain(k->c)) {
        return between_over_tls(k, timeout, until);
    }
    k->keepalive_until = timeout < 0 ? 0 : until;
    do {
        n = wait_and_hold(k, timeout, until);
        /*
         * The prefork model's next child would not know what to wait for: it gets those that have
         * sent something.
         */
        if ((n > 0 || (n < 0 && child.lane->is_threaded)) && handover_conn(k)) {
            return APR_EOF;
        }
    } while (n < 0);
    k->keepalive_until = 0; /* the next pause has a time of its own */
    return n == 0 ? APR_TIMEUP : APR_SUCCESS;
}
