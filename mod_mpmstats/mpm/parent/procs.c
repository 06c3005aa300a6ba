/* SPDX-License-Identifier: Apache-2.0 */
/* Children: forking, telling, reaping. */
#include "mpm/parent/procs.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_main.h"
#include "mpm_common.h"
#include "base/must_hold.h"
#include "mpm/threads/child.h"
#include "mpm/module.h"
#include "mpm/prefork/lobby.h"
#include "mpm/prefork/prefork.h"
#include "mpm/process/shared.h"
#include "mpm/process/shortage.h"

typedef struct {
    pid_t pid; /* 0: free */
    int generation;
    int control_fd;      /* write end of its pipe; -1: there is none */
    int has_mail;        /* it is told by shared_mail_t instead, */
    apr_uint32_t mailed; /* so many times so far */
    int told;            /* it has been told to go */
    int slot;            /* in the scoreboard; -1: given up */
    int record;          /* in the shared counters */
    int number;          /* its own among all that live: child_t.number */
    int is_lobby;
    int held;    /* it has been told to hold */
    char untold; /* PROCS_TELL_* that did not fit into its socket; 0: none */
    /* entry that is kept for it, because it was asked to move there; 0: none */
    int destination;
    apr_time_t started; /* monotonic */
} proc_t;

/* Entries below `slots` are the children with a slot, by slot; behind them come
 * finishing children that have given theirs up. */
struct procs_t {
    int slots;
    int entries;
    proc_t proc[];
};

/* How long a child may take to give its slot up. */
#define MOVE_PATIENCE_MS 200

procs_t *procs_create(int slots)
{
    int entries = slots + SHARED_EXTRA;
    procs_t *t = ap_calloc(1, sizeof(*t) + sizeof(proc_t) * (size_t)entries);
    int i;

    t->slots = slots - 1; /* the last is the attic */
    t->entries = entries;
    for (i = 0; i < entries; i++) {
        t->proc[i].control_fd = -1;
    }
    return t;
}

static procs_t *table(void)
{
    return hybrid_retained->procs;
}

int procs_max_used(void)
{
    return hybrid_retained->shared ? shared_get(hybrid_retained->shared->server->max_used) : 0;
}

static int count(int (*is_one)(const proc_t *))
{
    procs_t *t = table();
    int i, n = 0;

    for (i = 0; i < t->entries; i++) {
        n += is_one(&t->proc[i]);
    }
    return n;
}

static int is_active(const proc_t *p)
{
    return p->pid != 0 && !p->told && !p->is_lobby
        && p->generation == hybrid_retained->mpm->my_generation;
}

static int is_used(const proc_t *p)
{
    return p->pid != 0;
}

static int is_free(const proc_t *p)
{
    return p->pid == 0;
}

/* Its slot may be had: it only finishes what it has. */
static int is_movable(const proc_t *p)
{
    return p->pid != 0 && p->told && (p->has_mail || p->control_fd >= 0);
}

int procs_active(void)
{
    return count(is_active);
}

int procs_total(void)
{
    return count(is_used);
}

int procs_free_slots(void)
{
    procs_t *t = table();
    int i, n = 0;

    for (i = 0; i < t->slots; i++) {
        n += is_free(&t->proc[i]) || is_movable(&t->proc[i]);
    }
    return n;
}

pid_t procs_accepting(int slot)
{
    return slot < table()->slots && is_active(&table()->proc[slot]) ? table()->proc[slot].pid : 0;
}

void procs_forget_inherited(void)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].control_fd >= 0) {
            close(t->proc[i].control_fd);
            t->proc[i].control_fd = -1;
        }
    }
}

