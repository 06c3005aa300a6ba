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

#include "apr_thread_proc.h"
#include "apr_time.h"
#include "mpm/process/handoff.h"
#include "mpm/lane.h"

/*
 * What the parent tells a child through its socket, of which the end of file says that the parent
 * is gone; a prefork child by shared_mail_t and a signal.
 */
#define PROCS_TELL_GRACEFUL '!'
#define PROCS_TELL_NOW '$'
#define PROCS_TELL_FINISH 'F' /**< like graceful, and so does your whole generation */
#define PROCS_TELL_LAST 'L'   /**< like finish, and nobody will accept after you */
#define PROCS_TELL_LOOK \
    '?' /**< somebody cannot accept what waits: look for it. Threaded models only */
#define PROCS_TELL_HOLD 'H'  /**< a restart begins: begin nothing new; FINISH follows, or GO_ON */
#define PROCS_TELL_GO_ON 'G' /**< there is no new generation yet: go on as before */
#define PROCS_TELL_MOVE '>'  /**< give the slot up; answered with one byte when done */

typedef struct {
    unsigned char what;   /**< PROCS_TELL_* */
    unsigned short extra; /**< PROCS_TELL_MOVE: shared record to count in */
} procs_message_t;

typedef struct procs_t procs_t;

/** Table for @a slots children; allocated for good. */
procs_t *procs_create(int slots);

/** Highest slot ever used, plus one. */
int procs_max_used(void);

/**
 * Start a child (@a pairs: of the prefork model); its slot, or -1 when there is no free slot or
 * fork failed (which is logged).
 */
int procs_start(const lane_t *lane, int help_fd, handoff_pairs_t *pairs);

/** Start the lobby of the prefork model. 0, or -1 when that failed (which is logged). */
int procs_start_lobby(const lane_t *lane, int help_fd, handoff_pairs_t *pairs);

/**
 * Pid of the lobby of this generation, 0 if there is none. @a entry, @a record: out, of
 * procs_kill() and of the shared counters.
 */
pid_t procs_lobby(int *entry, int *record);

/**
 * In a child: whose child it was when it was forked, which getppid() no longer tells when that
 * process has gone since.
 */
pid_t procs_parent(void);

/** Whether that process is a lobby, of any generation. */
int procs_is_lobby(pid_t pid);

/** Whether the lobby of this generation lives. */
int procs_has_lobby(void);

/** Tell all children that are not of the current generation, and not told yet, to finish. */
void procs_tell_older(void);

/** Children of the current generation that accept connections. */
int procs_active(void);

/** All children, those of older generations too. */
int procs_total(void);

/**
 * Slots in which a child may be started, those that finishing children can be made to give up
 * included.
 */
int procs_free_slots(void);

/** Slot of our child of that pid, -1 if it is none of ours. */
int procs_find(pid_t pid);

/** Our child of that pid has ended: clear up after it. Non-zero if it was one of ours.
 *  @param generation  out: of the child
 *  @param lived       out: µs since it was started */
int procs_ended(pid_t pid, int *generation, apr_interval_time_t *lived);

/** Whether any process is waiting to be reaped. */
int procs_zombies(void);

/** The child in @a slot has decided to go by itself. */
void procs_leaves(int slot);

/** Tell all children, or the one in @a slot, to go (PROCS_TELL_*). */
void procs_tell_all(char what);
void procs_tell(int slot, char what);

/** Kill the child in slot, or the lobby of, @a entry, which does not hear any more. */
void procs_kill(int entry);

/**
 * Tell what did not fit into a child's socket, and hear who was slow to answer. Nonzero while there
 * is anything left: to be called every now and then.
 */
int procs_tell_again(void);

/** PROCS_TELL_LOOK to all children of the current generation that accept. */
void procs_tell_to_look(void);

/** PROCS_TELL_HOLD to all children that have not been told to go. */
void procs_tell_to_hold(void);

/** PROCS_TELL_GO_ON to those that were told to hold, and not to finish. */
void procs_tell_to_go_on(void);

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

/** Send a signal to all children. */
void procs_signal_all(int sig);

/**
 * Wait until all children have ended, first patiently, then with SIGTERM, in the
 * end with SIGKILL; other children of httpd are looked after as well.
 */
void procs_reclaim(void);

/** In a new child: close the parent's ends of its siblings' pipes. */
void procs_forget_inherited(void);

/** -X: note that the one process is the child in slot 0; and its end. */
void procs_note_one_process(void);
void procs_note_one_process_end(void);

#endif
