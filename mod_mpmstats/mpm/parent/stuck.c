/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child's ticker changes one word of shared memory at least once a second; the parent checks only
 * that it changes. If it does not, the child may still be busy: a module reads large files at
 * startup, or the machine is slow. So /proc tells whether the main thread sleeps and has used no
 * CPU time; a thread that runs, or waits for a disk, gets more time. A child stopped by a signal or
 * a debugger is kept, as that is deliberate, and another is started beside it.
 *
 * Startup may wait for something that comes late: until a child serves, each replacement gets twice
 * the time of the one before; from then on twice the longest start time seen.
 */
#include "mpm/parent/stuck.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mpm/module.h"
#include "mpm/parent/procs.h"
#include "mpm/parent/start.h"
#include "mpm/parent/tell.h"
#include "mpm/process/shared.h"

#define LOOK_INTERVAL apr_time_from_msec(900)

/* After a longer gap between two checks the parent was stopped itself: start over. */
#define GAP_MOST apr_time_from_sec(3)

/* Time without a sign of life until a child is suspected, and until it is killed. */
#define SUSPECT_AFTER apr_time_from_sec(3)
#define HANGS_AFTER apr_time_from_sec(6)

/* The same for a child that does not serve yet: its modules' setup may be slow. */
#define START_PATIENCE apr_time_from_sec(10)
#define START_PATIENCE_MOST apr_time_from_sec(300)

/* Factor for a main thread that is runnable or waits for a disk (it may write to a log). */
#define RUNS_FACTOR 6

typedef struct {
    pid_t pid;       /* 0: none to check */
    apr_time_t mark; /* last sign of life; 0: it does not serve yet */
    /* when the mark was first seen; later when a sleeping child used CPU time */
    apr_time_t since;
    unsigned long cpu; /* ticks of its main thread, or of all while it starts */
    int is_stopped;
    int told;
} watch_t;

/* Used by the parent's only thread; stuck_start() resets it for a run. */
static struct {
    const lane_t *lane;
    watch_t *watches; /* by slot; the last one is the lobby's */
    apr_time_t looked;
    apr_interval_time_t start_patience;
    apr_interval_time_t start_took; /* longest start time of a child that serves */
    pid_t *serving;                 /* by slot: pid that was seen to serve there */
} s;

void stuck_start(const lane_t *lane, apr_pool_t *pool)
{
    memset(&s, 0, sizeof(s));
    s.lane = lane;
    s.watches = apr_pcalloc(pool, sizeof(*s.watches) * (apr_size_t)(lane->slots + 1));
    s.serving = apr_pcalloc(pool, sizeof(*s.serving) * (apr_size_t)lane->slots);
    s.start_patience = START_PATIENCE;
}

bool stuck_is(int slot)
{
    const watch_t *w = &s.watches[slot];

    return w->pid != 0 && w->is_stopped && w->told;
}

/* The state letter of proc(5) and the CPU time used; '\0' if the process has ended. */
static char ask_kernel(pid_t pid, bool only_main, unsigned long *cpu)
{
    char path[64], text[512];
    unsigned long user = 0, system = 0;
    const char *end;
    char state = '\0';
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), only_main ? "/proc/%d/task/%d/stat" : "/proc/%d/stat", (int)pid,
             (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return '\0';
    }
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    end = strrchr(text, ')');
    if (end == NULL
        || sscanf(end + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &state, &user,
                  &system)
            != 3) {
        return '\0';
    }
    *cpu = user + system;
    return state;
}

static apr_interval_time_t patience_with(const watch_t *w, char state)
{
    apr_interval_time_t patience = w->mark == 0 ? s.start_patience : HANGS_AFTER;

    return state == 'R' || state == 'D' ? patience * RUNS_FACTOR : patience;
}

static void tell(watch_t *w, apr_time_t now, const char *consequence)
{
    bool is_lobby = w == &s.watches[s.lane->slots];

    w->told = 1;
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "child %d%s hangs: %s for %d seconds; %s", (int)w->pid,
                 is_lobby ? ", the lobby," : "",
                 w->mark == 0        ? "it has not begun to serve, and does nothing"
                     : w->is_stopped ? "it has been stopped"
                                     : "its main thread has not moved",
                 (int)apr_time_sec(now - w->since), consequence);
}