static void note_started(int slot, pid_t pid, int control_fd, int number)
{
    procs_t *t = table();
    int generation = hybrid_retained->mpm->my_generation;

    t->proc[slot].pid = pid;
    t->proc[slot].number = number;
    t->proc[slot].generation = generation;
    t->proc[slot].control_fd = control_fd;
    t->proc[slot].told = t->proc[slot].held = 0;
    t->proc[slot].untold = 0;
    t->proc[slot].destination = 0;
    t->proc[slot].slot = t->proc[slot].record = slot;
    t->proc[slot].started = child_now();
    ap_scoreboard_image->parent[slot].pid = pid;
    ap_scoreboard_image->parent[slot].generation = generation;
    shared_set(hybrid_retained->shared->process[slot].pid, pid);
    ap_run_child_status(ap_server_conf, pid, generation, slot, MPM_CHILD_STARTED);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "child %d started in slot %d, generation %d", (int)pid, slot, generation);
}

/* Its line in the scoreboard may still show what its predecessor left. */
static void clear_slot(int slot)
{
    process_score *ps = &ap_scoreboard_image->parent[slot];
    int i;

    ps->quiescing = ps->not_accepting = 0;
    ps->connections = ps->write_completion = ps->lingering_close = 0;
    ps->keep_alive = ps->suspended = 0;
#if HYBRID_HAVE_WAITIO
    ps->wait_io = 0;
#endif
    for (i = 0; i < lane_default.thread_limit; i++) {
        ap_update_child_status_from_indexes(slot, i, SERVER_DEAD, NULL);
    }
    shared_begin(hybrid_retained->shared, slot, hybrid_retained->mpm->my_generation);
}

/* ---- slots -------------------------------------------------------------- */

/* Somebody may move there at any time: its answer is late. */
static int is_destination(int entry)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->slots; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].destination == entry) {
            return 1;
        }
    }
    return 0;
}

static int free_entry(int from, int to)
{
    int i;

    for (i = from; i < to; i++) {
        if (is_free(&table()->proc[i]) && !is_destination(i)) {
            return i;
        }
    }
    return -1;
}

/*
 * Later ones make what was to be told before superfluous; these two need not be told at any price.
 */
static int is_to_be_told(char what)
{
    return what != PROCS_TELL_LOOK && what != PROCS_TELL_MOVE;
}

static void note_untold(proc_t *p, char what, int err)
{
    if (err == EPIPE || err == ECONNRESET) {
        return; /* it has gone */
    }
    if (p->untold == 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, err, ap_server_conf,
                     "child %d does not hear the parent, which tries again to tell it %s",
                     (int)p->pid,
                     what == PROCS_TELL_HOLD || what == PROCS_TELL_GO_ON ? "of a restart"
                                                                         : "to go");
    }
    p->untold = what;
}

static shared_mail_t *mail_of(const proc_t *p)
{
    return &hybrid_retained->shared->mail[p->number];
}

/*
 * A prefork child may be in a request, and has no other thread to read this: a signal makes it
 * look.
 */
static void tell_by_mail(proc_t *p, char what, int extra)
{
    shared_mail_t *mail = mail_of(p);

    shared_set(mail->message[p->mailed % SHARED_MAIL_ROOM],
               (apr_uint32_t)(unsigned char)what + 256u * (apr_uint32_t)extra);
    atomic_store(&mail->written, ++p->mailed);
    kill(p->pid, what == PROCS_TELL_NOW ? SIGTERM : AP_SIG_GRACEFUL);
}

