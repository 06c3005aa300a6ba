/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lingering close. The response has been written before (conn.c sees to that);
 * what the filters still add, such as TLS's close_notify, is written if the
 * socket takes it at once, and is not waited for.
 */
#include "mpm/conn/linger.h"

#include "http_connection.h"
#include "mpm/threads/child.h"
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
    k->linger_until = child_now() + (is_short ? LINGER_SHORT_TIME : LINGER_NORMAL_TIME);
    return LINGER_WAIT;
}

static linger_e drain(conn_t *k)
{
    char buf[16 * 1024];
    apr_status_t rv;
    int rounds;

    /* A client that sends without end must not keep the worker. */
    for (rounds = 0; rounds < 64; rounds++) {
        apr_size_t n = sizeof(buf);

        rv = apr_socket_recv(k->sock, buf, &n);
        if (APR_STATUS_IS_EAGAIN(rv)) {
            return LINGER_WAIT;
        }
        if (rv != APR_SUCCESS) {
            return LINGER_OVER;
        }
    }
    return LINGER_WAIT;
}

linger_e linger_step(conn_t *k)
{
    if (!k->linger_started && begin(k) == LINGER_OVER) {
        return LINGER_OVER;
    }
    if (linger_time_left(k) <= 0) {
        return LINGER_OVER;
    }
    return drain(k);
}

apr_interval_time_t linger_time_left(const conn_t *k)
{
    return k->linger_until - child_now();
}
