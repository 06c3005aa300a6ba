/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/procs.h
 * @brief The parent's table of its children.
 *
 * It is in private memory, and the parent signals only pids found here: children can overwrite the
 * shared scoreboard. It outlives restarts (hybrid_retained_t), so it must not point to code or
 * configuration. Used by the parent's only thread; a child closes the descriptors of its copy with
 * procs_forget_inherited().
 */
#ifndef MPMSTATS_MPM_PARENT_PROCS_H
#define MPMSTATS_MPM_PARENT_PROCS_H

#include <stdbool.h>
#include <sys/types.h>

#include "apr_time.h"
#include "mpm/process/shared.h"

typedef struct {
    pid_t pid; /* 0: free */
    int generation;
    int control_fd;      /* parent's end of its control socket; -1: none */
    int has_mail;        /* it reads shared_mail_t instead */
    apr_uint32_t mailed; /* messages written there */
    int told;            /* it was told to end */
    int slot;            /* in the scoreboard; -1: given up, or the lobby */
    int record;          /* in the shared counters */
    int number;          /* child_t.number: unique among live children */
    int is_lobby;
    int held;    /* CONTROL_HOLD was sent */
    char untold; /* CONTROL_* to send again because send(2) failed; 0: none */
    /* entry reserved for it since CONTROL_MOVE was sent; 0: none */
    int destination;
    apr_time_t started; /* monotonic */
} proc_t;

/*
 * Entries below `slots` are the children with a slot, by slot. The rest are draining children that
 * have given up theirs, and lobbies.
 */
typedef struct procs_t {
    int slots;
    int entries;
    proc_t proc[];
} procs_t;

/** The table; NULL before procs_create() has been called for the server. */
procs_t *procs_table(void);

/** Number of entries for which @a is_one() is true. */
int procs_count(int (*is_one)(const proc_t *));

bool procs_is_free(const proc_t *p);

/** Whether @a p is a child of the current generation that was not told to end. */
int procs_is_active(const proc_t *p);

/** The entry of that process, -1 if it is no child of the MPM. */
int procs_entry(pid_t pid);

/** The mailbox of a prefork child. */
shared_mail_t *procs_mail(const proc_t *p);

/** Table for @a slots children, never freed except when the model changes (parent.c). */
procs_t *procs_create(int slots);

/** Highest slot ever used, plus one. */
int procs_max_used(void);

/**
 * Pid of the lobby of this generation, 0 if there is none. @a entry, @a record: out, of
 * tell_kill() and of the shared counters.
 */
pid_t procs_lobby(int *entry, int *record);

/** Whether that process is a lobby, of any generation. */
bool procs_is_lobby(pid_t pid);

/** Whether the lobby of this generation lives. */
bool procs_has_lobby(void);

/** Number of procs_is_active() children. */
int procs_active(void);

/** Number of all children, lobbies and older generations included. */
int procs_total(void);

/** Scoreboard slot of that process, -1 if it has none or is no child of the MPM. */
int procs_find(pid_t pid);

/**
 * Number of children that were sent CONTROL_HOLD and have not read it, or run a request begun after
 * @a begun_after (monotonic) whose shared_needs_e bit is in @a needs. SHARED_NEEDS_CLIENT includes
 * responses that wait for their client without a worker, and TLS handshakes (their requests cannot
 * be passed on).
 */
int procs_running(apr_time_t begun_after, unsigned needs);

/** Generation of that process, -1 if it is no child of the MPM. */
int procs_generation(pid_t pid);

/** Whether it is a child of the MPM, of any kind and generation. */
bool procs_is_ours(pid_t pid);

/** Pid of the procs_is_active() child in @a slot, 0 if there is none. */
pid_t procs_accepting(int slot);

/** In a new child: close the parent's ends of its siblings' control sockets. */
void procs_forget_inherited(void);

#endif