static void tell(proc_t *p, char what, int extra)
{
    procs_message_t message;
    int sent;

    if (p->pid != 0 && p->has_mail) {
        tell_by_mail(p, what, extra);
        return;
    }
    if (p->pid == 0 || p->control_fd < 0) {
        return;
    }
    memset(&message, 0, sizeof(message));
    message.what = (unsigned char)what;
    message.extra = (unsigned short)extra;
    sent = send(p->control_fd, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    if (is_to_be_told(what)) {
        if (!sent) {
            note_untold(p, what, errno);
        }
        else {
            p->untold = 0;
        }
    }
}

static int has_ended(pid_t pid)
{
    siginfo_t info;

    info.si_pid = 0;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

static int has_moved_by_mail(const proc_t *p, int patience_ms)
{
    while (!shared_get(mail_of(p)->moved)) {
        if (patience_ms-- <= 0 || has_ended(p->pid)) {
            return 0;
        }
        apr_sleep(1000);
    }
    return 1;
}

/*
 * It has said within @a patience_ms that it writes to its slot no longer, or it is gone. What it
 * says is not looked at.
 */
static int has_moved(proc_t *p, int patience_ms)
{
    struct pollfd fd = { .fd = p->control_fd, .events = POLLIN };
    char answer[8];

    if (p->has_mail) {
        return has_moved_by_mail(p, patience_ms);
    }
    if (poll(&fd, 1, patience_ms) != 1) {
        return 0;
    }
    return recv(p->control_fd, answer, sizeof(answer), MSG_DONTWAIT) > 0;
}

/* The child in @a slot is not there any more: note where it is. */
static void note_moved(int slot)
{
    proc_t *p = &table()->proc[slot];
    int entry = p->destination;
    proc_t *to = &table()->proc[entry];

    *to = *p;
    to->slot = -1;
    to->record = entry + 1;
    to->destination = 0;
    memset(p, 0, sizeof(*p));
    p->control_fd = -1;
    ap_run_child_status(ap_server_conf, to->pid, to->generation, slot, MPM_CHILD_LOST_SLOT);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "child %d of generation %d, which is finishing, has given slot %d up",
                 (int)to->pid, to->generation, slot);
}

/*
 * Make the finishing child in @a slot give the slot up. One that does not answer in time may do so
 * at any moment, so the entry and the record it was told are kept for it.
 */
static int move_away(int slot)
{
    procs_t *t = table();
    proc_t *p = &t->proc[slot];

    if (p->destination == 0) {
        int entry = free_entry(t->slots, t->entries);

        if (entry < 0) {
            return 0;
        }
        p->destination = entry;
        /* Entries and records behind the slots go together; the record of the attic is not used. */
        shared_begin(hybrid_retained->shared, entry + 1, p->generation);
    }
    tell(p, PROCS_TELL_MOVE, p->destination + 1);
    if (!has_moved(p, MOVE_PATIENCE_MS)) {
        return 0;
    }
    note_moved(slot);
    return 1;
}

/* Who answers late has left its slot all the same. */
static void take_late_moves(void)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->slots; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].destination != 0 && has_moved(&t->proc[i], 0)) {
            note_moved(i);
            clear_slot(i);
            ap_scoreboard_image->parent[i].pid = 0;
            shared_end(hybrid_retained->shared, i);
        }
    }
}

/* A slot nobody uses, or the one of the child that has been finishing longest. */
static int get_slot(void)
{
    procs_t *t = table();
    int slot = free_entry(0, t->slots);
    int tries;

    for (tries = 0; slot < 0 && tries < 3; tries++) {
        int i, oldest = -1;

        for (i = 0; i < t->slots; i++) {
            if (is_movable(&t->proc[i])
                && (oldest < 0 || t->proc[i].started < t->proc[oldest].started)) {
                oldest = i;
            }
        }
        if (oldest < 0) {
            return -1;
        }
        if (move_away(oldest)) {
            return oldest;
        }
        t->proc[oldest].started = child_now(); /* another one next time */
    }
    return slot;
}

/* ---- forking ------------------------------------------------------------ */

static void close_control(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* In the child, right after the fork. */
static void leave_parent(const int *control)
{
    ap_thread_current_after_fork();
    signal(SIGCHLD, SIG_DFL);
    close_control(control[1]);
    procs_forget_inherited();
    AP_MONCONTROL(1);
}

static int open_control(int control[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) {
        shortage_of(errno, "start children");
        return -1;
    }
    return 0;
}

/* Written by the parent, before it forks. */
static pid_t parent;

pid_t procs_parent(void)
{
    return parent;
}

/*
 * The pid; 0 in the child; -1: failed and logged. @a control is what connects the two, -1: nothing.
 */
static pid_t fork_child(const int control[2])
{
    pid_t pid;
    int err;

    parent = getpid();
    pid = fork();
    if (pid == 0) {
        leave_parent(control);
        return 0;
    }
    err = errno;
    close_control(control[0]);
    if (pid < 0) {
        close_control(control[1]);
        if (err == ENOMEM) {
            shortage_of(err, "start children");
        }
        else {
            shortage_of_processes(err);
        }
    }
    return pid;
}

static int has_number(int number)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && !t->proc[i].is_lobby && t->proc[i].number == number) {
            return 1;
        }
    }
    return 0;
}

