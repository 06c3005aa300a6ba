/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/watch.h
 * @brief The epoll instance of a prefork child: listeners, the lobby's queue, connections passed by
 * the generation before, and the control eventfd.
 *
 * Used by the process's only thread; a signal handler may call watch_leave_listeners().
 */
#ifndef MPMSTATS_MPM_PREFORK_WATCH_H
#define MPMSTATS_MPM_PREFORK_WATCH_H

#include <stdbool.h>

#include "mpm/process/handoff.h"
#include "mpm/process/listeners.h"

extern int watch_fd; /**< epoll; -1 before watch_all() */
extern listener_t *watch_listeners;
extern unsigned watch_listener_count;
extern handoff_pairs_t watch_pairs; /**< the ends that a child needs */

extern int watch_is_partial;  /**< epoll_ctl() failed for one, or watch_stand_aside() was called */
extern int watch_queue_ended; /**< end of file in the lobby's queue */

/** Event pointers other than listeners and pending connections. */
extern char watch_control, watch_queue, watch_passed_on;

/** Take a child's ends of @a from, and close the others. */
void watch_take_pairs(handoff_pairs_t *from);

/** Create the epoll instance with all of them. Nonzero if that fails. */
int watch_all(void);

/** Stop accepting for good: remove the listeners from epoll. Async-signal-safe. */
void watch_leave_listeners(void);

/** Accept one connection per listener for the lobby: the kernel may have woken this child only. */
void watch_clear_listeners(void);

/**
 * Move to the end of the kernel's wait queues, so that idle children are woken first. Reports what
 * is ready at once.
 */
void watch_go_last(bool takes_passed_on);

/** Watch no sources of new work until watch_go_last(). */
void watch_stand_aside(void);

bool watch_is_listener(const void *who);

/**
 * Whether the event is new work, which a child does not take in HOLD or GIVE. In GIVE it takes the
 * lobby's queue, to pass it to the next generation.
 */
bool watch_is_new_work(const void *who);

#endif
