/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/mpm_hybrid.h
 * @brief What only mpm_hybrid knows, for modules that show it.
 *
 * Every function is optional (APR_RETRIEVE_OPTIONAL_FN in or after post_config):
 * under another MPM it is absent, and the caller shows less. All of them may be
 * called from any thread of the parent or of a child once the pre_mpm hook has
 * run; they take no lock and copy what they return. The values come from shared
 * memory that children write with relaxed atomics: each is true by itself, two
 * of them read together need not fit exactly.
 */
#ifndef MPMSTATS_MPM_MPM_HYBRID_H
#define MPMSTATS_MPM_MPM_HYBRID_H

#include "apr.h"
#include "apr_errno.h"
#include "apr_optional.h"
#include "apr_time.h"
#include "httpd.h"

/** Raised when a struct below changes; a field is only ever added at the end. */
#define MPM_HYBRID_API_VERSION 4

/**
 * What a connection waits for; STATE(NAME, name). `running` is the one a worker owns. The names are
 * those of figures.def.
 */
#define MPM_HYBRID_CONN_STATES(STATE) \
    STATE(NEW, new)             /* accepted, no byte seen yet */ \
    STATE(HANDSHAKE, handshake) /* TLS handshake under way */ \
    STATE(HEAD, head)           /* part of a request head seen */ \
    STATE(BODY, body)           /* head complete, a small body is being collected */ \
    STATE(KEEPALIVE, keepalive) /* between two requests */ \
    STATE(RUNNING, running)     /* owned by a worker */ \
    STATE(WAITIO, waitio)       /* a module asked to wait (CONN_STATE_ASYNC_WAITIO) */ \
    STATE(WRITE, write)         /* the response is being taken by the client */ \
    STATE(LINGER, linger)       /* lingering close */ \
    STATE(SUSPENDED, suspended) /* a module resumes it */

#define MPM_HYBRID_CONN_ENUM(NAME, name) MPM_HYBRID_CONN_##NAME,
typedef enum {
    MPM_HYBRID_CONN_STATES(MPM_HYBRID_CONN_ENUM) MPM_HYBRID_CONN_KINDS
} mpm_hybrid_conn_e;

/** What the system has refused the server; see docs/status.md. */
typedef enum {
    MPM_HYBRID_SHORT_FILES, /**< EMFILE, ENFILE */
    MPM_HYBRID_SHORT_MEMORY,
    MPM_HYBRID_SHORT_PROCESSES, /**< a child could not be forked */
    MPM_HYBRID_SHORT_THREADS,
    MPM_HYBRID_SHORT_LOG_SPACE,    /**< the disk under the error log is full */
    MPM_HYBRID_SHORT_ACCEPT_QUEUE, /**< the kernel's queue is full */
    MPM_HYBRID_CLOCK_SET,          /**< not a shortage: the wall clock has jumped */
    MPM_HYBRID_SHORTAGES
} mpm_hybrid_shortage_e;

/** The limits of a lane as they are in force (after range checks), counts unless said otherwise. */
typedef struct {
    int api_version;   /**< MPM_HYBRID_API_VERSION of the running module */
    const char *lane;  /**< name of the lane; static storage */
    const char *model; /**< "event", "worker" or "prefork"; static storage */
    int server_limit;
    int thread_limit;
    int threads_per_child;
    int max_request_workers;
    int start_servers;
    int min_spare_threads; /**< 0 in the prefork model */
    int max_spare_threads;
    int min_spare_servers; /**< 0 in the other models */
    int max_spare_servers;
    int max_connections_per_child; /**< 0 = unlimited */
    /** workers per process that poll or run short requests at once */
    int concurrency;
    int connections_per_process; /**< parked and running connections a process holds at most */
    /** process slots in the scoreboard (server_limit and the reserve for old generations) */
    int slots;
    apr_int64_t max_memory_per_child; /**< bytes; 0 = unlimited */
    /** bytes of unfinished requests a process holds at most; 0 = unlimited */
    apr_int64_t head_memory;
} mpm_hybrid_limits_t;

/** One child process, by scoreboard slot. */
typedef struct {
    int pid; /**< 0: the slot is free */
    int generation;
    int quiescing;             /**< finishes what it has, accepts nothing */
    int not_accepting;         /**< at its connection limit for now */
    apr_time_t started;        /**< when it was forked, µs since the epoch */
    apr_uint32_t workers;      /**< threads that exist */
    apr_uint32_t workers_busy; /**< of those, in a request */
    apr_uint32_t workers_peak; /**< most busy at once since start */
    apr_uint32_t connections[MPM_HYBRID_CONN_KINDS];
    apr_uint64_t accepted;            /**< connections since start */
    apr_uint64_t requests_dispatched; /**< times a worker was given a connection to run */
    apr_uint64_t promotions;          /**< pollers replaced because their worker blocked */
    apr_uint64_t shed;                /**< connections dropped because a limit was reached */
    /** of the busy ones, in one request for longer than MPMHungRequestTime */
    apr_uint32_t workers_hung;
    apr_uint64_t head_bytes; /**< held of requests that are not whole */
    /** monotonic µs; when its main thread was last seen to move, 0: it does not serve yet */
    apr_time_t ticked;
} mpm_hybrid_process_t;

