/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/shared.h
 * @brief Counters that children write and all processes read.
 *
 * One anonymous shared mapping, created by the parent before the first fork and kept until the
 * server stops or the model changes. There is a record for each process slot, and SHARED_EXTRA more
 * for children without one. The child in a slot writes its record (relaxed atomics, any thread);
 * the parent initializes it while no child has it. The parent never uses a value from here as pid,
 * index or size. Addresses and sizes of the mapping's parts are in shared_t, in private memory.
 */
#ifndef MPMSTATS_MPM_PROCESS_SHARED_H
#define MPMSTATS_MPM_PROCESS_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>

#include "apr_time.h"
#include "mpm/mpm_hybrid.h"

typedef struct {
    _Atomic int pid;
    _Atomic int generation;
    _Atomic int quiescing;
    _Atomic int not_accepting;
    _Atomic int crashed_worker; /* number of the worker that got a fatal signal, plus one */
    _Atomic apr_time_t started;
    _Atomic apr_uint32_t start_us; /* prefork: duration of its setup */
    _Atomic apr_uint32_t workers;
    _Atomic apr_uint32_t workers_busy;
    _Atomic apr_uint32_t workers_peak;
    _Atomic int holding; /* CONTROL_HOLD is in effect */
    /* monotonic; when the youngest running HTTP/2 stream began, 0: none runs */
    _Atomic apr_time_t stream_since;
    /* workers and streams in one request for longer than MPMHungRequestTime */
    _Atomic apr_uint32_t hung;
    _Atomic apr_uint32_t streams; /* HTTP/2 streams that run, at the ticker's last check */
    _Atomic apr_uint32_t connections[MPM_HYBRID_CONN_KINDS];
    /* descriptors that connections have, or are about to have, beside their sockets */
    _Atomic apr_uint32_t files;
    _Atomic apr_uint32_t idle_http2; /* parked HTTP/2 connections without an open stream */
    /* limits: of connections, and of connections and `files` together */
    _Atomic apr_uint32_t most_connections;
    _Atomic apr_uint32_t most_files;
    _Atomic apr_uint64_t accepted;
    _Atomic apr_uint64_t dispatched;
    _Atomic apr_uint64_t promotions;
    _Atomic apr_uint64_t shed;
    _Atomic apr_uint32_t running;    /* pollers in a run at the ticker's last check */
    _Atomic apr_uint64_t head_bytes; /* memory for incomplete requests */
    /* monotonic; last pass of the ticker's loop, 0: it has not reached it */
    _Atomic apr_time_t ticked;
} __attribute__((aligned(64))) shared_process_t;

typedef struct {
    _Atomic apr_uint64_t count; /* times it began */
    _Atomic apr_time_t since;   /* monotonic; begin of the last one */
    _Atomic apr_time_t last;    /* monotonic; last refusal, 0: never */
} shared_shortage_t;

/** Record of the whole server; every process may write it. */
typedef struct {
    /* highest slot ever used, plus one. Parent writes; older children read it, too */
    _Atomic int max_used;
    /* prefork: idle children; the last one to become busy wakes the parent, which corrects it */
    _Atomic int idle;
    _Atomic apr_uint64_t saturations;
    _Atomic apr_uint64_t crashes;
    /* a child has logged that the parent ended. That child writes */
    _Atomic int orphaned;
    /* children now without a sign of life for 3 seconds. Parent writes */
    _Atomic apr_uint32_t suspected;
    _Atomic apr_uint64_t stuck; /* children killed because startup or the ticker hung */
    /* a process is starting, or can be started: those at their limit wait for it. Parent writes */
    _Atomic int has_more;
    shared_shortage_t shortages[MPM_HYBRID_SHORTAGES];
} __attribute__((aligned(64))) shared_server_t;

#define SHARED_MAIL_ROOM 14

/**
 * prefork: mailbox of a child, by the child's number; a signal announces mail. It saves the parent
 * a socket per child. Siblings can write it, but they could as well kill the child.
 */
typedef struct {
    /* number of messages; the parent writes it from its own count, proc_t.mailed */
    _Atomic apr_uint32_t written;
    _Atomic apr_uint32_t moved; /* the child has given up its slot. Child writes */
    /* the last messages: CONTROL_* + 256 * extra */
    _Atomic apr_uint32_t message[SHARED_MAIL_ROOM];
} __attribute__((aligned(64))) shared_mail_t;

#define SHARED_HANDLER_WORDS 4

