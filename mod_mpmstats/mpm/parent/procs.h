/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/procs.h
 * @brief The parent's table of its children.
 *
 * It lies in the parent's own memory, and it alone says which pids are ours:
 * the scoreboard is shared with the children and could have been scribbled
 * over. It outlives restarts (hybrid_retained_t), so there are no pointers to
 * code or configuration in it. Parent's only thread; in a child it is a copy
 * that procs_forget_inherited() closes.
 */
#ifndef MPMSTATS_MPM_PARENT_PROCS_H
#define MPMSTATS_MPM_PARENT_PROCS_H

#include <sys/types.h>

#include "apr_time.h"
#include "mpm/process/shared.h"

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
    char untold; /* CONTROL_* that did not fit into its socket; 0: none */
    /* entry that is kept for it, because it was asked to move there; 0: none */
    int destination;
    apr_time_t started; /* monotonic */
} proc_t;

/* Entries below `slots` are the children with a slot, by slot; behind them come
 * finishing children that have given theirs up. */
typedef struct procs_t {
    int slots;
    int entries;
    proc_t proc[];
} procs_t;

/** The table; NULL before procs_create() has been called for the server. */
procs_t *procs_table(void);

/** How many entries are such. */
int procs_count(int (*is_one)(const proc_t *));

int procs_is_free(const proc_t *p);

/** Whether @a p is a child of the current generation that accepts. */
int procs_is_active(const proc_t *p);

/** The entry of that process, -1 if it is none of ours. */
int procs_entry(pid_t pid);

/** What the parent tells a prefork child is written there. */
shared_mail_t *procs_mail(const proc_t *p);

/** Table for @a slots children; allocated for good. */
procs_t *procs_create(int slots);

/** Highest slot ever used, plus one. */
int procs_max_used(void);

/**
 * Pid of the lobby of this generation, 0 if there is none. @a entry, @a record: out, of
 * tell_kill() and of the shared counters.
 */
pid_t procs_lobby(int *entry, int *record);

/** Whether that process is a lobby, of any generation. */
int procs_is_lobby(pid_t pid);

/** Whether the lobby of this generation lives. */
int procs_has_lobby(void);

/** Children of the current generation that accept connections. */
int procs_active(void);

/** All children, those of older generations too. */
int procs_total(void);

/** Slot of our child of that pid, -1 if it is none of ours. */
int procs_find(pid_t pid);

/**
 * Children that were told to hold and run a request that has begun later than @a begun_after
 * (monotonic), or have not heard it yet. Of each kind of shared_needs_e whose bit is in @a needs;
 * with SHARED_NEEDS_CLIENT answers that wait for their client without a worker, and TLS handshakes
 * (whose requests cannot be passed on), count as well.
 */
int procs_running(apr_time_t begun_after, unsigned needs);

/** Generation of our child of that pid, -1 if it is none of ours. */
int procs_generation(pid_t pid);

/** Whether it is a child of the MPM, of any kind and generation. */
int procs_is_ours(pid_t pid);

/** Pid of the accepting child of the current generation in @a slot, 0 if there is none. */
pid_t procs_accepting(int slot);

/** In a new child: close the parent's ends of its siblings' pipes. */
void procs_forget_inherited(void);

#endif