/*
 * That of the slot, unless the one that has given the slot up still lives: its connections have ids
 * made of it.
 */
static int free_number(int slot)
{
    int number = has_number(slot) ? 0 : slot;

    while (has_number(number)) {
        number++;
    }
    /* there is an entry for each child that lives, and one free */
    MUST_HOLD(number < table()->entries);
    return number;
}

int procs_start(const lane_t *lane, int help_fd, handoff_pairs_t *pairs)
{
    int slot = get_slot();
    int control[2] = { -1, -1 };
    int number;
    pid_t pid;

    if (slot < 0 || (lane->is_threaded && open_control(control) != 0)) {
        return -1;
    }
    number = free_number(slot);
    clear_slot(slot);
    if (slot >= procs_max_used()) {
        shared_set(hybrid_retained->shared->server->max_used, slot + 1);
    }
    memset(&hybrid_retained->shared->mail[number], 0, sizeof(shared_mail_t));
    pid = fork_child(control);
    if (pid == 0) {
        child.number = number;
    }
    if (pid == 0 && lane->is_threaded) {
        child_main(lane, slot, control[0], help_fd);
    }
    if (pid == 0) {
        prefork_child_main(lane, slot, &hybrid_retained->shared->mail[number], help_fd, pairs);
    }
    if (pid < 0) {
        return -1;
    }
    note_started(slot, pid, control[1], number);
    table()->proc[slot].has_mail = !lane->is_threaded;
    table()->proc[slot].mailed = 0;
    return slot;
}

int procs_start_lobby(const lane_t *lane, int help_fd, handoff_pairs_t *pairs)
{
    procs_t *t = table();
    int entry = free_entry(t->slots, t->entries);
    int record = entry + 1; /* as of finishing children: move_away() */
    int control[2];
    pid_t pid;

    if (entry < 0 || open_control(control) != 0) {
        return -1;
    }
    shared_begin(hybrid_retained->shared, record, hybrid_retained->mpm->my_generation);
    pid = fork_child(control);
    if (pid == 0) {
        lobby_main(lane, record, control[0], help_fd, pairs);
    }
    if (pid < 0) {
        return -1;
    }
    t->proc[entry].pid = pid;
    t->proc[entry].generation = hybrid_retained->mpm->my_generation;
    t->proc[entry].control_fd = control[1];
    t->proc[entry].slot = -1;
    t->proc[entry].record = record;
    shared_set(hybrid_retained->shared->process[record].pid, pid);
    t->proc[entry].is_lobby = 1;
    t->proc[entry].started = child_now();
    return 0;
}

pid_t procs_lobby(int *entry, int *record)
{
    procs_t *t = table();
    int i;

    for (i = t->slots; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].is_lobby && !t->proc[i].told
            && t->proc[i].generation == hybrid_retained->mpm->my_generation) {
            *entry = i;
            *record = t->proc[i].record;
            return t->proc[i].pid;
        }
    }
    return 0;
}

int procs_is_lobby(pid_t pid)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid == pid && t->proc[i].is_lobby) {
            return 1;
        }
    }
    return 0;
}

int procs_has_lobby(void)
{
    int ignored[2];

    return procs_lobby(&ignored[0], &ignored[1]) != 0;
}

static void note_ended(int entry)
{
    proc_t p = table()->proc[entry];
    int i;

    if (p.control_fd >= 0) {
        close(p.control_fd);
    }
    memset(&table()->proc[entry], 0, sizeof(proc_t));
    table()->proc[entry].control_fd = -1;
    for (i = 0; p.slot >= 0 && i < lane_default.thread_limit; i++) {
        ap_update_child_status_from_indexes(p.slot, i, SERVER_DEAD, NULL);
    }
    if (!p.is_lobby) {
        ap_run_child_status(ap_server_conf, p.pid, p.generation, p.slot, MPM_CHILD_EXITED);
    }
    if (p.slot >= 0) {
        clear_slot(p.slot);
        ap_scoreboard_image->parent[p.slot].pid = 0;
    }
    shared_end(hybrid_retained->shared, p.record);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "child %d of generation %d has left slot %d", (int)p.pid, p.generation, p.slot);
}

