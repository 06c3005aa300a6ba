/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/watch.h
 * @brief What an idle prefork child waits for: the listeners, the lobby's queue, what the generation
 * before passes on, and a word of the parent.
 *
 * Of the process's one thread; a signal handler may come in between, and leaves the listeners.
 */
#ifndef MPMSTATS_MPM_PREFORK_WATCH_H
#define MPMSTATS_MPM_PREFORK_WATCH_H

#include "mpm/process/handoff.h"
#include "mpm/process/listeners.h"

extern int watch_fd; /**< epoll; -1 before watch_all() */
extern listener_t *watch_listeners;
extern unsigned watch_listener_count;
extern handoff_pairs_t watch_pairs; /**< of them what a child needs */

extern int watch_is_partial;  /**< epoll has refused one of them, or all have been taken out */
extern int watch_queue_ended; /**< nothing more comes from the lobby */

/** What an event is for, where it is not for a listener or a connection that is held. */
extern char watch_control, watch_queue, watch_passed_on;

/** Take a child's ends of @a from, and close the others. */
void watch_take_pairs(handoff_pairs_t *from);

/** Make the epoll, with all of them in it. Nonzero if that is not possible. */
int watch_all(void);

/**
 * Accept nothing any more. The other processes have the same sockets: they stay in our epoll unless
 * they are taken out. Async-signal-safe.
 */
void watch_leave_listeners(void);

/** Send what waits at the listeners, of which we may have been told alone, to the lobby. */
void watch_clear_listeners(void);

/** Go to the end of the queues of those who are told. What is there we are told at once. */
void watch_go_last(int takes_passed_on);

/** Hear of nothing new, until watch_go_last(). */
void watch_stand_aside(void);

int watch_is_listener(const void *who);

/**
 * Of a child that holds, or gives to the next generation, these are not taken: the queue's are, to
 * be passed on.
 */
int watch_is_new_work(const void *who);

#endif
