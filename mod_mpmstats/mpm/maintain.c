/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the right number of children.
 *
 * The numbers of busy workers come from memory the children write: they are
 * clamped to what can be, and only ever compared. How many connections wait to
 * be accepted comes from the kernel.
 */
#include "mpm/maintain.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "apr_portable.h"
#include "ap_listen.h"
#include "mpm_common.h"
#include "mpm/child.h"
#include "mpm/hybrid.h"
#include "mpm/procs.h"
#include "mpm/shared.h"

#define HOUSEKEEPING apr_time_from_sec(1)

/* More idle workers than MaxSpareThreads for this long: one process goes. */
#define SURPLUS_TIME apr_time_from_sec(10)

/* After a child that crashed or found no resources the next waits, longer each time. */
#define FIRST_DELAY apr_time_from_msec(50)
#define LONGEST_DELAY apr_time_from_sec(10)

/* A child may crash at once this often before its successors are delayed. */
#define CRASHES_FREE 3

/* No crash for so long: all is well again. */
#define HEALTHY_TIME apr_time_from_sec(30)

/* At the limit: said when it begins, and not again for so long. */
#define LIMIT_LOG_INTERVAL apr_time_from_sec(60)

/* All of it belongs to the parent's only thread; maintain_start sets it for a run. */
static struct {
    const lane_t *lane;
    int help_fd;
    int help_asked;
    int old_to_tell;            /* older generations have not been told yet */
    int first_left;             /* of StartServers */
    apr_time_t surplus_since;
    apr_time_t not_before;      /* no child is started earlier */
    apr_time_t last_crash;
    int crashes;
    apr_time_t limit_logged;
    int slots_logged;
} m;

/* ---- looking ------------------------------------------------------------ */

typedef struct {
    int active;                 /* processes that accept */
    int idle;                   /* workers they have or may create, and that are not busy */
    int backlog;                /* connections nobody has accepted */
    int quietest;               /* slot of the process with the fewest connections */
} view_t;

static int backlog(void)
{
    ap_listen_rec *lr;
    int n = 0;

    for (lr = ap_listeners; lr != NULL; lr = lr->next) {
        struct tcp_info info;
        socklen_t len = sizeof(info);
        apr_os_sock_t fd;

        /* For a listening socket tcpi_unacked is the length of its accept queue. */
        if (apr_os_sock_get(&fd, lr->sd) == APR_SUCCESS
            && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0
            && info.tcpi_state == TCP_LISTEN) {
            n += (int)info.tcpi_unacked;
        }
    }
    return n;
}

static unsigned connections(int slot)
{
    const shared_process_t *p = &hybrid_retained->shared->process[slot];
    unsigned n = 0;
    int i;

    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        n += shared_get(p->connections[i]);
    }
    return n;
}

static view_t look(void)
{
    view_t v = { 0, 0, 0, -1 };
    unsigned fewest = 0;
    int slot;

    for (slot = 0; slot < m.lane->slots; slot++) {
        apr_uint32_t busy;

        if (procs_accepting(slot) == 0) {
            continue;
        }
        busy = shared_get(hybrid_retained->shared->process[slot].workers_busy);
        v.active++;
        if (busy < (apr_uint32_t)m.lane->threads_per_child) {
            v.idle += m.lane->threads_per_child - (int)busy;
        }
        if (v.quietest < 0 || connections(slot) < fewest) {
            v.quietest = slot;
            fewest = connections(slot);
        }
    }
    if (v.idle < m.lane->min_spare_threads) {
        v.backlog = backlog();
    }
    return v;
}

/* ---- deciding ----------------------------------------------------------- */

static int children_wanted(const view_t *v)
{
    int per_child = m.lane->threads_per_child;
    int missing = m.lane->min_spare_threads - v->idle + v->backlog;
    int wanted = missing > 0 ? (missing + per_child - 1) / per_child : 0;
    int room = m.lane->max_processes - v->active;

    if (wanted < m.first_left) {
        wanted = m.first_left;
    }
    if (v->active == 0 && wanted == 0) {
        wanted = 1;
    }
    return wanted < room ? wanted : room;
}

