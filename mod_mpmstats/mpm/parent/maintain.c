/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The numbers of busy workers come from memory that children write: they are clamped to the
 * possible range and only compared. The backlog comes from the kernel.
 */
#include "mpm/parent/maintain.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#include "apr_portable.h"
#include "ap_listen.h"
#include "mpm_common.h"
#include "base/clock.h"
#include "mpm/policy/sizing.h"
#include "mpm/process/control.h"
#include "mpm/process/listeners.h"
#include "mpm/process/handoff.h"
#include "mpm/module.h"
#include "mpm/parent/procs.h"
#include "mpm/parent/slots.h"
#include "mpm/parent/start.h"
#include "mpm/parent/tell.h"
#include "mpm/parent/saturation.h"
#include "mpm/process/shared.h"
#include "mpm/process/shortage.h"
#include "mpm/parent/stuck.h"

#define HOUSEKEEPING apr_time_from_sec(1)

/* Assumed start time of a child until one was measured: not cheap. */
#define UNKNOWN_START_US 1000000

/*
 * Interval while old children wait for the first new child to serve, or while a batch of children
 * starts and more are wanted.
 */
#define SOON apr_time_from_msec(5)

/*
 * Drain old children after this although no new child was seen to serve: new ones may live too
 * briefly to be seen. Not while one is starting.
 */
#define OLD_PATIENCE apr_time_from_sec(10)

/* Least interval between two checks for shortages, unless saturated. */
#define LOOK_INTERVAL apr_time_from_msec(900)

/* Retire surplus processes after the first; up to the second if retirements were reversed. */
#define RETIRE_TIME apr_time_from_sec(10)
#define RETIRE_TIME_MAX apr_time_from_sec(300)

/* Retry interval after fork(2) failed. */
#define FORK_PAUSE apr_time_from_msec(200)

/* The delay before an early-dying child is replaced doubles each time. */
static const sizing_restart_limits_t restart_limits = {
    .first_us = 50 * 1000,
    .max_us = 1000 * 1000, /* the cause may end at any time */
    .healthy_us = 10 * 1000 * 1000
};

/* Used by the parent's only thread; maintain_start() resets it for a run. */
static struct {
    const lane_t *lane;
    start_birth_t birth;
    handoff_pairs_t pairs; /* prefork: between the children and the lobby */
    apr_time_t started;
    int old_held;    /* older generations hold */
    int old_to_tell; /* older generations have not been told to drain */
    int first_left;  /* children of StartServers that are not started yet */
    int some_wait;   /* wanted children wait until the current batch has started */
    sizing_starts_t starts;
    apr_int64_t start_us;  /* average start time of a child */
    apr_time_t not_before; /* earliest time of the next start */
    apr_time_t lobby_started;
    int lobby_waits;   /* no lobby runs; starts are FORK_PAUSE apart */
    apr_time_t looked; /* last check for shortages */
    sizing_server_memory_t memory;
    sizing_restart_memory_t failures;
} m;

/* Bound of a child's number of streams, which its memory says: the sum of all is an int. */
#define MOST_STREAMS 10000U

/* ---- looking ------------------------------------------------------------ */

typedef struct {
    int ready;            /* processes that accept */
    int full;             /* of those, at their limit of connections or descriptors */
    int filled;           /* how full those that accept are, in per mille, their sum */
    int starting;         /* have no worker yet */
    int busy;             /* workers in a request */
    int streams;          /* HTTP/2 streams that run in those that accept */
    apr_int64_t start_us; /* sum of the start times of those that accept */
    int quietest;         /* slot of the process with the fewest connections, -1: none */
} view_t;

static int backlog(void)
{
    ap_listen_rec *lr;
    int n = 0;

    for (lr = ap_listeners; lr != NULL; lr = lr->next) {
        apr_os_sock_t fd;
        int waiting, most;

        if (apr_os_sock_get(&fd, lr->sd) != APR_SUCCESS) {
            continue;
        }
        waiting = listeners_queue(fd, &most);
        n += waiting;
        if (most > 0 && waiting > most) {
            shortage_of_queue(waiting);
        }
    }
    return n;
}