/** What a request needs of the configuration under which it began. */
typedef enum {
    SHARED_NEEDS_ALL,   /**< possibly a module's daemon */
    SHARED_NEEDS_LOG,   /**< only the logs at its end */
    SHARED_NEEDS_CLIENT /**< the same; its duration depends on the client only */
} shared_needs_e;

/**
 * One word of a worker: the begin of its run (monotonic, rounded down to 4 µs) and the run's needs;
 * 0: it runs nothing that a restart waits for.
 */
#define SHARED_SINCE(since, needs) (((since) & ~(apr_time_t)3) | (needs))
#define SHARED_SINCE_NEEDS(word) ((shared_needs_e)((word)&3))

/** Record of a worker, by slot and thread as in the scoreboard, which lacks these fields. */
typedef struct {
    /* name of its request's handler; no NUL if it fills the array */
    _Atomic apr_uint64_t handler[SHARED_HANDLER_WORDS];
    _Atomic apr_time_t since; /* SHARED_SINCE. Its worker writes */
} __attribute__((aligned(64))) shared_worker_t;

/** The parts of the mapping. Private memory, constant after shared_create(). */
typedef struct shared_t {
    int slots;   /* number of process records */
    int boards;  /* slots of the scoreboard */
    int threads; /* workers per slot */
    shared_server_t *server;
    shared_process_t *process;
    shared_mail_t *mail; /* `slots` entries */
    shared_worker_t *worker;
} shared_t;

/** Records after the slots, for draining children that have given up theirs, and for lobbies. */
#define SHARED_EXTRA 256

/**
 * Map records for @a slots processes and SHARED_EXTRA more, and for @a threads workers in each
 * slot, all zero; NULL and errno when that fails.
 */
shared_t *shared_create(int slots, int threads);

/** Worker @a thread of @a slot begins a request of handler @a name. Called by that worker. */
void shared_note_handler(int slot, int thread, const char *name);

/**
 * Handler of the current or last request of worker @a thread in scoreboard slot @a slot, truncated
 * to @a size; may contain any bytes. APR_ENOENT if there is no such worker.
 */
apr_status_t shared_handler(int slot, int thread, char *name, apr_size_t size);

/**
 * Worker @a thread of @a slot runs something since @a since that a graceful restart waits for; 0:
 * no longer. Called by that worker. If handover_state() is HANDOVER_OFF afterwards, the parent has
 * seen it.
 */
void shared_note_since(int slot, int thread, apr_time_t since);

/** Record the needs of that run. Called by that worker. */
void shared_note_needs(int slot, int thread, shared_needs_e needs);

/** SHARED_SINCE word; 0: the worker runs nothing that a restart waits for, or does not exist. */
apr_time_t shared_since(int slot, int thread);

/** Copy the event counters of the server from @a old, which has another shape. */
void shared_inherit(shared_t *shared, const shared_t *old);

/** Unmap the records in this process, and free @a shared. */
void shared_destroy(shared_t *shared);

/** Reset the record of @a slot for a new child of @a generation. Parent only, before fork. */
void shared_begin(shared_t *shared, int slot, int generation);

/**
 * Move this process's counters to record @a to, and point @a mine, which its threads use, there.
 * @a has_threads: waits 1 ms and adds what the threads counted in the old record meanwhile.
 */
void shared_move(shared_process_t *_Atomic *mine, shared_process_t *to, int has_threads);

/** Number of a process's connections in all states. */
unsigned shared_connections(const shared_process_t *p);

/**
 * How much of what the process can hold it holds, in per mille: of connections or of their
 * descriptors, whichever is more.
 */
int shared_filled(const shared_process_t *p);

/** Whether the process can hold no more connections: MPMMaxConnections, open files. */
bool shared_is_full(const shared_process_t *p);

/** The process in @a slot has ended. Parent only. */
void shared_end(shared_t *shared, int slot);

#define shared_add(field, n) ((void)atomic_fetch_add_explicit(&(field), (n), memory_order_relaxed))
#define shared_sub(field, n) ((void)atomic_fetch_sub_explicit(&(field), (n), memory_order_relaxed))
#define shared_set(field, v) atomic_store_explicit(&(field), (v), memory_order_relaxed)
#define shared_get(field) atomic_load_explicit(&(field), memory_order_relaxed)

/* The optional functions of mpm_hybrid.h. */
apr_status_t mpm_hybrid_process_get(int slot, mpm_hybrid_process_t *out);
apr_status_t mpm_hybrid_events_get(mpm_hybrid_events_t *out);

#endif
