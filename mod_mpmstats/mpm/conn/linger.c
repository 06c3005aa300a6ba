/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lingering close. steps.c has flushed the response before. Bytes that the
 * filters add, such as TLS's close_notify, are written only if the socket
 * accepts them at once.
 */
#include "mpm/conn/linger.h"

#include <errno.h>
#include <sys/socket.h>

#include "http_connection.h"
#include "base/clock.h"
#include "mpm/process/child.h"
#include "mpm/module.h"

static linger_e begin(conn_t *k)
{
    conn_rec *c = k->c;
    int is_short;

    k->pub.state = CONN_STATE_LINGER;
    k->linger_started = 1;
    apr_socket_timeout_set(k->sock, 0);
    if (ap_start_lingering_close(c)) {
        return LINGER_OVER;
    }
    is_short = atomic_load(&child.stopping) != CHILD_RUNNING
        || apr_table_get(c->notes, "short-lingering-close") != NULL;
    k->pub.state = is_short ? CONN_STATE_LINGER_SHORT : CONN_STATE_LINGER_NORMAL;
    k->linger_until = clock_now() + (is_short ? LINGER_SHORT_TIME : LINGER_NORMAL_TIME);
    return LINGER_WAIT;
}

linger_e linger_drain(int fd)
{
    char buf[16 * 1024];
    int rounds;

    /* Bounded: a client may send without end. */
    for (rounds = 0; rounds < 64; rounds++) {
        ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN) {
            return LINGER_WAIT;
        }
        if (n == 0 || (n < 0 && errno != EINTR)) {
            return LINGER_OVER;
        }
    }
    return LINGER_MORE;
}

linger_e linger_step(conn_t *k)
{
    if (!k->linger_started && begin(k) == LINGER_OVER) {
        return LINGER_OVER;
    }
    if (linger_time_left(k) <= 0) {
        return LINGER_OVER;
    }
    return linger_drain(k->fd) == LINGER_OVER ? LINGER_OVER : LINGER_WAIT;
}

apr_interval_time_t linger_time_left(const conn_t *k)
{
    return k->linger_until - clock_now();
}
