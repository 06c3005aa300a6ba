/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/threads/adopt.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "mpm/conn/pools.h"
#include "mpm/process/child.h"
#include "mpm/process/handover.h"
#include "mpm/process/shortage.h"
#include "mpm/threads/begin.h"
#include "mpm/threads/park.h"
#include "mpm/threads/room.h"
#include "mpm/threads/tags.h"

/* A leaf: guards `watched` and the registration in epoll. */
static pthread_mutex_t watching = PTHREAD_MUTEX_INITIALIZER;
static int watched; /* the queue is in epoll */

void adopt_watch(bool on)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = TAG_HANDOVER };
    int err = 0;

    if (handover_fd() < 0) {
        return;
    }
    pthread_mutex_lock(&watching);
    /* No EPOLLEXCLUSIVE: it could wake only a process that cannot take the connection. */
    if (watched != on
        && epoll_ctl(child.epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, handover_fd(), &ev) != 0
        && shortage_is(errno)) {
        err = errno;
        on = false; /* the ticker retries */
    }
    watched = on;
    pthread_mutex_unlock(&watching);
    if (err != 0) {
        shortage_of(err, "watch for connections of the previous generation");
    }
}

/* @a bytes has room for HANDOVER_BYTES_MAX; pages that are not written to cost nothing. */
static void take(conn_worker_t *w, apr_pool_t *pool, char *bytes)
{
    handover_t what;
    int fd = handover_receive(&what, bytes);
    apr_socket_t *sock = fd < 0 ? NULL : handover_socket(fd, pool);

    if (fd < 0 && errno != EAGAIN && errno != EPROTO) {
        /* short of descriptors, or a broken socket pair: avoid a busy loop, the ticker retries */
        adopt_watch(false);
    }
    if (sock == NULL) {
        pools_put(pool);
        return;
    }
    begin_adopted(w, pool, sock, &what, bytes);
}

void adopt_take(conn_worker_t *w)
{
    apr_pool_t *pool;
    char *bytes;

    if (handover_state() != HANDOVER_OFF) {
        return; /* a restart: the next generation takes it */
    }
    bytes = malloc(HANDOVER_BYTES_MAX);
    if (bytes == NULL || room_is_full() || pools_get(&pool) != APR_SUCCESS) {
        adopt_watch(false); /* the ticker retries */
    }
    else {
        take(w, pool, bytes);
    }
    free(bytes);
}
