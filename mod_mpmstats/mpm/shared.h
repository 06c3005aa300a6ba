/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/shared.h
 * @brief Counters that children write and everybody may read.
 *
 * One anonymous shared mapping, made by the parent before the first fork and
 * kept until the server stops. There is a record for each process slot, and some more
 * for children without one. A
 * record is written by the child in that slot (relaxed atomics, any of its
 * threads) and set up by the parent while no child is in it. Nothing here is
 * believed by the parent as pid, index or size: it only shows the numbers.
 */
#ifndef MPM_SHARED_H
#define MPM_SHARED_H

#include <stdatomic.h>

#include "apr_time.h"
#include "mpm/mpm_hybrid.h"

typedef struct {
    _Atomic int pid;
    _Atomic int generation;
    _Atomic int quiescing;
    _Atomic int not_accepting;
    _Atomic int crashed_worker;         /* number of the worker that got a fatal signal, plus one */
    _Atomic apr_time_t started;
    _Atomic apr_uint32_t workers;
    _Atomic apr_uint32_t workers_busy;
    _Atomic apr_uint32_t workers_peak;
    _Atomic apr_uint32_t hung;          /* in one run for longer than MPMHungRequestTime */
    _Atomic apr_uint32_t connections[MPM_HYBRID_CONN_KINDS];
    _Atomic apr_uint64_t accepted;
    _Atomic apr_uint64_t dispatched;
    _Atomic apr_uint64_t promotions;
    _Atomic apr_uint64_t shed;
    _Atomic apr_uint32_t running;       /* pollers that were in a run when the ticker last looked */
} __attribute__((aligned(64))) shared_process_t;

typedef struct shared_t {
    int slots;                      /* records in all */
    _Atomic int max_used;           /* highest slot ever used, plus one; for children that were there before. Parent writes */
    _Atomic int idle;               /* prefork: children that wait; whoever takes the last one's place
                                     * calls the parent. A hint: the parent sets it right now and then */
    shared_process_t process[];
} shared_t;

/** Records beyond the slots, for finishing children that have given up their slot. */
#define SHARED_EXTRA 256

/** Map a table for @a slots processes and SHARED_EXTRA more, all zero; NULL and errno when that fails. */
shared_t *shared_create(int slots);

/** Unmap it, in this process. */
void shared_destroy(shared_t *shared);

/** Begin a life in @a slot: zero the counters, note who it is. Parent only, before fork. */
void shared_begin(shared_t *shared, int slot, int generation);

/** The process in @a slot is gone. Parent only. */
void shared_end(shared_t *shared, int slot);

#define shared_add(field, n) ((void)atomic_fetch_add_explicit(&(field), (n), memory_order_relaxed))
#define shared_sub(field, n) ((void)atomic_fetch_sub_explicit(&(field), (n), memory_order_relaxed))
#define shared_set(field, v) atomic_store_explicit(&(field), (v), memory_order_relaxed)
#define shared_get(field)    atomic_load_explicit(&(field), memory_order_relaxed)

/* The optional functions of mpm_hybrid.h. */
apr_status_t mpm_hybrid_limits_get(int lane, mpm_hybrid_limits_t *out);
apr_status_t mpm_hybrid_process_get(int slot, mpm_hybrid_process_t *out);

#endif