static int find(pid_t pid)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid == pid) {
            return i;
        }
    }
    return -1;
}

int procs_find(pid_t pid)
{
    int entry = find(pid);

    return entry < 0 ? -1 : table()->proc[entry].slot;
}

int procs_generation(pid_t pid)
{
    int entry = find(pid);

    return entry < 0 ? -1 : table()->proc[entry].generation;
}

int procs_ended(pid_t pid, int *generation, apr_interval_time_t *lived)
{
    int entry = find(pid);

    if (entry < 0) {
        return 0;
    }
    *generation = table()->proc[entry].generation;
    *lived = child_now() - table()->proc[entry].started;
    note_ended(entry);
    return 1;
}

int procs_zombies(void)
{
    siginfo_t info;

    info.si_pid = 0;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

void procs_leaves(int slot)
{
    if (lane_default.is_threaded) {
        /* What it said is only a word in shared memory; now it is true in any case, and
         * nobody who writes there can make us start ever more children beside it. */
        procs_tell(slot, PROCS_TELL_GRACEFUL);
    }
    table()->proc[slot].told = 1;
}

void procs_tell(int slot, char what)
{
    table()->proc[slot].told = 1;
    tell(&table()->proc[slot], what, 0);
}

void procs_kill(int entry)
{
    if (table()->proc[entry].pid > 0) {
        table()->proc[entry].told = 1;
        kill(table()->proc[entry].pid, SIGKILL);
    }
}

void procs_tell_older(void)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && !t->proc[i].told
            && t->proc[i].generation != hybrid_retained->mpm->my_generation) {
            procs_tell(i, PROCS_TELL_FINISH);
        }
    }
}

void procs_tell_all(char what)
{
    int i;

    for (i = 0; i < table()->entries; i++) {
        procs_tell(i, what);
    }
}

/*
 * Who has not heard the last one yet will look anyway; and its socket keeps room for what matters.
 */
static int has_read_all(const proc_t *p)
{
    int unread = 0;

    return ioctl(p->control_fd, SIOCOUTQ, &unread) != 0 || unread == 0;
}

int procs_tell_again(void)
{
    procs_t *t = table();
    int i, untold = 0;

    take_late_moves();
    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].untold != 0) {
            tell(&t->proc[i], t->proc[i].untold, 0);
            untold |= t->proc[i].untold != 0;
        }
    }
    return untold;
}

void procs_tell_to_look(void)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (is_active(&t->proc[i]) && has_read_all(&t->proc[i])) {
            tell(&t->proc[i], PROCS_TELL_LOOK, 0);
        }
    }
}

void procs_tell_to_hold(void)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && !t->proc[i].told) {
            t->proc[i].held = 1;
            tell(&t->proc[i], PROCS_TELL_HOLD, 0);
        }
    }
}

void procs_tell_to_go_on(void)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].held && !t->proc[i].told) {
            t->proc[i].held = 0;
            tell(&t->proc[i], PROCS_TELL_GO_ON, 0);
        }
    }
}

static int is_waited_for(apr_time_t since, apr_time_t begun_after, unsigned needs)
{
    return since != 0 && since > begun_after && (needs & 1u << SHARED_SINCE_NEEDS(since));
}

