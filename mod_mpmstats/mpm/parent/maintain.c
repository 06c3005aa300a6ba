/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the right number of children.
 *
 * The numbers of busy workers come from memory the children write: they are
 * clamped to what can be, and only ever compared. How many connections wait to
 * be accepted comes from the kernel.
 */
#include "mpm/parent/maintain.h"

#include <errno.h>
#include <poll.h>
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

/* Of what is not known it is not supposed that it is cheap. */
#define UNKNOWN_START_US 1000000

/*
 * While old children wait for the new generation the first of it is looked for this often, beside
 * its own call; and so is who has started, while others are not started before that.
 */
#define SOON apr_time_from_msec(5)

/*
 * And told to finish although none of it has been seen to serve: its children may live too shortly
 * for that. Not while any of them is about to start.
 */
#define OLD_PATIENCE apr_time_from_sec(10)

/* Shortages that show nowhere else are looked for this often, at the next housekeeping. */
#define LOOK_INTERVAL apr_time_from_msec(900)

/* Surplus processes go after so long, or so long if that was a mistake before. */
#define RETIRE_TIME apr_time_from_sec(10)
#define RETIRE_TIME_MAX apr_time_from_sec(300)

/* After a fork(2) that failed. */
#define FORK_PAUSE apr_time_from_msec(200)

/* A child that dies early is replaced after a delay that doubles each time. */
static const sizing_restart_limits_t restart_limits = {
    .first_us = 50 * 1000,
    .max_us = 1000 * 1000, /* what kills them may be over at any time */
    .healthy_us = 10 * 1000 * 1000
};

/* All of it belongs to the parent's only thread; maintain_start sets it for a run. */
static struct {
    const lane_t *lane;
    start_birth_t birth;
    handoff_pairs_t pairs; /* prefork: between the children and the lobby */
    apr_time_t started;
    int old_held;    /* older generations hold */
    int old_to_tell; /* older generations have not been told yet */
    int first_left;  /* of StartServers */
    int some_wait;   /* children that are wanted are not started before others have */
    sizing_starts_t starts;
    apr_int64_t start_us;  /* what a child takes to start */
    apr_time_t not_before; /* no child is started earlier */
    apr_time_t lobby_started;
    int lobby_waits;   /* there is none; it is started FORK_PAUSE after the one before */
    apr_time_t looked; /* for shortages */
    sizing_server_memory_t memory;
    sizing_restart_memory_t failures;
} m;

/* ---- looking ------------------------------------------------------------ */

typedef struct {
    int ready;            /* processes that accept */
    int starting;         /* have no worker yet */
    int busy;             /* workers in a request */
    apr_int64_t start_us; /* what those that accept took to start, in all */
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
        apr_uint32_t busy;

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
        v.start_us += shared_get(p->start_us);
        v.busy += (int)(busy < ceiling ? busy : ceiling);
        if (v.quietest < 0 || connections(slot) < fewest) {
            v.quietest = slot;
            fewest = connections(slot);
        }
    }
    return v;
}

/* ---- deciding ----------------------------------------------------------- */

/* Who waits for a worker: in the lobby's queue, or not even accepted. */
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
                     "all %d process slots are in use by children that are finishing; no new child "
                     "until one of them has gone. Increase ServerLimit.",
                     m.lane->slots);
        break;
    default: /* SIZING_REPORT_FULL: saturation.c tells more */
        break;
    }
}

/* Of the children that are wanted, those to be started now. All of StartServers are. */
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

/* The quietest one goes; it still serves the connections it has. */
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
 * A child that has been taken over can shut them down for all others, which would end, and so would
 * those that are started in their place. With the lobby that has the other ends they are made anew.
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
        "a child has shut down the sockets between children and lobby: another lobby takes its place, and other children");
    if (procs_lobby(&entry, &record) != 0) {
        tell_entry(entry, CONTROL_GRACEFUL);
    }
    handoff_close(&m.pairs);
}

/*
 * Each generation of the prefork model has its own, so that its children can tell when its lobby is
 * empty. Without them no child is started: tried again later, as after a fork that failed. Zero if
 * there are none.
 */
static int have_pairs(apr_time_t now)
{
    leave_broken_pairs();
    if (m.lane->is_threaded || m.pairs.ready[0] >= 0) {
        return 1;
    }
    if (now < m.not_before) {
        return 0;
    }
    if (handoff_open(&m.pairs) != 0) {
        shortage_of(errno, "start children");
        m.not_before = now + FORK_PAUSE;
        return 0;
    }
    /* Close on exec: in a program's process nobody closes them by number. */
    apr_pool_cleanup_register(hybrid_pconf, NULL, close_pairs, apr_pool_cleanup_null);
    return 1;
}

/* One that dies as soon as it is started is not started as fast as it dies. */
static void keep_lobby(apr_time_t now)
{
    m.lobby_waits = m.pairs.ready[0] >= 0 && !procs_has_lobby();
    if (m.lobby_waits && now - m.lobby_started >= FORK_PAUSE) {
        m.lobby_started = now;
        m.lobby_waits = start_lobby(&m.birth) != 0;
    }
}

/* A child that was killed takes itself out of no count. */
static void set_idle_right(const view_t *v)
{
    _Atomic int *idle = &hybrid_retained->shared->server->idle;

    if (!m.lane->is_threaded) {
        atomic_fetch_add(idle, v->ready - v->busy - atomic_load(idle));
    }
}

/*
 * They are told to finish when somebody is there who takes over. Where nobody could be started
 * those that hold serve on: a request that finds its daemon gone is better than none answered.
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

/* How long nothing has to be done. */
static apr_interval_time_t rest(apr_time_t now)
{
    int soon = m.some_wait || (m.old_to_tell && now - m.started < OLD_PATIENCE);
    apr_interval_time_t most = soon ? SOON : m.lobby_waits ? FORK_PAUSE : HOUSEKEEPING;

    return m.not_before > now && m.not_before - now < most ? m.not_before - now : most;
}

apr_interval_time_t maintain_run(apr_time_t now)
{
    view_t v = look();
    sizing_server_advice_t advice = ask_for_advice(&v, now);
    int wanted = wanted_now(&v, &advice);
    int more, waiting = 0;
    int has_pairs = have_pairs(now);

    keep_lobby(now);
    set_idle_right(&v);
    if (advice.at_limit || now - m.looked >= LOOK_INTERVAL) {
        m.looked = now;
        waiting = backlog();
        shortage_look(now);
    }
    report(advice.report);
    saturation_note(m.lane, advice.at_limit, waiting, now);
    more = to_start(&v, wanted, now);
    if (wanted > 0 && now >= m.not_before && has_pairs) {
        int started = start_children(more);

        m.first_left = started < m.first_left ? m.first_left - started : 0;
    }
    else if (wanted <= 0 && m.first_left == 0) {
        retire(advice.retire_processes);
    }
    if (m.old_to_tell) {
        look_after_old(&v, now);
    }
    return rest(now);
}

/* ---- told --------------------------------------------------------------- */

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
