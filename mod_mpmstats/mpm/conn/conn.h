/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/conn.h
 * @brief A client connection.
 *
 * Memory of a conn_t is never given back to the system, only used again for
 * another connection: a late event may look at `generation` of one that has
 * gone. Everything else in it belongs to the owner (a worker, or the ticker
 * for the length of a call), but for what park.h says.
 */
#ifndef MPMSTATS_MPM_CONN_CONN_H
#define MPMSTATS_MPM_CONN_CONN_H

#include "mpm/compat.h"
#include "mpm/mpm_hybrid.h"

#include "base/timeouts.h"

struct inbound_t;
struct outbound_t;

/** Asked of the filters below at once; mod_ssl's own buffer has this size. */
#define NETWORK_READ_SIZE 8192

/** What is known of a connection's socket. Owner; network.c, which makes it, and inbound.c. */
typedef struct network_t {
    apr_socket_t *sock;
    int fd;
    struct conn_t *k;
    /** something has come since a worker began to read the request */
    unsigned got : 1;
    apr_uint64_t received;  /**< bytes, in all */
    unsigned advancing : 1; /**< inbound_advance is reading: never ask twice */
    unsigned dry : 1;       /**< the last read left nothing behind */
    /** urgent data: a read ends in front of it, so a short one leaves more behind */
    unsigned stops_early : 1;
    /** and whoever asked without blocking has been told so since */
    unsigned told_dry : 1;
    unsigned eof : 1;
    /** its time is over: whoever waits for bytes is told so at once */
    unsigned late : 1;
    unsigned seen : 1; /**< anything ever came */
} network_t;

typedef struct conn_t {
    conn_state_t pub; /**< what modules see as c->cs */
    conn_rec *c;
    request_rec *r; /**< current request, for the suspend/resume hooks */
    apr_pool_t *pool;
    apr_socket_t *sock;
    ap_sb_handle_t *sbh;
    struct inbound_t *inbound; /**< NULL: a worker reads the head itself */
    /** files on their way out; NULL until pre_connection has run */
    struct outbound_t *outbound;
    network_t *network; /**< what is known of the socket; in c->pool */
    int fd;
    mpm_hybrid_conn_e kind;      /**< under which it is counted now */
    mpm_hybrid_times_t times;    /**< of the request that is read or runs */
    mpm_hybrid_end_e end;        /**< why it ends; set when that is known */
    apr_interval_time_t timeout; /**< Timeout of the server in charge */
    apr_interval_time_t keepalive_timeout;
    apr_time_t keepalive_until; /**< monotonic; while it waits for the next request */
    /** of what it waits for, when it parked last; see conn.c */
    apr_uint64_t progress;
    /** and what that was; MPM_HYBRID_CONN_RUNNING: something has run since */
    mpm_hybrid_conn_e waited;
    apr_time_t linger_until; /**< monotonic; once linger_started */
    /** monotonic; when the line of the request that is run next was whole, 0 = not known */
    apr_time_t line_us;
    unsigned suspended : 1; /**< the suspend_connection hook has run last */
    unsigned linger_started : 1;
    unsigned expired : 1; /**< handed over because its time was up */
    /** speaks no HTTP/1; set whenever it parks for keep-alive */
    unsigned multiplexed : 1;
    unsigned used : 1; /**< has been dispatched at least once */
    /** others wait for this process: the answer says that no more is taken */
    unsigned is_last_request : 1;
    /** its request is complete, and was not begun because of a hold */
    unsigned whole : 1;
    /** the next generation has it: only our descriptor is to be closed */
    unsigned passed_on : 1;
    unsigned stays : 1;     /**< it could not be passed on */
    unsigned heard_out : 1; /**< conn_was_spoken_to() has been asked */
    /** its output is looked at for the beginning of a tunnel */
    unsigned watched : 1;

    /** the thread that owns it, for conn_is_mine(); NULL: the park, or a module */
    const void *owner;

    /* guarded by the park's lock (park.h) */
    timeouts_entry_t wait;
    unsigned char parked;
    unsigned char missed; /**< epoll told something while it was not parked */
    /** the event it was claimed for said that the client has gone */
    unsigned char hangup;
    unsigned char urgent;     /**< an event it was claimed for told of urgent data */
    unsigned char registered; /**< the socket is in epoll */
    unsigned char lasting;    /**< and tells of new bytes without being asked again */
    unsigned char unwatched;  /**< parked, but epoll has refused it */
    apr_time_t deadline;      /**< monotonic; when what it waits for is overdue */
    unsigned char in_heads;   /**< in the list of those that send a head */
    /** what is held of that request, as counted in heads_bytes() */
    apr_size_t head_bytes;
    struct conn_t *older, *younger; /**< in that list */
    apr_uint64_t settles;           /**< suspended: see park_suspend(); 0 = still suspended */
    /** and then the callbacks of other connections are not waited for any more */
    apr_time_t settles_at;
    /** nor those of none: when a callback of its own ended, the state had changed */
    unsigned char settled_itself;
    struct conn_t *next;     /**< in a list: free, run queue, suspended */
    apr_uint32_t index;      /**< in the table; constant */
    apr_uint32_t generation; /**< of the connection in this memory */
} conn_t;

/** The worker that runs connections, as the scoreboard and httpd know it. */
typedef struct {
    int index; /**< thread number in the scoreboard */
    apr_thread_t *thread;
} conn_worker_t;

/**
 * The conn_t of @a c; NULL: a secondary or outgoing connection, or one that is none of ours.
 */
conn_t *conn_of(conn_rec *c);

/** Make @a k known to modules' hooks as that of its conn_rec. */
void conn_attach(conn_t *k);

/** This thread owns @a k from now on. What nobody owns, or what it has just made. */
void conn_own(conn_t *k);

/** Whether this thread owns @a k: it has made or claimed it, and has not given it up since. For MUST_HOLD. */
int conn_is_mine(const conn_t *k);

/** The server in charge is @a s, of the connection's server @a base: its timeouts hold. */
void conn_use_server(conn_t *k, const server_rec *s, const server_rec *base);

#endif
