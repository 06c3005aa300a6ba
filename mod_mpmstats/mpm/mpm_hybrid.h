/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/mpm_hybrid.h
 * @brief Limits, processes, events and connection times, for modules that report them.
 *
 * Every function is optional (APR_RETRIEVE_OPTIONAL_FN in or after post_config): other MPMs do not
 * provide it. Unless its comment says otherwise, a function may be called from any thread of the
 * parent or of a child after the pre_mpm hook; it takes no lock and copies what it returns. The
 * values come from shared memory that children write with relaxed atomics: each is exact by itself,
 * two of them may be of different moments.
 */
#ifndef MPMSTATS_MPM_MPM_HYBRID_H
#define MPMSTATS_MPM_MPM_HYBRID_H

#include "apr.h"
#include "apr_errno.h"
#include "apr_optional.h"
#include "apr_time.h"
#include "httpd.h"

/** Incremented when a struct below changes; fields are added at the end only. */
#define MPM_HYBRID_API_VERSION 4

/**
 * States of a connection: STATE(NAME, name), the name as in figures.def. A worker owns a `running`
 * connection; in the others it waits.
 */
#define MPM_HYBRID_CONN_STATES(STATE) \
    STATE(NEW, new)             /* accepted, no byte seen yet */ \
    STATE(HANDSHAKE, handshake) /* TLS handshake under way */ \
    STATE(HEAD, head)           /* part of a request head seen */ \
    STATE(BODY, body)           /* head complete, a small body is being collected */ \
    STATE(KEEPALIVE, keepalive) /* between two requests */ \
    STATE(RUNNING, running)     /* owned by a worker */ \
    STATE(WAITIO, waitio)       /* a module asked to wait (CONN_STATE_ASYNC_WAITIO) */ \
    STATE(WRITE, write)         /* the response is being sent */ \
    STATE(LINGER, linger)       /* lingering close */ \
    STATE(SUSPENDED, suspended) /* until a module resumes it */

#define MPM_HYBRID_CONN_ENUM(NAME, name) MPM_HYBRID_CONN_##NAME,
typedef enum {
    MPM_HYBRID_CONN_STATES(MPM_HYBRID_CONN_ENUM) MPM_HYBRID_CONN_KINDS
} mpm_hybrid_conn_e;

/** Resources that the system refused; see docs/status.md. */
typedef enum {
    MPM_HYBRID_SHORT_FILES, /**< EMFILE, ENFILE */
    MPM_HYBRID_SHORT_MEMORY,
    MPM_HYBRID_SHORT_PROCESSES, /**< fork(2) failed */
    MPM_HYBRID_SHORT_THREADS,
    MPM_HYBRID_SHORT_LOG_SPACE,    /**< the disk under the error log is full */
    MPM_HYBRID_SHORT_ACCEPT_QUEUE, /**< the kernel's queue is full */
    MPM_HYBRID_CLOCK_SET,          /**< not a shortage: the wall clock was set */
    MPM_HYBRID_SHORTAGES
} mpm_hybrid_shortage_e;

/** The limits in force of a lane, after range checks; counts unless stated otherwise. */
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
    int connections_per_process; /**< most parked and running connections of a process */
    /** process slots in the scoreboard: server_limit, a reserve for draining children, overflow */
    int slots;
    apr_int64_t max_memory_per_child; /**< bytes; 0 = unlimited */
    /** most bytes of incomplete requests that a process holds; 0 = unlimited */
    apr_int64_t head_memory;
} mpm_hybrid_limits_t;

/** One child process, by scoreboard slot. */
typedef struct {
    int pid; /**< 0: the slot is free */
    int generation;
    int quiescing;             /**< draining: accepts nothing */
    int not_accepting;         /**< at its connection limit for now */
    apr_time_t started;        /**< when it was forked, µs since the epoch */
    apr_uint32_t workers;      /**< threads that exist */
    apr_uint32_t workers_busy; /**< of those, in a request */
    apr_uint32_t workers_peak; /**< most busy at once since start */
    apr_uint32_t connections[MPM_HYBRID_CONN_KINDS];
    apr_uint64_t accepted;            /**< connections since start */
    apr_uint64_t requests_dispatched; /**< times a worker was given a connection to run */
    apr_uint64_t promotions;          /**< polling slots taken from workers that blocked */
    apr_uint64_t shed;                /**< connections dropped because a limit was reached */
    /** of the busy ones, and of HTTP/2 streams, in one request for longer than MPMHungRequestTime */
    apr_uint32_t workers_hung;
    apr_uint64_t head_bytes; /**< memory for incomplete requests */
    /** monotonic µs; last sign of life of the main thread, 0: it does not serve yet */
    apr_time_t ticked;
} mpm_hybrid_process_t;