static unsigned connections(int slot)
{
    return shared_connections(&hybrid_retained->shared->process[slot]);
}

static view_t look(void)
{
    view_t v = { .quietest = -1 };
    apr_uint32_t ceiling = (apr_uint32_t)m.lane->threads_per_child;
    unsigned fewest = 0;
    int slot;

    stuck_look(clock_now());
    for (slot = 0; slot < m.lane->slots; slot++) {
        const shared_process_t *p = &hybrid_retained->shared->process[slot];
        apr_uint32_t busy, streams;

        if (procs_accepting(slot) == 0) {
            continue;
        }
        if (shared_get(p->quiescing)) {
            tell_leaving(slot);
            continue;
        }
        if (stuck_is(slot)) {
            continue;
        }
        if (shared_get(p->workers) == 0) {
            v.starting++;
            continue;
        }
        busy = shared_get(p->workers_busy);
        hybrid_retained->proven = hybrid_retained->mpm->my_generation + 1;
        v.ready++;
        if (m.lane->is_threaded) {
            v.full += shared_is_full(p);
            v.filled += shared_filled(p);
        }
        v.start_us += shared_get(p->start_us);
        v.busy += (int)(busy < ceiling ? busy : ceiling);
        streams = shared_get(p->streams);
        v.streams += (int)(streams < MOST_STREAMS ? streams : MOST_STREAMS);
        if (v.quietest < 0 || connections(slot) < fewest) {
            v.quietest = slot;
            fewest = connections(slot);
        }
    }
    return v;
}

/* ---- deciding ----------------------------------------------------------- */

/* Connections that wait for a worker: in the lobby's queue and, if all are busy, in the backlog. */
static int unmet_events(const view_t *v)
{
    int n = m.pairs.ready[0] >= 0 ? handoff_queued(m.pairs.ready[0]) : 0;

    if (v->busy >= v->ready * m.lane->threads_per_child) {
        n += backlog();
    }
    return n < m.lane->max_request_workers ? n : m.lane->max_request_workers;
}

static sizing_server_advice_t ask_for_advice(const view_t *v, apr_time_t now)
{
    const lane_t *lane = m.lane;
    sizing_server_limits_t limits = { .server_limit = lane->server_limit,
                                      .max_request_workers = lane->max_request_workers,
                                      .threads_per_child = lane->threads_per_child,
                                      .min_spare_threads = lane->min_spare_threads,
                                      .max_spare_threads = lane->max_spare_threads,
                                      .min_processes = lane->min_processes,
                                      .retire_us = RETIRE_TIME,
                                      .retire_max_us = RETIRE_TIME_MAX };
    sizing_server_t state = { .now_us = now,
                              .ready = v->ready,
                              .full = v->full,
                              .filled = v->filled,
                              .starting = v->starting,
                              .free_slots = slots_free(),
                              .busy = v->busy,
                              .unmet_events = unmet_events(v) };

    return sizing_server(&limits, &state, &m.memory);
}

static void report(sizing_report_e what)
{
    switch (what) {
    case SIZING_REPORT_NEAR:
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "%sserver is within %s of MaxRequestWorkers (%d), "
                     "consider raising the MaxRequestWorkers setting",
                     lane_choose(m.lane, "AH10159: ", "AH00287: ", ""),
                     m.lane->is_threaded ? "MinSpareThreads" : "MinSpareServers",
                     m.lane->max_request_workers);
        break;
    case SIZING_REPORT_SLOTS:
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "all %d process slots are in use by draining children; no new child can start "
                     "until one of them exits. Increase ServerLimit.",
                     m.lane->slots);
        break;
    default: /* SIZING_REPORT_FULL: saturation.c logs it */
        break;
    }
}

