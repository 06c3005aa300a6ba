/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/told.h
 * @brief What a prefork child is told by the parent and by signals, and whether it counts as idle.
 */
#ifndef MPMSTATS_MPM_PREFORK_TOLD_H
#define MPMSTATS_MPM_PREFORK_TOLD_H

#include <signal.h>

#include "mpm/compat.h"
#include "mpm/process/shared.h"

/** How it ends; only ever rises. */
enum {
    TOLD_RUN,
    TOLD_RETIRE, /**< by itself, or alone */
    TOLD_FINISH, /**< with its generation: what the lobby still passes on is served */
    TOLD_NOW
};

/**
 * Of the one thread. Signal handlers write these too: while a connection runs they do at once what
 * the parent says.
 */
typedef struct {
    volatile sig_atomic_t ending;     /**< TOLD_* */
    volatile sig_atomic_t terms;      /**< SIGTERMs so far */
    volatile sig_atomic_t current_fd; /**< of the connection that runs, which SIGTERM cuts; -1 */
    volatile sig_atomic_t running;    /**< between told_begin_run() and told_end_run() */
    volatile sig_atomic_t told;       /**< there is mail that has not been read */
    volatile sig_atomic_t orphaned;   /**< the parent is gone, and that is to be logged */
} told_t;

extern told_t told;

/** Hear signals, and @a mail, which is NULL with -X. @a sbh: this child's in httpd's scoreboard. */
void told_init(shared_mail_t *mail, ap_sb_handle_t *sbh);

/**
 * After the change of user, which would undo it: who is in a request has to hear of the parent's end
 * too.
 */
void told_of_parents_end(void);

/** Whether SIGTERM has cut the connection. */
int told_is_cut(void);

/** Read the mail. A signal handler that interrupts it leaves the mail to it. */
void told_read_control(void);

/** Whether the parent is there; if not, finish. */
void told_look_for_parent(void);

/** A hold is over. */
void told_go_on(void);

/** End as @a how says: leave the listeners. */
void told_begin_end(int how);

/**
 * Count among those that wait, which whoever holds a connection does not: as long as there may be
 * more processes, each such connection has one.
 */
void told_be_idle(void);

/** This process is about to run the connection on @a fd; it has run it. */
void told_begin_run(int fd);
void told_end_run(void);

#endif
