/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/conn.h
 * @brief A client connection.
 *
 * The memory of a conn_t is reused, never freed: a late event may read the
 * `generation` of a closed connection. All other fields belong to the owner
 * (a worker, or the ticker during one call), except those guarded by park.h.
 */
#ifndef MPMSTATS_MPM_CONN_CONN_H
#define MPMSTATS_MPM_CONN_CONN_H

#include <stdbool.h>

#include "mpm/compat.h"
#include "mpm/mpm_hybrid.h"

#include "base/timeouts.h"

struct inbound_t;
struct outbound_t;

/** Bytes per read from the filters below; the size of mod_ssl's buffer. */
#define NETWORK_READ_SIZE 8192

/** State of a connection's socket. Owner; made by network.c, used there and in inbound.c. */
typedef struct network_t {
    apr_socket_t *sock;
    int fd;
    struct conn_t *k;
    /** bytes were received since a worker began to read the request */
    unsigned got : 1;
    apr_uint64_t received;  /**< bytes, total */
    unsigned advancing : 1; /**< inbound_advance is reading: one EAGAIN is enough */
    unsigned dry : 1;       /**< the last read emptied the socket */
    /** urgent data: a read ends in front of it, so a short read does not mean dry */
    unsigned stops_early : 1;
    /** a non-blocking reader got EAGAIN since the socket is dry */
    unsigned told_dry : 1;
    unsigned eof : 1;
    /** timed out: readers that would wait get APR_TIMEUP at once */
    unsigned late : 1;
    unsigned seen : 1; /**< at least one byte was received */
} network_t;

typedef struct conn_t {
    conn_state_t pub; /**< c->cs */
    conn_rec *c;
    request_rec *r; /**< current request, for the suspend/resume hooks */
    apr_pool_t *pool;
    apr_socket_t *sock;
    ap_sb_handle_t *sbh;
    struct inbound_t *inbound; /**< NULL: a worker reads the head itself */
    /** files being sent; NULL until pre_connection has run */
    struct outbound_t *outbound;
    network_t *network; /**< state of the socket; in c->pool */
    int fd;
    mpm_hybrid_conn_e kind;      /**< the kind it is counted under */
    mpm_hybrid_times_t times;    /**< of the current request */
    mpm_hybrid_end_e end;        /**< why it ends, once known */
    apr_interval_time_t timeout; /**< Timeout of the current server */
    apr_interval_time_t keepalive_timeout;
    apr_time_t keepalive_until; /**< monotonic; deadline for the next request */
    /** progress_of() when it last parked; see steps.c */
    apr_uint64_t progress;
    /** the kind it last parked as; MPM_HYBRID_CONN_RUNNING: it has run since */
    mpm_hybrid_conn_e waited;
    apr_time_t linger_until; /**< monotonic; once linger_started */
    /** monotonic; when the line of the next request was complete, 0 = unknown */
    apr_time_t line_us;
    unsigned suspended : 1; /**< the last hook run was suspend_connection, not resume */
    unsigned linger_started : 1;
    unsigned expired : 1; /**< queued because its deadline passed */
    /** another protocol than HTTP/1; set whenever it parks for keep-alive */
    unsigned multiplexed : 1;
    unsigned used : 1; /**< dispatched at least once */
    /** connections wait for this process: the response announces the close */
    unsigned is_last_request : 1;
    /** its request is complete and kept back by a hold */
    unsigned whole : 1;
    /** the next generation owns it: close our descriptor only */
    unsigned passed_on : 1;
    unsigned stays : 1;     /**< passing it on failed */
    unsigned heard_out : 1; /**< here_was_spoken_to() was asked */
    /** tunnel.c watches its output */
    unsigned watched : 1;

    /** of here_was_spoken_to(): network->received once what was unread then is read */
    apr_uint64_t heard_until;
    unsigned char hearings; /**< how often it may still answer with 1 */
    /** descriptors beside the socket that it is counted with; counted_files() */
    unsigned char files;

    /** the thread that owns it, for conn_is_mine(); NULL: the park, or a module */
    const void *owner;

    /* guarded by the park's lock (park.h) */
    timeouts_entry_t wait;
    unsigned char parked;
    unsigned char missed; /**< an event came while it was not parked */
    /** the event it was claimed for reported a hang-up */
    unsigned char hangup;
    unsigned char urgent;     /**< an event it was claimed for reported urgent data */
    unsigned char registered; /**< the socket is in epoll */
    unsigned char lasting;    /**< with EPOLLET: no rearming between waits */
    unsigned char unwatched;  /**< parked, but epoll_ctl() failed */
    apr_time_t deadline;      /**< monotonic; of the current wait */
    unsigned char in_heads;   /**< in the list of heads.h */
    unsigned char in_idle;    /**< in the list of idle.h */
    /** buffered bytes of that request, as counted in heads_bytes() */
    apr_size_t head_bytes;
    struct conn_t *older, *younger; /**< in either list */
    apr_uint64_t settles;           /**< suspended: see park_suspend(); 0 = still suspended */
    /** from here on callbacks of other connections are not waited for */
    apr_time_t settles_at;
    /** one of its own callbacks ended after the state changed: those of no connection neither */
    unsigned char settled_itself;
    struct conn_t *next;     /**< in a list: free, run queue, suspended, held */
    apr_uint32_t index;      /**< in the table; constant */
    apr_uint32_t generation; /**< of the connection in this memory */
} conn_t;

/** A worker, as the scoreboard and httpd know it. */
typedef struct {
    int index; /**< thread number in the scoreboard */
    apr_thread_t *thread;
} conn_worker_t;

/**
 * The conn_t of @a c; NULL: a secondary or outgoing connection, or one the MPM did not make.
 */
conn_t *conn_of(conn_rec *c);

/** Attach @a k to its conn_rec: conn_of() finds it, modules see its state as c->cs. */
void conn_attach(conn_t *k);

/** This thread takes ownership of @a k, which has no owner. */
void conn_own(conn_t *k);

/** Whether this thread owns @a k. For MUST_HOLD. */
bool conn_is_mine(const conn_t *k);

/** Apply the timeouts of @a s, a virtual host of the connection's server @a base. */
void conn_use_server(conn_t *k, const server_rec *s, const server_rec *base);

#endif
