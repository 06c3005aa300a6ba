/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/told.h
 * @brief Control messages and signals of a prefork child, and whether it counts as idle.
 */
#ifndef MPMSTATS_MPM_PREFORK_TOLD_H
#define MPMSTATS_MPM_PREFORK_TOLD_H

#include <signal.h>
#include <stdbool.h>

#include "mpm/compat.h"
#include "mpm/process/shared.h"

/** How the child ends; only increases. */
enum {
    TOLD_RUN,
    TOLD_RETIRE, /**< alone */
    TOLD_FINISH, /**< with its generation: serve what the lobby still passes */
    TOLD_NOW
};

/**
 * Used by the only thread and by signal handlers, which obey control messages while a connection
 * runs.
 */
typedef struct {
    volatile sig_atomic_t ending;     /**< TOLD_* */
    volatile sig_atomic_t terms;      /**< number of SIGTERMs */
    volatile sig_atomic_t current_fd; /**< running connection, which SIGTERM shuts down; -1: none */
    volatile sig_atomic_t running;    /**< between told_begin_run() and told_end_run() */
    volatile sig_atomic_t told;       /**< there is unread mail */
    volatile sig_atomic_t orphaned;   /**< the parent has ended, which is not logged yet */
} told_t;

extern told_t told;

/** Install the signal handlers. @a mail: NULL with -X. @a sbh: this child's scoreboard handle. */
void told_init(shared_mail_t *mail, ap_sb_handle_t *sbh);

/**
 * Request a signal at the parent's end, for a child in a request. After the change of user, which
 * resets PR_SET_PDEATHSIG.
 */
void told_of_parents_end(void);

/** Whether SIGTERM has arrived, which shuts the running connection down. */
bool told_is_cut(void);

/** Read and obey the mail. If a signal handler interrupts it, this call reads the new mail, too. */
void told_read_control(void);

/** Drain if the parent has ended. */
void told_look_for_parent(void);

/** End a hold (CONTROL_HOLD). */
void told_go_on(void);

/** Begin to end (TOLD_*): leave the listeners. */
void told_begin_end(int how);

/**
 * Count as idle, except with pending TLS connections (a busy child makes the parent start another
 * one) or in a restart.
 */
void told_be_idle(void);

/** Before and after running the connection on @a fd. */
void told_begin_run(int fd);
void told_end_run(void);

#endif
