/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/shared.h
 * @brief Counters that children write and everybody may read.
 *
 * One anonymous shared mapping, made by the parent before the first fork and
 * kept until the server stops. There is a record for each process slot, and some more
 * for children without one. A
 * record is written by the child in that slot (relaxed atomics, any of its
 * threads) and set up by the parent while no child is in it. Nothing here is
 * believed by the parent as pid, index or size: it only shows the numbers. Where the
 * parts of the mapping lie and how long they are stands in shared_t, in memory that
 * each process has to itself.
 */
#ifndef MPMSTATS_MPM_PROCESS_SHARED_H
#define MPMSTATS_MPM_PROCESS_SHARED_H

#include <stdatomic.h>

#include "apr_time.h"
#include "mpm/mpm_hybrid.h"

typedef struct {
    _Atomic int pid;
    _Atomic int generation;
    _Atomic int quiescing;
    _Atomic int not_accepting;
    _Atomic int crashed_worker; /* number of the worker that got a fatal signal, plus one */
    _Atomic apr_time_t started;
    _Atomic apr_uint32_t start_us; /* prefork: what it took to start, until it could serve */
    _Atomic apr_uint32_t workers;
    _Atomic apr_uint32_t workers_busy;
    _Atomic apr_uint32_t workers_peak;
    _Atomic int holding; /* it begins nothing new: a restart */
    /* monotonic; when the youngest HTTP/2 stream that runs began, 0: none runs */
    _Atomic apr_time_t stream_since;
    _Atomic apr_uint32_t hung; /* in one run for longer than MPMHungRequestTime */
    _Atomic apr_uint32_t connections[MPM_HYBRID_CONN_KINDS];
    _Atomic apr_uint64_t accepted;
    _Atomic apr_uint64_t dispatched;
    _Atomic apr_uint64_t promotions;
    _Atomic apr_uint64_t shed;
    _Atomic apr_uint32_t running;    /* pollers that were in a run when the ticker last looked */
    _Atomic apr_uint64_t head_bytes; /* held of requests that are not whole */
    /* monotonic; when the ticker last came by, 0: it has not reached its loop */
    _Atomic apr_time_t ticked;
} __attribute__((aligned(64))) shared_process_t;

typedef struct {
    _Atomic apr_uint64_t count; /* times it has begun */
    _Atomic apr_time_t since;   /* monotonic; when the last one began */
    _Atomic apr_time_t last;    /* and when it was felt last; 0: never */
} shared_shortage_t;

/** Of the server as a whole: every process may write it. */
typedef struct {
    /* highest slot ever used, plus one; for children that were there before. Parent writes */
    _Atomic int max_used;
    _Atomic int idle; /* prefork: children that wait; whoever takes the last one's place
                                     * calls the parent. A hint: the parent sets it right now and then */
    _Atomic apr_uint64_t saturations;
    _Atomic apr_uint64_t crashes;
    /* one of its children has told that the parent is gone. That child writes */
    _Atomic int orphaned;
    /* children that have given no sign of life for some seconds. Parent writes */
    _Atomic apr_uint32_t suspected;
    _Atomic apr_uint64_t stuck; /* children that hung before they served, or whose ticker did */
    shared_shortage_t shortages[MPM_HYBRID_SHORTAGES];
} __attribute__((aligned(64))) shared_server_t;

#define SHARED_MAIL_ROOM 14

/**
 * prefork: what the parent tells a child, by the child's number; a signal says that there is
 * something. A socket for each child would take a descriptor of the parent's. Others can write
 * there, but they could also kill the child.
 */
typedef struct {
    /* messages so far. Parent writes; the parent's own count counts */
    _Atomic apr_uint32_t written;
    _Atomic apr_uint32_t moved; /* the child has given its slot up. Child writes */
    /* the last ones: CONTROL_*, and 256 * extra */
    _Atomic apr_uint32_t message[SHARED_MAIL_ROOM];
} __attribute__((aligned(64))) shared_mail_t;

#define SHARED_HANDLER_WORDS 4