static apr_interval_time_t at_most(apr_interval_time_t patience)
{
    return patience < START_PATIENCE_MOST ? patience : START_PATIENCE_MOST;
}

static void replace(watch_t *w, int entry, apr_time_t now)
{
    tell(w, now, "it is killed, and another takes its place");
    shared_add(hybrid_retained->shared->server->stuck, 1);
    if (w->mark == 0) {
        s.start_patience = at_most(2 * s.start_patience);
    }
    tell_kill(entry);
    w->pid = 0;
}

/* No sign of life for SUSPECT_AFTER. True if it is suspected. */
static bool suspect(watch_t *w, int entry, apr_time_t now)
{
    unsigned long cpu = 0;
    char state = ask_kernel(w->pid, w->mark != 0, &cpu);
    int was_stopped = w->is_stopped;

    w->is_stopped = state == 'T' || state == 't';
    if (state == '\0' || state == 'Z') {
        return false;
    }
    if (was_stopped && !w->is_stopped) {
        w->since = now; /* it was continued; its sign of life follows */
        w->told = 0;
        return false;
    }
    if (w->is_stopped) {
        if (!w->told && now - w->since >= HANGS_AFTER) {
            tell(w, now, "another takes its place");
        }
        return true;
    }
    if (cpu != w->cpu && state != 'R') {
        w->cpu = cpu;
        w->since = now - SUSPECT_AFTER;
        return false;
    }
    if (now - w->since >= patience_with(w, state)) {
        replace(w, entry, now);
    }
    return true;
}

/* @a entry: for tell_kill(). @a mark: its current sign of life. True if it is suspected. */
static bool look_at(watch_t *w, pid_t pid, int entry, apr_time_t mark, apr_time_t now)
{
    if (pid == 0) {
        w->pid = 0;
        return false;
    }
    if (pid != w->pid || mark != w->mark) {
        memset(w, 0, sizeof(*w));
        w->pid = pid;
        w->mark = mark;
        w->since = now;
        return false;
    }
    return now - w->since >= SUSPECT_AFTER && suspect(w, entry, now);
}

/* Record a child's start time once: others may take as long. */
static void note_serving(int slot, pid_t pid, apr_time_t now)
{
    const watch_t *w = &s.watches[slot];
    apr_interval_time_t took = w->pid == pid && w->mark == 0 ? now - w->since : 0;

    if (s.serving[slot] == pid) {
        return;
    }
    s.serving[slot] = pid;
    if (took > s.start_took) {
        s.start_took = took;
    }
    s.start_patience = 2 * s.start_took > START_PATIENCE ? at_most(2 * s.start_took)
                                                         : START_PATIENCE;
}

static bool look_at_child(int slot, apr_time_t now)
{
    const shared_process_t *p = &hybrid_retained->shared->process[slot];
    pid_t pid = procs_accepting(slot);
    apr_time_t mark = s.lane->is_threaded ? shared_get(p->ticked)
                                          : (apr_time_t)shared_get(p->workers);

    if (pid != 0 && mark != 0) {
        note_serving(slot, pid, now);
    }
    if (!s.lane->is_threaded && mark != 0) {
        /* it serves, and its only thread cannot give signs of life meanwhile */
        pid = 0;
    }
    return look_at(&s.watches[slot], pid, slot, mark, now);
}

static bool look_at_lobby(apr_time_t now)
{
    int entry = 0, record = 0;
    pid_t pid = procs_lobby(&entry, &record);

    return look_at(&s.watches[s.lane->slots], pid, entry,
                   pid != 0 ? shared_get(hybrid_retained->shared->process[record].ticked) : 0, now);
}

void stuck_look(apr_time_t now)
{
    apr_uint32_t suspected = 0;
    int slot;

    if (now - s.looked < LOOK_INTERVAL) {
        return;
    }
    if (now - s.looked > GAP_MOST) {
        memset(s.watches, 0, sizeof(*s.watches) * (apr_size_t)(s.lane->slots + 1));
    }
    for (slot = 0; slot < s.lane->slots; slot++) {
        suspected += look_at_child(slot, now) != 0;
    }
    suspected += look_at_lobby(now) != 0;
    s.looked = now;
    shared_set(hybrid_retained->shared->server->suspected, suspected);
}