static void say_if_at_limit(const view_t *v, apr_time_t now)
{
    if (v->active < m.lane->max_processes || v->idle > 0) {
        return;
    }
    if (m.limit_logged != 0 && now - m.limit_logged < LIMIT_LOG_INTERVAL) {
        return;
    }
    m.limit_logged = now;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "server reached MaxRequestWorkers setting (%d), %d connections wait to be "
                 "accepted, consider raising the MaxRequestWorkers setting",
                 m.lane->max_request_workers, backlog());
}

static int start_children(int wanted)
{
    int started = 0;

    while (started < wanted) {
        if (procs_free_slots() == 0) {
            if (!m.slots_logged) {
                m.slots_logged = 1;
                ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                             "all %d process slots are in use by children that are finishing; "
                             "no new child until one of them has gone. Increase ServerLimit.",
                             m.lane->slots);
            }
            return started;
        }
        if (procs_start(m.lane, m.help_fd) < 0) {
            maintain_child_ended(1, 0, 1);
            return started;
        }
        started++;
    }
    m.slots_logged = 0;
    return started;
}

static void retire_if_surplus(const view_t *v, apr_time_t now)
{
    int surplus = v->active > 1 && m.first_left == 0
        && v->idle - m.lane->threads_per_child >= m.lane->min_spare_threads
        && v->idle > m.lane->max_spare_threads;

    if (!surplus) {
        m.surplus_since = 0;
        return;
    }
    if (m.surplus_since == 0) {
        m.surplus_since = now;
    }
    /* One at a time: the one that is leaving still serves its connections. */
    if (now - m.surplus_since >= SURPLUS_TIME && procs_total() == v->active) {
        m.surplus_since = now;
        procs_tell(v->quietest, PROCS_TELL_GRACEFUL);
    }
}

static void tell_old_generations(void)
{
    int slot;

    m.old_to_tell = 0;
    for (slot = 0; slot < m.lane->slots; slot++) {
        if (procs_accepting(slot) == 0) {
            procs_tell(slot, PROCS_TELL_GRACEFUL);
        }
    }
}

apr_interval_time_t maintain_run(apr_time_t now)
{
    view_t v = look();
    int wanted = children_wanted(&v);

    if (m.last_crash != 0 && now - m.last_crash > HEALTHY_TIME) {
        m.last_crash = 0;
        m.crashes = 0;
    }
    m.help_asked = 0;
    if (wanted > 0 && now < m.not_before) {
        return m.not_before - now;
    }
    if (wanted > 0) {
        int started = start_children(wanted);

        m.first_left = started < m.first_left ? m.first_left - started : 0;
    }
    else {
        say_if_at_limit(&v, now);
        retire_if_surplus(&v, now);
    }
    if (m.old_to_tell) {
        tell_old_generations();
    }
    return HOUSEKEEPING;
}

/* ---- told --------------------------------------------------------------- */

void maintain_start(const lane_t *lane, int help_fd)
{
    memset(&m, 0, sizeof(m));
    m.lane = lane;
    m.help_fd = help_fd;
    m.first_left = lane->start_servers;
    m.old_to_tell = procs_total() > 0;
}

void maintain_help_asked(void)
{
    m.help_asked = 1;
}

static void delay(apr_time_t now, int times)
{
    apr_interval_time_t d = FIRST_DELAY;

    while (times-- > 0 && d < LONGEST_DELAY) {
        d *= 2;
    }
    m.not_before = now + (d < LONGEST_DELAY ? d : LONGEST_DELAY);
}

void maintain_child_ended(int current, int crashed, int sick)
{
    apr_time_t now = child_now();

    if (!current || (!crashed && !sick)) {
        return;
    }
    m.last_crash = now;
    m.crashes++;
    if (sick) {
        delay(now, m.crashes);
    }
    else if (m.crashes > CRASHES_FREE) {
        delay(now, m.crashes - CRASHES_FREE);
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "%d children have crashed in short order, the next is started in %d ms",
                     m.crashes, (int)((m.not_before - now) / 1000));
    }
}