/* What it says of itself can make a restart take longer, up to the restart's limit. */
static int runs_something(const proc_t *p, apr_time_t begun_after, unsigned needs)
{
    const shared_process_t *s = &hybrid_retained->shared->process[p->record];
    int i;

    if (p->pid == 0 || !p->held || p->told || p->is_lobby) {
        return 0;
    }
    if (!atomic_load_explicit(&s->holding, memory_order_acquire)) {
        return 1;
    }
    for (i = 0; i < lane_default.thread_limit; i++) {
        if (is_waited_for(shared_since(p->slot, i), begun_after, needs)) {
            return 1;
        }
    }
    return is_waited_for(shared_get(s->stream_since), begun_after, needs)
        || ((needs & 1u << SHARED_NEEDS_CLIENT)
            && (shared_get(s->connections[MPM_HYBRID_CONN_WAITIO]) > 0
                || shared_get(s->connections[MPM_HYBRID_CONN_WRITE]) > 0
                || shared_get(s->connections[MPM_HYBRID_CONN_HANDSHAKE]) > 0
                || shared_get(s->connections[MPM_HYBRID_CONN_SUSPENDED]) > 0));
}

int procs_running(apr_time_t begun_after, unsigned needs)
{
    procs_t *t = table();
    int i, n = 0;

    for (i = 0; i < t->entries; i++) {
        n += runs_something(&t->proc[i], begun_after, needs);
    }
    return n;
}

int procs_is_ours(pid_t pid)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid == pid) {
            return 1;
        }
    }
    return 0;
}

void procs_signal_all(int sig)
{
    procs_t *t = table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid > 0) {
            kill(t->proc[i].pid, sig);
        }
    }
}

/* ---- waiting for the end ------------------------------------------------ */

static void reap_all(void)
{
    procs_t *t = table();
    int i, status;

    for (i = 0; i < t->entries; i++) {
        apr_proc_t proc;
        apr_exit_why_e why;

        if (t->proc[i].pid == 0) {
            continue;
        }
        proc.pid = t->proc[i].pid;
        switch (apr_proc_wait(&proc, &status, &why, APR_NOWAIT)) {
        case APR_CHILD_NOTDONE:
            break;
        case APR_CHILD_DONE:
            ap_process_child_status(&proc, why, status);
            /* fall through */
        default:
            note_ended(i);
        }
    }
    apr_proc_other_child_refresh_all(APR_OC_REASON_RESTART);
}

/*
 * Time to end cleanly for a prefork child that does not hear of its connection's end (a script that
 * computes).
 */
#define PREFORK_GRACE APR_TIME_C(200000)

/* The times are those of ap_reclaim_child_processes(): SIGTERM after 3 s, SIGKILL after 9 s. */
void procs_reclaim(void)
{
    static const struct {
        apr_interval_time_t at;
        int sig;
        const char *text;
    } steps[] = { { APR_TIME_C(3000000), SIGTERM, "still did not exit, sending a SIGTERM" },
                  { APR_TIME_C(5000000), SIGTERM, "still did not exit, sending a SIGTERM" },
                  { APR_TIME_C(9000000), SIGKILL, "still did not exit, sending a SIGKILL" },
                  { APR_TIME_C(10000000), 0,
                    "could not be made to exit, attempting to continue anyway" } };
    apr_time_t start = child_now();
    unsigned step = 0;
    int is_first = !lane_default.is_threaded;

    for (;;) {
        reap_all();
        if (procs_total() == 0) {
            return;
        }
        /* mpm_prefork's children end at the first signal. */
        if (is_first && child_now() - start >= PREFORK_GRACE) {
            is_first = 0;
            procs_signal_all(SIGTERM);
        }
        if (child_now() - start >= steps[step].at) {
            int i;

            for (i = 0; i < table()->entries; i++) {
                if (table()->proc[i].pid != 0) {
                    ap_log_error(APLOG_MARK, step < 2 ? APLOG_WARNING : APLOG_ERR, 0,
                                 ap_server_conf, "child process %d %s", (int)table()->proc[i].pid,
                                 steps[step].text);
                }
            }
            if (steps[step].sig == 0) {
                return;
            }
            procs_signal_all(steps[step].sig);
            step++;
        }
        (void)procs_tell_again();
        apr_sleep(apr_time_from_msec(5));
    }
}

/* ---- -X ----------------------------------------------------------------- */

void procs_note_one_process(void)
{
    shared_set(hybrid_retained->shared->server->max_used, 1);
    clear_slot(0);
    note_started(0, getpid(), -1, 0);
}

void procs_note_one_process_end(void)
{
    note_ended(0);
}
