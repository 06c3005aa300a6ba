/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  base/lock.h
 * @brief A mutex whose holder the debug build can check (base/must_hold.h).
 */
#ifndef MPMSTATS_BASE_LOCK_H
#define MPMSTATS_BASE_LOCK_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/must_hold.h"

#ifdef MPM_DEBUG
#define LOCK_INITIALIZER PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP
#else
#define LOCK_INITIALIZER PTHREAD_MUTEX_INITIALIZER
#endif

/**
 * Whether this thread holds @a lock, initialised with LOCK_INITIALIZER. For MUST_HOLD only: if it
 * does not, the call takes the lock.
 */
static inline bool lock_is_mine(pthread_mutex_t *lock)
{
    return pthread_mutex_lock(lock) == EDEADLK;
}

#endif
