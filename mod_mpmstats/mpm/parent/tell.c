/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/parent/tell.h"

#include <errno.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "mpm_common.h"

#include "mpm/module.h"
#include "mpm/process/control.h"
#include "mpm/process/shared.h"

/* LOOK and MOVE are not repeated; a later message of the others replaces an unsent one. */
static bool is_to_be_told(char what)
{
    return what != CONTROL_LOOK && what != CONTROL_MOVE;
}

static void note_untold(proc_t *p, char what, int err)
{
    if (err == EPIPE || err == ECONNRESET) {
        return; /* it has ended */
    }
    if (p->untold == 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, err, ap_server_conf,
                     "child %d does not read the parent's messages; the message %s is sent again",
                     (int)p->pid,
                     what == CONTROL_HOLD || what == CONTROL_GO_ON ? "of a restart" : "to end");
    }
    p->untold = what;
}

/* A signal interrupts a prefork child's request: it has no other thread to read the mail. */
static void tell_by_mail(proc_t *p, char what, int extra)
{
    shared_mail_t *mail = procs_mail(p);

    shared_set(mail->message[p->mailed % SHARED_MAIL_ROOM],
               (apr_uint32_t)(unsigned char)what + 256u * (apr_uint32_t)extra);
    atomic_store(&mail->written, ++p->mailed);
    kill(p->pid, what == CONTROL_NOW ? SIGTERM : AP_SIG_GRACEFUL);
}

void tell_one(proc_t *p, char what, int extra)
{
    control_message_t message;
    bool sent;

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

void tell_entry(int slot, char what)
{
    procs_table()->proc[slot].told = 1;
    tell_one(&procs_table()->proc[slot], what, 0);
}

void tell_leaving(int slot)
{
    if (!procs_table()->proc[slot].has_mail) {
        /*
         * `quiescing` is in shared memory, where others can set it to make the parent start ever
         * more children. Sending GRACEFUL makes it true.
         */
        tell_entry(slot, CONTROL_GRACEFUL);
    }
    procs_table()->proc[slot].told = 1;
}

void tell_kill(int entry)
{
    if (procs_table()->proc[entry].pid > 0) {
        procs_table()->proc[entry].told = 1;
        kill(procs_table()->proc[entry].pid, SIGKILL);
    }
}

void tell_older(void)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && !t->proc[i].told
            && t->proc[i].generation != hybrid_retained->mpm->my_generation) {
            tell_entry(i, CONTROL_FINISH);
        }
    }
}

void tell_all(char what)
{
    int i;

    for (i = 0; i < procs_table()->entries; i++) {
        tell_entry(i, what);
    }
}

/*
 * A child with an unread message will look anyway; skipping it leaves room in its socket for other
 * messages.
 */
static bool has_read_all(const proc_t *p)
{
    int unread = 0;

    return ioctl(p->control_fd, SIOCOUTQ, &unread) != 0 || unread == 0;
}

int tell_again(void)
{
    procs_t *t = procs_table();
    int i, untold = 0;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].untold != 0) {
            tell_one(&t->proc[i], t->proc[i].untold, 0);
            untold |= t->proc[i].untold != 0;
        }
    }
    return untold;
}

void tell_to_look(void)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (procs_is_active(&t->proc[i]) && has_read_all(&t->proc[i])) {
            tell_one(&t->proc[i], CONTROL_LOOK, 0);
        }
    }
}

void tell_to_hold(void)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && !t->proc[i].told) {
            t->proc[i].held = 1;
            tell_one(&t->proc[i], CONTROL_HOLD, 0);
        }
    }
}

void tell_to_go_on(void)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid != 0 && t->proc[i].held && !t->proc[i].told) {
            t->proc[i].held = 0;
            tell_one(&t->proc[i], CONTROL_GO_ON, 0);
        }
    }
}

void tell_signal(int sig)
{
    procs_t *t = procs_table();
    int i;

    for (i = 0; i < t->entries; i++) {
        if (t->proc[i].pid > 0) {
            kill(t->proc[i].pid, sig);
        }
    }
}