/** Counters since the server was started; restarts keep them. */
typedef struct {
    apr_uint64_t shortages[MPM_HYBRID_SHORTAGES]; /**< times each began */
    apr_uint64_t saturations;                     /**< times MaxRequestWorkers was reached */
    apr_uint64_t crashes; /**< children ended by a signal other than SIGTERM */
    /** children now without a sign of life for 3 seconds */
    apr_uint32_t suspected;
    /** children killed because startup or the main thread hung */
    apr_uint64_t stuck;
} mpm_hybrid_events_t;

/**
 * The current request of a client connection: times (CLOCK_MONOTONIC µs, 0: not known), its worker,
 * bytes read.
 */
typedef struct {
    apr_int64_t accepted_us;        /**< the connection was accepted */
    apr_int64_t handshake_begin_us; /**< TLS: the client's first bytes; 0 without TLS */
    /** TLS: the handshake was complete; 0 until then */
    apr_int64_t handshake_done_us;
    /** first byte of this request's head was read (TLS: first plaintext byte) */
    apr_int64_t first_byte_us;
    apr_int64_t head_us;       /**< the head (with MPMBodyBuffer: and the body) was complete */
    apr_int64_t dispatched_us; /**< a worker began to run it */
    apr_uint64_t head_bytes;   /**< bytes of it that were read before it was dispatched */
    /** scoreboard slot of the process; changes when the process gives its slot up */
    const _Atomic int *slot;
    int worker;               /**< number in that slot of the current or last worker */
    int counts_input;         /**< the next two are valid; constant after pre_connection */
    apr_status_t input_ended; /**< status with which reading ended; APR_SUCCESS: not ended */
    apr_uint64_t received;    /**< bytes read on the connection, without TLS */
} mpm_hybrid_times_t;

/** Why a connection ended. */
typedef enum {
    MPM_HYBRID_END_UNKNOWN,
    /** the client closed it, between requests or before the first */
    MPM_HYBRID_END_CLIENT,
    MPM_HYBRID_END_SERVER,            /**< closed by the server after a response */
    MPM_HYBRID_END_KEEPALIVE_TIMEOUT, /**< KeepAliveTimeout between two requests */
    /** Timeout or RequestReadTimeout before a head was complete */
    MPM_HYBRID_END_HEAD_TIMEOUT,
    /** reset, aborted in a request or response, failed handshake */
    MPM_HYBRID_END_ERROR,
    MPM_HYBRID_END_SHED,     /**< dropped because a limit was reached */
    MPM_HYBRID_END_STOPPING, /**< the process is stopping */
    /** like HEAD_TIMEOUT, while a small body was collected */
    MPM_HYBRID_END_BODY_TIMEOUT
} mpm_hybrid_end_e;

/**
 * The current request of @a c, from pre_connection on; NULL for a connection that the MPM does not
 * manage (secondary, outgoing). The struct is reused for each request and valid until c->pool is
 * cleaned up. Only the thread that owns the connection may read it.
 */
APR_DECLARE_OPTIONAL_FN(const mpm_hybrid_times_t *, mpm_hybrid_conn_times, (conn_rec * c));

/** Valid in pre_close_connection and in cleanups of c->pool. */
APR_DECLARE_OPTIONAL_FN(mpm_hybrid_end_e, mpm_hybrid_conn_end, (conn_rec * c));

/** The limits of lane number @a lane (0 is `default`); APR_ENOENT after the last. */
APR_DECLARE_OPTIONAL_FN(apr_status_t, mpm_hybrid_limits_get, (int lane, mpm_hybrid_limits_t *out));

/**
 * The child in scoreboard slot @a slot. Processes without a slot follow from
 * mpm_hybrid_limits_t.slots on: draining children that have given up theirs, and the prefork
 * model's lobby (no workers; quiescing when it belongs to an older generation). APR_ENOENT after
 * the last of those.
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, mpm_hybrid_process_get,
                        (int slot, mpm_hybrid_process_t *out));

/** The counters of the server; APR_ENOENT before the pre_mpm hook has run. */
APR_DECLARE_OPTIONAL_FN(apr_status_t, mpm_hybrid_events_get, (mpm_hybrid_events_t * out));

#endif
