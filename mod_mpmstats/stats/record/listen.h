/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/listen.h
 * @brief How long the kernel's queues of connections are, and what it had to drop.
 */
#ifndef MPMSTATS_STATS_RECORD_LISTEN_H
#define MPMSTATS_STATS_RECORD_LISTEN_H

/** Asks the kernel about each listening socket that this process still has. */
void record_listen_look(void);

/** In the parent: an event for queues that overflowed since the last time. */
void record_listen_overflows(void);

#endif
