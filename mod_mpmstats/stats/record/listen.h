/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/listen.h
 * @brief The lengths of the kernel's listen queues, and its listen overflows.
 */
#ifndef MPMSTATS_STATS_RECORD_LISTEN_H
#define MPMSTATS_STATS_RECORD_LISTEN_H

/** Samples each listening socket that this process has open. */
void record_listen_look(void);

/** In the parent: writes an event if queues have overflowed since the last call. */
void record_listen_overflows(void);

#endif
