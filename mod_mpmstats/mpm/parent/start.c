/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/parent/start.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "base/must_hold.h"
#include "mpm/module.h"
#include "mpm/parent/reap.h"
#include "mpm/parent/slots.h"
#include "mpm/process/child.h"
#include "mpm/process/shortage.h"

static void note_started(int slot, pid_t pid, int control_fd, int number)
{
    procs_t *t = procs_table();
    int generation = hybrid_retained->mpm->my_generation;

    t->proc[slot].pid = pid;
    t->proc[slot].number = number;
    t->proc[slot].generation = generation;
    t->proc[slot].control_fd = control_fd;
    t->proc[slot].told = t->proc[slot].held = 0;
    t->proc[slot].untold = 0;
    t->proc[slot].destination = 0;
    t->proc[slot].slot = t->proc[slot].record = slot;
    t->proc[slot].started = clock_now();
    ap_scoreboard_image->parent[slot].pid = pid;
    ap_scoreboard_image->parent[slot].generation = generation;
    shared_set(hybrid_retained->shared->process[slot].pid, pid);
    ap_run_child_status(ap_server_conf, pid, generation, slot, MPM_CHILD_STARTED);
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, ap_server_conf,
                 "child %d started in slot %d, generation %d", (int)pid, slot, generation);
}

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

/* As fork(2); logs a failure. @a control: socket pair of parent and child, -1: none. */
static pid_t fork_child(const start_birth_t *birth, const int control[2])
{
    pid_t parent = getpid();
    pid_t pid = fork();
    int err = errno;

    if (pid == 0) {
        leave_parent(control);
        child.lane = birth->lane;
        child.parent = parent;
        child.help_fd = birth->help_fd;
        return 0;
    }
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

static bool has_number(int number)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && !t->proc[i].is_lobby && t->proc[i].number == number) {
            return true;
        }
    }
    return false;
}

/*
 * The slot's number, unless a live child that gave up the slot still has it: connection ids are
 * made of it.
 */
static int free_number(int slot)
{
    int number = has_number(slot) ? 0 : slot;

    while (has_number(number)) {
        number++;
    }
    /* each live child has an entry, and at least one is free */
    MUST_HOLD(number < procs_table()->entries);
    return number;
}

static start_main_t *main_of(const start_birth_t *birth)
{
    return birth->lane->is_threaded ? birth->mains->threaded : birth->mains->prefork;
}

int start_child(const start_birth_t *birth)
{
    int slot = slots_get();
    int control[2] = { -1, -1 };
    int is_threaded = birth->lane->is_threaded;
    int number;
    pid_t pid;

    if (slot < 0 || (is_threaded && open_control(control) != 0)) {
        return -1;
    }
    number = free_number(slot);
    slots_clear(slot);
    if (slot >= procs_max_used()) {
        shared_set(hybrid_retained->shared->server->max_used, slot + 1);
    }
    memset(&hybrid_retained->shared->mail[number], 0, sizeof(shared_mail_t));
    pid = fork_child(birth, control);
    if (pid == 0) {
        child.number = number;
        exit(main_of(birth)(slot, control[0], birth->pairs));
    }
    if (pid < 0) {
        return -1;
    }
    note_started(slot, pid, control[1], number);
    procs_table()->proc[slot].has_mail = !is_threaded;
    procs_table()->proc[slot].mailed = 0;
    return slot;
}

int start_lobby(const start_birth_t *birth)
{
    procs_t *t = procs_table();
    int entry = slots_free_entry(t->slots, t->entries);
    int record = entry + 1; /* as for draining children: move_away() */
    int control[2];
    pid_t pid;

    if (entry < 0 || open_control(control) != 0) {
        return -1;
    }
    shared_begin(hybrid_retained->shared, record, hybrid_retained->mpm->my_generation);
    pid = fork_child(birth, control);
    if (pid == 0) {
        exit(birth->mains->lobby(record, control[0], birth->pairs));
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
    t->proc[entry].started = clock_now();
    return 0;
}

int start_one_process(const start_birth_t *birth)
{
    int code;

    shared_set(hybrid_retained->shared->server->max_used, 1);
    slots_clear(0);
    note_started(0, getpid(), -1, 0);
    child.lane = birth->lane;
    child.help_fd = -1;
    code = main_of(birth)(0, -1, birth->pairs);
    reap_note_ended(0);
    return code;
}