/** What a request still needs of the configuration under which it was begun. */
typedef enum {
    SHARED_NEEDS_ALL,   /**< perhaps a daemon */
    SHARED_NEEDS_LOG,   /**< only that it is logged when it is over */
    SHARED_NEEDS_CLIENT /**< the same, and how long it takes is up to its client */
} shared_needs_e;

/**
 * When what a worker runs began, monotonic and rounded down, and what it needs; 0: it runs nothing
 * that a restart waits for.
 */
#define SHARED_SINCE(since, needs) (((since) & ~(apr_time_t)3) | (needs))
#define SHARED_SINCE_NEEDS(word) ((shared_needs_e)((word)&3))

/** Of a worker, by slot and thread as in the scoreboard, which has no room for it. */
typedef struct {
    /* name of its request's, without a NUL if it is as long as this */
    _Atomic apr_uint64_t handler[SHARED_HANDLER_WORDS];
    _Atomic apr_time_t since; /* SHARED_SINCE. Its worker writes */
} __attribute__((aligned(64))) shared_worker_t;

/** The parts of the mapping. Private memory, constant once made. */
typedef struct shared_t {
    int slots;   /* process records in all */
    int boards;  /* slots of the scoreboard, */
    int threads; /* each with so many workers */
    shared_server_t *server;
    shared_process_t *process;
    shared_mail_t *mail; /* as many */
    shared_worker_t *worker;
} shared_t;

/** Records beyond the slots, for finishing children that have given up their slot. */
#define SHARED_EXTRA 256

/**
 * Map records for @a slots processes and SHARED_EXTRA more, and for @a threads workers in each
 * slot, all zero; NULL and errno when that fails.
 */
shared_t *shared_create(int slots, int threads);

/** Worker @a thread of @a slot begins a request that handler @a name is to serve. Its thread. */
void shared_note_handler(int slot, int thread, const char *name);

/**
 * Name of the handler of the request that worker @a thread of scoreboard slot @a slot runs now or
 * ran last, cut to @a size; may hold any bytes. APR_ENOENT where there is no such worker.
 */
apr_status_t shared_handler(int slot, int thread, char *name, apr_size_t size);

/**
 * Worker @a thread of @a slot runs something since @a since that a graceful restart waits for; 0:
 * no longer. Its thread. Who then finds that handover_state() is HANDOVER_OFF has been seen by the
 * parent.
 */
void shared_note_since(int slot, int thread, apr_time_t since);

/** What that needs. Its thread. */
void shared_note_needs(int slot, int thread, shared_needs_e needs);

/** SHARED_SINCE; 0: it runs nothing of that kind, or there is no such worker. */
apr_time_t shared_since(int slot, int thread);

/** Go on counting the events of the server where @a old, of another shape, has left off. */
void shared_inherit(shared_t *shared, const shared_t *old);

/** Unmap the records in this process, and free @a shared. */
void shared_destroy(shared_t *shared);

/** Begin a life in @a slot: zero the counters, note who it is. Parent only, before fork. */
void shared_begin(shared_t *shared, int slot, int generation);

/**
 * This process counts in @a to from now on, and in @a mine, where its threads look, no longer: with
 * all it has counted so far. @a has_threads: takes 1 ms, for what they count meanwhile.
 */
void shared_move(shared_process_t *_Atomic *mine, shared_process_t *to, int has_threads);

/** How many connections a process has, of all kinds. */
unsigned shared_connections(const shared_process_t *p);

/** The process in @a slot is gone. Parent only. */
void shared_end(shared_t *shared, int slot);

#define shared_add(field, n) ((void)atomic_fetch_add_explicit(&(field), (n), memory_order_relaxed))
#define shared_sub(field, n) ((void)atomic_fetch_sub_explicit(&(field), (n), memory_order_relaxed))
#define shared_set(field, v) atomic_store_explicit(&(field), (v), memory_order_relaxed)
#define shared_get(field) atomic_load_explicit(&(field), memory_order_relaxed)

/* The optional functions of mpm_hybrid.h. */
apr_status_t mpm_hybrid_process_get(int slot, mpm_hybrid_process_t *out);
apr_status_t mpm_hybrid_events_get(mpm_hybrid_events_t *out);

#endif
