/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/conn.h
 * @brief The life of a client connection, from accept to close.
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
#include "mpm/threads/worker.h"
#include "base/timeouts.h"

struct inbound_t;
struct outbound_t;
struct network_t;

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
    struct network_t *network; /**< what is known of the socket; in c->pool */
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

    /** the thread that owns it, for park_is_mine(); NULL: the park, or a module */
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
    /** what is held of that request, as counted in park_head_bytes() */
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

/** Make the conn_t of @a c known to modules' hooks; NULL for a secondary or outgoing connection. */
conn_t *conn_of(conn_rec *c);

/**
 * A socket has just been accepted: set the connection up and run it until it
 * parks or closes. Takes ownership of @a pool (and the socket in it).
 * @param async_ok  its listener speaks a protocol whose heads may be read without a worker
 */
void conn_begin(worker_t *w, apr_pool_t *pool, apr_socket_t *sock, int async_ok);

struct handover_t;

/**
 * As conn_begin(), for a connection of an older generation that had read @a bytes of its next
 * request.
 */
void conn_adopt(worker_t *w, apr_pool_t *pool, apr_socket_t *sock, const struct handover_t *what,
                const char *bytes);

/**
 * Whether the connection this thread runs goes on in the next generation: nothing is to end for a
 * restart.
 */
int conn_is_passed_on(void);

/** Whether this thread runs a client's connection. */
int conn_is_here(void);

/** The worker owns @a k, which is ready or overdue: run it until it parks or closes. */
void conn_run(worker_t *w, conn_t *k);

/** The worker owns @a k, which is given up because there are too many connections. */
void conn_shed(worker_t *w, conn_t *k);

/**
 * Ticker: look whether a module's filter has run out of patience with a parked head; then nonzero.
 */
int conn_look(conn_t *k, apr_thread_t *ticker);

/** How often (µs) conn_look() must be called for a parked head; 0 = never. */
apr_interval_time_t conn_look_interval(void);

/** This thread is about to run @a k's hooks; NULL: it is no longer. */
void conn_runs_here(conn_t *k);

/** The connection whose hooks this thread runs; NULL: none. */
const conn_t *conn_here(void);

/**
 * Whether the HTTP/1 connection this thread runs has been promised, by a response that is out, that
 * another request will be answered.
 */
int conn_promised_keepalive(void);

/** Whether the connection this thread runs is to end with the answer. */
int conn_is_to_end(void);

/**
 * Whether the client of the connection this thread runs, which speaks no HTTP/1, has sent something
 * that is not read yet. Only the first time; from then on no.
 */
int conn_was_spoken_to(void);

/** Prepare this child. Ticker, before the workers start. */
void conn_child_init(void);

/* The optional functions of mpm_hybrid.h. */
const mpm_hybrid_times_t *mpm_hybrid_conn_times(conn_rec *c);
mpm_hybrid_end_e mpm_hybrid_conn_end(conn_rec *c);

/** Hooks. */
int conn_pre_connection(conn_rec *c, void *csd);
void conn_pre_read_request(request_rec *r, conn_rec *c);
int conn_post_read_request(request_rec *r);
int conn_log_transaction(request_rec *r);
void conn_insert_filter(request_rec *r);
int conn_handler(request_rec *r);
int conn_last_handler(request_rec *r);
int conn_protocol_switch(conn_rec *c, request_rec *r, server_rec *s, const char *protocol);

#endif