/* How many of the wanted children to start now: at least those of StartServers. */
static int to_start(const view_t *v, int wanted, apr_time_t now)
{
    int more = wanted;

    if (v->ready > 0) {
        m.start_us = v->start_us / v->ready;
    }
    if (!m.lane->is_threaded) {
        more = sizing_starts(wanted, v->starting, m.lane->cores, m.start_us, now, &m.starts);
    }
    m.some_wait = wanted > more && wanted > m.first_left;
    return more > m.first_left ? more : m.first_left < wanted ? m.first_left : wanted;
}

static int start_children(int wanted)
{
    int started = 0;

    while (started < wanted && slots_free() > 0) {
        if (start_child(&m.birth) < 0) {
            m.not_before = clock_now() + FORK_PAUSE;
            break;
        }
        started++;
    }
    return started;
}

static int wanted_now(const view_t *v, const sizing_server_advice_t *advice)
{
    int room = m.lane->max_processes - v->ready - v->starting;
    int wanted = advice->start_processes > m.first_left ? advice->start_processes : m.first_left;

    return wanted < room ? wanted : room;
}

/* Drain the processes with the fewest connections. */
static void retire(int n)
{
    while (n-- > 0) {
        view_t v = look();

        if (v.quietest >= 0) {
            tell_entry(v.quietest, CONTROL_GRACEFUL);
        }
    }
}

static apr_status_t close_pairs(void *unused)
{
    (void)unused;
    handoff_close(&m.pairs);
    return APR_SUCCESS;
}

/*
 * A compromised child can shut the pairs down for all: its siblings then end, and so would their
 * replacements. So replace the lobby, and the pairs with it.
 */
static void leave_broken_pairs(void)
{
    struct pollfd ends[] = { { .fd = m.pairs.ready[0], .events = POLLRDHUP },
                             { .fd = m.pairs.waiting[0], .events = POLLRDHUP },
                             { .fd = m.pairs.lingering[0], .events = POLLRDHUP } };
    int entry, record;

    if (m.pairs.ready[0] < 0 || poll(ends, 3, 0) <= 0) {
        return;
    }
    ap_log_error(
        APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
        "a child has shut down the sockets between children and lobby: the lobby and the children are replaced");
    if (procs_lobby(&entry, &record) != 0) {
        tell_entry(entry, CONTROL_GRACEFUL);
    }
    handoff_close(&m.pairs);
}

/*
 * Whether children can be started: always in threaded models; in prefork once the pairs are open.
 * Each generation has its own, so that its children can tell when its lobby is empty.
 */
static bool have_pairs(apr_time_t now)
{
    leave_broken_pairs();
    if (m.lane->is_threaded || m.pairs.ready[0] >= 0) {
        return true;
    }
    if (now < m.not_before) {
        return false;
    }
    if (handoff_open(&m.pairs) != 0) {
        shortage_of(errno, "start children");
        m.not_before = now + FORK_PAUSE;
        return false;
    }
    /* SOCK_CLOEXEC closes them in programs, so no child cleanup is needed. */
    apr_pool_cleanup_register(hybrid_pconf, NULL, close_pairs, apr_pool_cleanup_null);
    return true;
}

/* Starts of the lobby are FORK_PAUSE apart, in case it dies at once. */
static void keep_lobby(apr_time_t now)
{
    m.lobby_waits = m.pairs.ready[0] >= 0 && !procs_has_lobby();
    if (m.lobby_waits && now - m.lobby_started >= FORK_PAUSE) {
        m.lobby_started = now;
        m.lobby_waits = start_lobby(&m.birth) != 0;
    }
}

/* A killed child leaves its share in shared_server_t.idle: set it from what is known. */
static void set_idle_right(const view_t *v)
{
    _Atomic int *idle = &hybrid_retained->shared->server->idle;

    if (!m.lane->is_threaded) {
        atomic_fetch_add(idle, v->ready - v->busy - atomic_load(idle));
    }
}