/** What has happened to the server since it was started; graceful restarts go on counting. */
typedef struct {
    apr_uint64_t shortages[MPM_HYBRID_SHORTAGES]; /**< times each has begun */
    apr_uint64_t saturations;                     /**< times MaxRequestWorkers was reached */
    apr_uint64_t crashes; /**< children ended by a signal nobody of us sent */
    /** children that have given no sign of life for some seconds */
    apr_uint32_t suspected;
    /** children replaced because they hung before they served, or their main thread did */
    apr_uint64_t stuck;
} mpm_hybrid_events_t;

/**
 * Times of a client connection's current request, CLOCK_MONOTONIC µs, 0: not known; who runs it;
 * what was read.
 */
typedef struct {
    apr_int64_t accepted_us;        /**< the connection was accepted */
    apr_int64_t handshake_begin_us; /**< TLS: something of the client's was read; 0 without TLS */
    /** TLS: the handshake was found to be over; 0 as long as it is not */
    apr_int64_t handshake_done_us;
    /** first byte of this request's head was read (TLS: first plain byte) */
    apr_int64_t first_byte_us;
    apr_int64_t head_us;       /**< the head (with MPMBodyBuffer: and the body) was whole */
    apr_int64_t dispatched_us; /**< a worker began to run it */
    apr_uint64_t head_bytes;   /**< bytes read of it before it was dispatched */
    /** of the process, in the scoreboard: it changes when the process gives its own up */
    const _Atomic int *slot;
    int worker;               /**< number there of the worker that runs it, or ran it last */
    int counts_input;         /**< the next two are kept; from pre_connection on constant */
    apr_status_t input_ended; /**< other than APR_SUCCESS: what reading came to at last */
    apr_uint64_t received;    /**< bytes read on the connection so far, without TLS */
} mpm_hybrid_times_t;

/** Why a connection ended. */
typedef enum {
    MPM_HYBRID_END_UNKNOWN,
    /** the client closed it, between requests or before the first */
    MPM_HYBRID_END_CLIENT,
    MPM_HYBRID_END_SERVER,            /**< closed after a response that said so */
    MPM_HYBRID_END_KEEPALIVE_TIMEOUT, /**< KeepAliveTimeout between two requests */
    /** Timeout or RequestReadTimeout before a head was whole */
    MPM_HYBRID_END_HEAD_TIMEOUT,
    /** reset, broken off in a request or response, failed handshake */
    MPM_HYBRID_END_ERROR,
    MPM_HYBRID_END_SHED,     /**< given up because a limit was reached */
    MPM_HYBRID_END_STOPPING, /**< the process is going away */
    /** the same as the head's, while a small body was collected */
    MPM_HYBRID_END_BODY_TIMEOUT
} mpm_hybrid_end_e;

/**
 * Of the request that runs on @a c now; NULL for a connection that is not the MPM's (secondary,
 * outgoing). From pre_connection on. What it points to changes from request to request and stays in
 * place until c->pool has been cleaned up; to be looked at on the thread that owns the connection
 * only.
 */
APR_DECLARE_OPTIONAL_FN(const mpm_hybrid_times_t *, mpm_hybrid_conn_times, (conn_rec * c));

/** Valid in pre_close_connection and in cleanups of c->pool. */
APR_DECLARE_OPTIONAL_FN(mpm_hybrid_end_e, mpm_hybrid_conn_end, (conn_rec * c));

/** The limits of lane number @a lane (0 is `default`); APR_ENOENT past the last. */
APR_DECLARE_OPTIONAL_FN(apr_status_t, mpm_hybrid_limits_get, (int lane, mpm_hybrid_limits_t *out));

/**
 * The child in scoreboard slot @a slot. Processes without a slot follow after the last one
 * (mpm_hybrid_limits_t.slots): finishing children of older generations that have given theirs up,
 * and the process in which connections of the prefork model wait (no workers; quiescing when it
 * belongs to an older generation). APR_ENOENT past the last of those.
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, mpm_hybrid_process_get,
                        (int slot, mpm_hybrid_process_t *out));

/** What has happened; APR_ENOENT before the pre_mpm hook has run. */
APR_DECLARE_OPTIONAL_FN(apr_status_t, mpm_hybrid_events_get, (mpm_hybrid_events_t * out));

#endif
