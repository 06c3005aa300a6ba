/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/room.h
 * @brief Whether this process and the others can take another connection.
 *
 * Processes publish their own counts; reading those of others is racy, so it decides only who
 * accepts and who makes room. Any thread of a child of a threaded model; no lock.
 */
#ifndef MPMSTATS_MPM_THREADS_ROOM_H
#define MPMSTATS_MPM_THREADS_ROOM_H

#include <stdbool.h>

typedef enum {
    /** at AsyncRequestWorkerFactor's limit, or in the worker model without an idle worker */
    ROOM_NONE,
    /** only if no other process has room: by ending an idle HTTP/2 connection, by dropping one
     * without a complete head, or with a worker that such a connection will need */
    ROOM_AT_NEED,
    ROOM_FREE
} room_e;

/** Of this process. @a by_worker: 1 if the caller is a busy worker, which is not counted then. */
room_e room_here(bool by_worker);

/** The best value of all other serving processes. */
room_e room_elsewhere(void);

/** Whether this process is at its limit of connections or descriptors. */
bool room_is_full(void);

/** Prepare this child: its limit of descriptors. */
void room_child_init(void);

/**
 * accept(2) has failed for lack of descriptors. If connections should have most of them they have
 * more than is counted: lower the limit.
 */
void room_was_short(void);

/** Ticker: raise the limit again when most connections have gone. */
void room_look(void);

/** Whether this process accepts another connection; @a by_worker as for room_here(). */
bool room_to_accept(bool by_worker);

#endif
