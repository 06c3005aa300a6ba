/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/room.h
 * @brief Whether this process, and any other one, can take another connection.
 *
 * Asked when a process is at a limit. What is read of the others they write themselves: it decides
 * who accepts and who makes room, nothing else. Any thread of a child of a threaded model; no lock.
 */
#ifndef MPMSTATS_MPM_THREADS_ROOM_H
#define MPMSTATS_MPM_THREADS_ROOM_H

typedef enum {
    /** at AsyncRequestWorkerFactor's limit, or without a worker where a connection keeps one */
    ROOM_NONE,
    /** if no other process has room: by dropping a head, or at the cost of those that send one */
    ROOM_AT_NEED,
    ROOM_FREE
} room_e;

/**
 * Of this process. @a by_worker: the caller is one of the busy workers, and will have been none.
 */
room_e room_here(int by_worker);

/** The most that any other process that serves has. */
room_e room_elsewhere(void);

/** Whether this process is to accept another connection; as room_here(). */
int room_to_accept(int by_worker);

#endif
