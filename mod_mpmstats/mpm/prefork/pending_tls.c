/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/prefork/pending_tls.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/timeouts.h"
#include "mpm/process/child.h"
#include "mpm/module.h"
#include "mpm/conn/counted.h"
#include "mpm/conn/heads.h"
#include "mpm/conn/inbound.h"
#include "mpm/process/rarely.h"
#include "mpm/process/shortage.h"

static struct {
    int epoll_fd, limit, count;
    timeouts_t timeouts;
    apr_time_t looked; /* last check of impatient() */
} h;

void pending_tls_init(int epoll_fd, int limit)
{
    h.epoll_fd = epoll_fd;
    h.limit = limit;
    timeouts_init(&h.timeouts);
}

int pending_tls_count(void)
{
    return h.count;
}

static void note(conn_t *k)
{
    counted_in(k, inbound_kind(k));
    heads_hold(k, inbound_held(k));
}

static void wait_on(conn_t *k)
{
    timeouts_remove(&k->wait);
    timeouts_add(&h.timeouts, &k->wait, inbound_patience(k), clock_now());
}

static void let_go(conn_t *k)
{
    timeouts_remove(&k->wait);
    heads_leave(k);
    h.count--;
    counted_out(k);
    epoll_ctl(h.epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
}

bool pending_tls_is_ready(conn_t *k)
{
    return inbound_advance(k) == INBOUND_READY;
}

bool pending_tls_keep(conn_t *k)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = k };

    if (epoll_ctl(h.epoll_fd, EPOLL_CTL_ADD, k->fd, &ev) != 0) {
        shortage_of(errno, "watch a connection");
        return false;
    }
    heads_enter(k);
    h.count++;
    note(k);
    wait_on(k);
    return true;
}

bool pending_tls_event(conn_t *k)
{
    if (pending_tls_is_ready(k)) {
        let_go(k);
        return true;
    }
    counted_out(k);
    note(k);
    wait_on(k);
    return false;
}

/* A connection whose input filter (mod_reqtimeout's) has timed out. */
static conn_t *impatient(apr_time_t now)
{
    conn_t *k;

    if (inbound_look_interval() == 0 || now - h.looked < inbound_look_interval()) {
        return NULL;
    }
    for (k = heads_oldest(); k != NULL; k = k->younger) {
        if (inbound_look(k) == INBOUND_READY) {
            return k;
        }
    }
    h.looked = now;
    return NULL;
}

conn_t *pending_tls_overdue(apr_time_t now)
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
    k->end = inbound_kind(k) == MPM_HYBRID_CONN_BODY ? MPM_HYBRID_END_BODY_TIMEOUT
                                                     : MPM_HYBRID_END_HEAD_TIMEOUT;
    inbound_give_up(k, APR_TIMEUP);
    return k;
}

static void say_dropped(void)
{
    static rarely_t dropped;
    unsigned n = rarely_say(&dropped);

    if (n > 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "child %d is at its limit of %d TLS connections that have not sent a whole "
                     "request, or of MPMHeadMemory (%" APR_INT64_T_FMT " bytes) for them: dropped "
                     "%u. Raise MPMMaxConnections, the limit on open files or MPMHeadMemory, or "
                     "lower the budgets of RequestReadTimeout",
                     (int)getpid(), h.limit, child.lane->head_memory, n);
    }
}

static conn_t *drop(conn_t *k)
{
    let_go(k);
    shared_add(child.stats->shed, 1);
    k->end = MPM_HYBRID_END_SHED;
    say_dropped();
    return k;
}

conn_t *pending_tls_to_drop(void)
{
    conn_t *k = heads_oldest();

    return h.count < h.limit || k == NULL ? NULL : drop(k);
}

conn_t *held_over_budget(void)
{
    conn_t *most;

    if (child.lane->head_memory <= 0 || heads_bytes() <= child.lane->head_memory) {
        return NULL;
    }
    most = heads_largest(NULL);
    return most == NULL ? NULL : drop(most);
}

apr_interval_time_t pending_tls_patience(apr_time_t now, apr_interval_time_t most)
{
    int64_t left = timeouts_wait(&h.timeouts, now);

    return h.count > 0 && left < most ? left : most;
}
