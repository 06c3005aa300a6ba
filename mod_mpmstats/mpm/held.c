/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/held.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/timeouts.h"
#include "mpm/child.h"
#include "mpm/hybrid.h"
#include "mpm/inbound.h"
#include "mpm/shortage.h"

#define LOG_INTERVAL apr_time_from_sec(1)

static struct {
    int epoll_fd, limit, count;
    timeouts_t timeouts;
    conn_t *oldest, *youngest;
    apr_time_t looked;                  /* for filters that have run out of patience */
    unsigned dropped;
    apr_time_t drop_logged;
} h;

void held_init(int epoll_fd, int limit)
{
    h.epoll_fd = epoll_fd;
    h.limit = limit;
    timeouts_init(&h.timeouts);
}

int held_count(void)
{
    return h.count;
}

static void unlink_conn(conn_t *k)
{
    *(k->older ? &k->older->younger : &h.oldest) = k->younger;
    *(k->younger ? &k->younger->older : &h.youngest) = k->older;
    h.count--;
}

static void link_conn(conn_t *k)
{
    k->younger = NULL;
    k->older = h.youngest;
    *(h.youngest ? &h.youngest->younger : &h.oldest) = k;
    h.youngest = k;
    h.count++;
}

static void count_in(conn_t *k)
{
    k->kind = inbound_kind(k);
    shared_add(child.stats->connections[k->kind], 1);
}

static void count_out(const conn_t *k)
{
    shared_sub(child.stats->connections[k->kind], 1);
}

static void wait_on(conn_t *k)
{
    timeouts_remove(&k->wait);
    timeouts_add(&h.timeouts, &k->wait, inbound_patience(k), child_now());
}

static void let_go(conn_t *k)
{
    timeouts_remove(&k->wait);
    unlink_conn(k);
    count_out(k);
    epoll_ctl(h.epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
}

int held_is_ready(conn_t *k)
{
    return inbound_advance(k) == INBOUND_READY;
}

int held_keep(conn_t *k)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = k };

    if (epoll_ctl(h.epoll_fd, EPOLL_CTL_ADD, k->fd, &ev) != 0) {
        shortage_of(errno, "watch a connection");
        return 0;
    }
    link_conn(k);
    count_in(k);
    wait_on(k);
    return 1;
}

int held_event(conn_t *k)
{
    if (held_is_ready(k)) {
        let_go(k);
        return 1;
    }
    count_out(k);
    count_in(k);
    wait_on(k);
    return 0;
}

/* A filter, mod_reqtimeout's, that has run out of patience with its client. */
static conn_t *impatient(apr_time_t now)
{
    conn_t *k;

    if (conn_look_interval() == 0 || now - h.looked < conn_look_interval()) {
        return NULL;
    }
    for (k = h.oldest; k != NULL; k = k->younger) {
        if (inbound_look(k) == INBOUND_READY) {
            return k;
        }
    }
    h.looked = now;
    return NULL;
}

conn_t *held_overdue(apr_time_t now)
{
    timeouts_entry_t *e;
    conn_t *k;

    if (h.count == 0) {
        return NULL;
    }
    e = timeouts_pop_expired(&h.timeouts, now);
    if (e == NULL) {
        k = impatient(now);
        if (k != NULL) {
            let_go(k);
        }
        return k;
    }
    k = (conn_t *)((char *)e - offsetof(conn_t, wait));
    let_go(k);
    k->end = MPM_HYBRID_END_HEAD_TIMEOUT;
    inbound_give_up(k, APR_TIMEUP);
    return k;
}

static void say_dropped(void)
{
    apr_time_t now = child_now();

    h.dropped++;
    if (now - h.drop_logged < LOG_INTERVAL) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "child %d is at its limit of %d TLS connections that have not sent a whole request: "
                 "dropped %u to make room for new ones. Raise MPMMaxConnections or the limit on "
                 "open files, or lower the budgets of RequestReadTimeout",
                 (int)getpid(), h.limit, h.dropped);
    h.drop_logged = now;
    h.dropped = 0;
}

conn_t *held_to_drop(void)
{
    conn_t *k = h.oldest;

    if (h.count < h.limit || k == NULL) {
        return NULL;
    }
    let_go(k);
    shared_add(child.stats->shed, 1);
    k->end = MPM_HYBRID_END_SHED;
    say_dropped();
    return k;
}

apr_interval_time_t held_patience(apr_time_t now, apr_interval_time_t most)
{
    int64_t left = timeouts_wait(&h.timeouts, now);

    return h.count > 0 && left < most ? left : most;
}
