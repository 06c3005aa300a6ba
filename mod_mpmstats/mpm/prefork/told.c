/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process has no other thread, so signals do the ticker's work: SIGUSR1 announces mail from the
 * parent, also during a request; SIGTERM shuts the connection down; a second SIGTERM ends a request
 * that does not notice.
 */
#include "mpm/prefork/told.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mpm_common.h"
#include "scoreboard.h"

#include "base/clock.h"
#include "mpm/module.h"
#include "mpm/prefork/pending_tls.h"
#include "mpm/prefork/watch.h"
#include "mpm/process/child.h"
#include "mpm/process/control.h"
#include "mpm/process/handover.h"
#include "mpm/process/life.h"

told_t told = { .ending = TOLD_RUN, .current_fd = -1, .told = 1 };

/* Constant after told_init(). NULL with -X. */
static shared_mail_t *mail;
static ap_sb_handle_t *sbh;

static volatile apr_uint32_t mails_read;
static volatile sig_atomic_t idle; /* counted in shared_server_t.idle */

/* ---- busy or not -------------------------------------------------------- */

void told_be_idle(void)
{
    shared_note_since(child.slot, 0, 0);
    if (pending_tls_count() > 0 || handover_state() != HANDOVER_OFF) {
        shared_set(child.stats->workers_busy, pending_tls_count() > 0);
        return;
    }
    shared_set(child.stats->workers_busy, 0);
    if (!idle && told.ending == TOLD_RUN) {
        idle = 1;
        atomic_fetch_add(&hybrid_retained->shared->server->idle, 1);
    }
}

/* Nonzero if this was the last idle child. */
static int leave_idle(void)
{
    if (!idle) {
        return 0;
    }
    idle = 0;
    return atomic_fetch_sub(&hybrid_retained->shared->server->idle, 1) <= 1;
}

static void be_busy(void)
{
    shared_set(child.stats->workers_busy, 1);
    if (leave_idle()) {
        child_tell_parent(CHILD_HELP);
    }
}

/* ---- control messages (signal handlers come here too) -------------------- */

/* A restart begins: leave new work to the next generation. The running request goes on. */
static void hold_back(void)
{
    if (told.ending == TOLD_RUN && handover_state() == HANDOVER_OFF) {
        handover_hold();
        (void)leave_idle();
        watch_stand_aside();
        atomic_store(&child.stats->holding, 1); /* after the state: shared_note_since() */
    }
}

/* There is no next generation yet: serve_all() watches the listeners again. */
void told_go_on(void)
{
    if (handover_state() == HANDOVER_HOLD) {
        handover_go_on();
        shared_set(child.stats->holding, 0);
    }
}

void told_begin_end(int how)
{
    if (how > told.ending) {
        told.ending = how;
    }
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
    (void)leave_idle();
    if (!told.running && handover_state() != HANDOVER_GIVE) {
        watch_clear_listeners();
    }
    watch_leave_listeners();
    child.score->quiescing = 1;
    shared_set(child.stats->quiescing, 1);
}

static void move(unsigned record)
{
    life_give_up_slot(record);
    ap_update_sb_handle(sbh, child.slot, 0);
    shared_set(mail->moved, 1);
}

static void end(unsigned what)
{
    told_begin_end(what == CONTROL_NOW            ? TOLD_NOW
                       : what == CONTROL_GRACEFUL ? TOLD_RETIRE
                                                  : TOLD_FINISH);
}

static const control_acts_t acts = {
    .hold = hold_back, .go_on = told_go_on, .move = move, .end = end
};

/* Called after each mail signal, which the kernel also sends at the parent's end. */
void told_look_for_parent(void)
{
    if (!child_is_orphan()) {
        return;
    }
    handover_keep();
    if (told.ending == TOLD_RUN) {
        told.orphaned = 1;
        told_go_on();
        told_begin_end(TOLD_FINISH);
    }
    if (told.orphaned && !told.running) { /* a signal handler must not log */
        told.orphaned = 0;
        child_say_orphaned();
    }
}

static void read_mail(void)
{
    apr_uint32_t written;
    int n;

    /* At most SHARED_MAIL_ROOM: a sibling could write there without end. */
    for (n = 0; mail != NULL && n < SHARED_MAIL_ROOM
         && (written = atomic_load(&mail->written)) != mails_read;
         n++) {
        apr_uint32_t message;

        if (written - mails_read > SHARED_MAIL_ROOM) {
            mails_read = written - SHARED_MAIL_ROOM;
        }
        message = shared_get(mail->message[mails_read++ % SHARED_MAIL_ROOM]);
        control_obey(message % 256, message / 256, &acts);
    }
    told_look_for_parent();
}

void told_read_control(void)
{
    static volatile sig_atomic_t reading;

    if (reading) {
        told.told = 1;
        return;
    }
    do {
        told.told = 0;
        reading = 1;
        read_mail();
        reading = 0;
    } while (told.told);
}

/* ---- signals ------------------------------------------------------------ */

static void on_told(int sig)
{
    int err = errno;

    (void)sig;
    told.told = 1;
    if (told.running) {
        told_read_control();
    }
    else {
        child_wake();
    }
    errno = err;
}

static void on_term(int sig)
{
    int err = errno;

    (void)sig;
    if (++told.terms > 1) {
        _exit(0);
    }
    atomic_store(&child.stopping, CHILD_NOW);
    child_wake();
    if (told.current_fd >= 0) {
        shutdown(told.current_fd, SHUT_RDWR);
    }
    errno = err;
}

bool told_is_cut(void)
{
    return told.terms > 0;
}

/* -X: no parent sends control messages. */
static void on_finish(int sig)
{
    (void)sig;
    hybrid_retained->mpm->mpm_state = AP_MPMQ_STOPPING;
}

static void set_signals(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_flags = SA_RESTART;
    sa.sa_handler = hybrid_one_process ? on_finish : on_told;
    sigaction(AP_SIG_GRACEFUL, &sa, NULL);
    sa.sa_flags = 0;
    sa.sa_handler = on_term;
    sigaction(SIGTERM, &sa, NULL);
    if (hybrid_one_process) {
        sigaction(SIGINT, &sa, NULL);
        sigaction(AP_SIG_GRACEFUL_STOP, &sa, NULL);
    }
    else {
        /* a terminal sends it to the whole group: the parent decides */
        signal(SIGINT, SIG_IGN);
    }
}

/* ---- one run ------------------------------------------------------------ */

void told_begin_run(int fd)
{
    be_busy();
    shared_note_since(child.slot, 0, clock_now()); /* before the mail is read */
    shared_set(child.stats->workers_peak, 1);
    shared_set(child.stats->connections[MPM_HYBRID_CONN_RUNNING], 1);
    told.current_fd = fd;
    told.running = 1;
    if (told.told) { /* since epoll_wait() */
        told.told = 0;
        told_read_control();
    }
}

void told_end_run(void)
{
    told.current_fd = -1;
    shared_set(child.stats->connections[MPM_HYBRID_CONN_RUNNING], 0);
    told.running = 0;
    if (told.orphaned) {
        told_look_for_parent();
    }
    told_be_idle();
}

void told_init(shared_mail_t *from_parent, ap_sb_handle_t *handle)
{
    mail = from_parent;
    sbh = handle;
    set_signals();
}

void told_of_parents_end(void)
{
    if (!hybrid_one_process) {
        prctl(PR_SET_PDEATHSIG, AP_SIG_GRACEFUL);
    }
}