/*
 * Drain old children when a new one serves. If none could be started, those that hold go on: a
 * request that fails for lack of its daemon is better than no response at all.
 */
static void look_after_old(const view_t *v, apr_time_t now)
{
    if (v->ready > 0
        || (procs_active() > 0 && v->starting == 0 && now - m.started >= OLD_PATIENCE)) {
        m.old_to_tell = m.old_held = 0;
        tell_older();
    }
    else if (m.old_held && procs_active() == 0 && m.not_before > now) {
        m.old_held = 0;
        tell_to_go_on();
    }
}

/* Whether processes at their limit have others to wait for. */
static void note_more(int starting, int active, apr_time_t now)
{
    bool can_start = active < m.lane->max_processes && slots_free() > 0 && now >= m.not_before;

    shared_set(hybrid_retained->shared->server->has_more, starting > 0 || can_start);
}

/* Time until the next maintenance. */
static apr_interval_time_t rest(apr_time_t now)
{
    bool soon = m.some_wait || (m.old_to_tell && now - m.started < OLD_PATIENCE);
    apr_interval_time_t most = soon ? SOON : m.lobby_waits ? FORK_PAUSE : HOUSEKEEPING;

    return m.not_before > now && m.not_before - now < most ? m.not_before - now : most;
}

apr_interval_time_t maintain_run(apr_time_t now)
{
    view_t v = look();
    sizing_server_advice_t advice = ask_for_advice(&v, now);
    int wanted = wanted_now(&v, &advice);
    int more, waiting = 0, started = 0;
    bool has_pairs = have_pairs(now);

    keep_lobby(now);
    set_idle_right(&v);
    if (advice.at_limit || now - m.looked >= LOOK_INTERVAL) {
        m.looked = now;
        waiting = backlog();
        shortage_look(now);
    }
    report(advice.report);
    saturation_note(m.lane,
                    &(saturation_t){ .full = advice.at_limit,
                                     .waiting = waiting,
                                     .ready = v.ready,
                                     .streams = v.streams },
                    now);
    more = to_start(&v, wanted, now);
    if (wanted > 0 && now >= m.not_before && has_pairs) {
        started = start_children(more);
        m.first_left = started < m.first_left ? m.first_left - started : 0;
    }
    else if (wanted <= 0 && m.first_left == 0) {
        retire(advice.retire_processes);
    }
    if (m.old_to_tell) {
        look_after_old(&v, now);
    }
    note_more(v.starting + started, v.ready + v.starting + started, now);
    return rest(now);
}

/* ---- calls -------------------------------------------------------------- */

void maintain_end(void)
{
    handoff_close(&m.pairs);
}

void maintain_start(const lane_t *lane, const start_mains_t *mains, int help_fd)
{
    memset(&m, 0, sizeof(m));
    m.lane = lane;
    m.birth = (start_birth_t){
        .lane = lane, .mains = mains, .help_fd = help_fd, .pairs = &m.pairs
    };
    m.first_left = lane->start_servers;
    m.start_us = UNKNOWN_START_US;
    m.started = clock_now();
    m.old_to_tell = procs_total() > 0;
    stuck_start(lane, hybrid_pconf);
    m.old_held = hybrid_retained->held;
    hybrid_retained->held = 0;
    handoff_none(&m.pairs);
    atomic_store(&hybrid_retained->shared->server->idle, 0);
}

void maintain_child_failed(apr_interval_time_t lived)
{
    apr_interval_time_t d = sizing_restart_delay(&restart_limits, lived, &m.failures);

    if (d > 0) {
        m.not_before = clock_now() + d;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "%d children in a row have failed early, the next is started in %d ms",
                     m.failures.early_deaths, (int)(d / 1000));
    }
}
