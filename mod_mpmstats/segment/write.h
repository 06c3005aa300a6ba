/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/write.h
 * @brief Writing a segment: laying it out, claiming records, counting requests.
 *
 * A segment_t is a process's private handle: pointers into the mapping, and the shape they derive
 * from. A writer never uses a value in the mapping as a pointer, an index or a size: a child that
 * overwrites memory can spoil figures and nothing else. A forked child inherits the handle; the
 * struct may be copied.
 *
 * Writers. Counters of the server, virtual hosts and handlers: every thread of every child, by
 * relaxed additions. A process record and its row of cells: the threads of that process; the
 * parent after the process has ended. Names of virtual hosts, limits, the rest of the server's
 * record: the parent only. There is no lock.
 *
 * A request in flight is counted in four places: the server, its process, its virtual host, and
 * the cell of that process and virtual host. When a process dies, its cells hold what to subtract
 * from the gauges (segment_process_gone()); likewise for handlers. So the gauges stay correct
 * without a lock and after any crash.
 *
 * HTTP/2 streams. A process has shape.streams records; the thread of mod_http2 that runs a stream
 * owns the record it has claimed, from the claim to the release or the end of the process, after
 * which the parent frees it. There may be more streams than records, after a restart that raised
 * H2MaxWorkers: the others are only counted.
 *
 * Text is cut to its field. Times are microseconds since the epoch.
 */
#ifndef MPMSTATS_SEGMENT_WRITE_H
#define MPMSTATS_SEGMENT_WRITE_H

#include <sys/types.h>

#include "segment/segment.h"

/** The number of records of each kind; at least 1 unless noted. */
typedef struct {
    unsigned listeners;
    unsigned processes;
    unsigned vhosts;   /**< including `other`, the last */
    unsigned handlers; /**< including `other`; at least 2 */
    unsigned events;
    unsigned board_fields; /**< may be 0 */
    size_t board_image;    /**< bytes reserved for httpd's scoreboard; may be 0 */
    unsigned workers;      /**< worker entries of that scoreboard; may be 0 */
    unsigned streams;      /**< records of HTTP/2 streams for each process; may be 0 */
} segment_shape_t;

typedef struct {
    segment_shape_t shape;
    void *base;
    size_t size;
    segment_head_t *head;
    segment_server_rec_t *server;
    segment_listener_rec_t *listener;
    segment_process_rec_t *process;
    segment_vhost_rec_t *vhost;
    segment_handler_rec_t *handler;
    segment_event_rec_t *event;
    segment_board_rec_t *board;
    segment_board_field_rec_t *board_field;
    segment_worker_rec_t *worker; /**< by scoreboard entry, those of process slot 0 first */
    segment_stream_rec_t *stream; /**< those of process record 0 first */
    /** row by row; in each row the virtual hosts, then the handlers */
    _Atomic uint32_t *cells;
    size_t cell_step;  /**< cells from one row to the next */
    void *board_image; /**< NULL: none */
    int fd;            /**< holds the lock on its file; -1: anonymous, or released */
    char *path;        /**< of its file, from malloc(); NULL: anonymous */
} segment_t;

/* ---- memory -------------------------------------------------------------- */

/** Bytes of a segment of @a shape. */
size_t segment_size(const segment_shape_t *shape);

/**
 * Binds @a segment to @a base, segment_size() bytes at a multiple of 64 that outlive it; writes
 * nothing.
 */
void segment_bind(segment_t *segment, const segment_shape_t *shape, void *base);

/** Lays out an empty segment in the memory it is bound to, which must be all zero. */
void segment_format(segment_t *segment, uint64_t created);

/* ---- single values ------------------------------------------------------- */

static inline uint64_t segment_get(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static inline void segment_set(_Atomic uint64_t *number, uint64_t value)
{
    atomic_store_explicit(number, value, memory_order_relaxed);
}

static inline void segment_add(_Atomic uint64_t *number, uint64_t n)
{
    atomic_fetch_add_explicit(number, n, memory_order_relaxed);
}

/** Subtracts @a n, down to 0 at least. */
void segment_take(_Atomic uint64_t *number, uint64_t n);

/** Stores @a value if it is larger than the present one. */
void segment_raise(_Atomic uint64_t *number, uint64_t value);

/** Increments a gauge and updates @a peak, which may be NULL; returns the new value. */
static inline uint64_t segment_up(_Atomic uint64_t *gauge, _Atomic uint64_t *peak)
{
    uint64_t now = atomic_fetch_add_explicit(gauge, 1, memory_order_relaxed) + 1;

    if (peak != NULL && __builtin_expect(now > segment_get(peak), 0)) {
        segment_raise(peak, now);
    }
    return now;
}

/** Decrements a gauge; returns the new value. */
static inline uint64_t segment_down(_Atomic uint64_t *gauge)
{
    return atomic_fetch_sub_explicit(gauge, 1, memory_order_relaxed) - 1;
}

/**
 * Writes a text up to its end and the NUL, in fewer instructions than segment_set_text(): for a
 * field that readers take as a text only, and that is cut silently.
 */
#define segment_put_text(field, text) \
    segment_put_words((field), sizeof(field) / sizeof((field)[0]), (text))
void segment_put_words(_Atomic uint64_t *words, size_t count, const char *text);

/** Writes a text field; its size is that of the array. One writer at a time. */
#define segment_set_text(field, text) \
    segment_set_words((field), sizeof(field) / sizeof((field)[0]), (text))
void segment_set_words(_Atomic uint64_t *words, size_t count, const char *text);

/** Whether a field holds @a text, cut to the field's size. */
#define segment_is_text(field, text) \
    segment_is_words((field), sizeof(field) / sizeof((field)[0]), (text))
bool segment_is_words(const _Atomic uint64_t *words, size_t count, const char *text);

/** Marks a histogram as unknown: it is never recorded into. */
void segment_histogram_unknown(histogram_t *histogram);

/** Makes the TOLD fields (figures.def) of @a record unknown. */
void segment_untold(segment_section_e section, void *record);
bool segment_histogram_known(const histogram_t *histogram);

/* ---- virtual hosts: the parent ------------------------------------------- */

/** The precedence of names where there are more names than records. */
typedef struct {
    const unsigned *order; /**< indices of names, highest precedence first */
    /** by index: its record may go to a name of higher precedence */
    const bool *yields;
} segment_rank_t;

/**
 * Assigns a record to each of the configuration's @a names and writes its number to @a rows: its
 * previous record, a free one, one of a removed name that no process can still write to (whose
 * counts move to segment_vhost_gone()), else `other`. Removed names keep their record, marked as
 * retired. An odd or changed head->table_turn tells readers to retry.
 * @param rank  NULL: in the order of @a names, and none yields
 * @param most  names that get a record; the records beyond are for removed names that processes
 *              still write to
 * @param config_generation  grows with each configuration
 */
void segment_vhosts_update(segment_t *segment, const char *const *names, unsigned count,
                           const segment_rank_t *rank, unsigned most, uint64_t config_generation,
                           unsigned *rows);

/** Number of the record `other`. */
static inline unsigned segment_vhost_other(const segment_t *segment)
{
    return segment->shape.vhosts - 1;
}

/**
 * Number of the unnamed record after `other`: the counts of names whose record another name has
 * now.
 */
static inline unsigned segment_vhost_gone(const segment_t *segment)
{
    return segment->shape.vhosts;
}

/* ---- handlers: any thread ------------------------------------------------ */

/**
 * Finds or adds the record of the handler called @a name; `other` if there is no room. Lock-free,
 * never waits.
 */
unsigned segment_handler_row(segment_t *segment, const char *name);

/* ---- processes ----------------------------------------------------------- */

/**
 * A process's own record and cells. `record` is NULL if none was free: the process counts no
 * gauges then.
 */
typedef struct {
    segment_process_rec_t *record;
    _Atomic uint32_t *vhost_cells;
    _Atomic uint32_t *handler_cells;
    segment_stream_rec_t *streams; /**< shape.streams of them */
} segment_self_t;

/** Claims a record for a child. Once per process, before it serves. */
segment_self_t segment_process_claim(segment_t *segment, pid_t pid);

typedef struct {
    bool known; /**< it had a record; otherwise the rest is 0 */
    bool left;  /**< it had recorded an orderly exit */
    uint64_t started;
    uint64_t requests;    /**< in flight when it ended */
    uint64_t connections; /**< open when it ended */
} segment_gone_t;

/**
 * In the parent, after the process has ended: subtracts its requests in flight from all gauges and
 * frees its record.
 */
segment_gone_t segment_process_gone(segment_t *segment, pid_t pid);

/**
 * In a process with one thread, while it runs no request: subtracts what its gauges still count,
 * which are requests whose end was missed.
 */
void segment_process_settle(segment_t *segment, const segment_self_t *self);

/* ---- requests: any thread ------------------------------------------------ */

/**
 * Counts the begin of a request of virtual host @a row. @return whether the process or the server
 * now has as many requests as workers
 */
static inline bool segment_request_begins(segment_t *segment, const segment_self_t *self,
                                          unsigned row)
{
    segment_vhost_rec_t *vhost = &segment->vhost[row];
    segment_server_rec_t *server = segment->server;
    uint64_t here, all;

    if (__builtin_expect(self->record == NULL, 0)) {
        return false;
    }
    atomic_fetch_add_explicit(&self->vhost_cells[row], 1, memory_order_relaxed);
    here = segment_up(&self->record->requests_in_flight, NULL);
    all = segment_up(&server->requests_in_flight, &server->requests_in_flight_peak);
    segment_up(&vhost->in_flight, &vhost->in_flight_peak);
    return here >= segment_get(&server->threads_per_child)
        || all >= segment_get(&server->max_request_workers);
}

/**
 * Counts its end. @return whether the process or the server had at most one worker without a
 * request before
 */
static inline bool segment_request_ends(segment_t *segment, const segment_self_t *self,
                                        unsigned row)
{
    segment_server_rec_t *server = segment->server;
    uint64_t here, all;

    if (__builtin_expect(self->record == NULL, 0)) {
        return false;
    }
    segment_down(&segment->vhost[row].in_flight);
    all = segment_down(&server->requests_in_flight);
    here = segment_down(&self->record->requests_in_flight);
    atomic_fetch_sub_explicit(&self->vhost_cells[row], 1, memory_order_relaxed);
    return here + 2 >= segment_get(&server->threads_per_child)
        || all + 2 >= segment_get(&server->max_request_workers);
}

/** Counts the begin of a request in handler @a row. */
static inline void segment_handler_begins(segment_t *segment, const segment_self_t *self,
                                          unsigned row)
{
    segment_handler_rec_t *handler = &segment->handler[row];

    if (__builtin_expect(self->record == NULL, 0)) {
        return;
    }
    atomic_fetch_add_explicit(&self->handler_cells[row], 1, memory_order_relaxed);
    segment_up(&handler->busy, &handler->busy_peak);
}

/** Records that the worker of scoreboard entry @a index begins a request in handler @a row. */
static inline void segment_worker_runs(segment_t *segment, size_t index, unsigned row)
{
    if (index < segment->shape.workers) {
        segment_set(&segment->worker[index].handler, (uint64_t)row + 1);
        segment_set(&segment->worker[index].tunnel, 0);
        segment_set(&segment->worker[index].drives, 0);
    }
}

/** Records that its request has become a tunnel. */
static inline void segment_worker_tunnels(segment_t *segment, size_t index)
{
    if (index < segment->shape.workers) {
        segment_set(&segment->worker[index].tunnel, 1);
    }
}

/** Records that it only drives an HTTP/2 connection. */
static inline void segment_worker_drives(segment_t *segment, size_t index)
{
    if (index < segment->shape.workers && segment_get(&segment->worker[index].drives) != 1) {
        segment_set(&segment->worker[index].drives, 1);
    }
}

/** It has been given a connection: neither a tunnel nor one that it only drives, so far. */
static inline void segment_worker_turns(segment_t *segment, size_t index)
{
    if (index < segment->shape.workers
        && (segment_get(&segment->worker[index].drives) != 0
            || segment_get(&segment->worker[index].tunnel) != 0)) {
        segment_set(&segment->worker[index].drives, 0);
        segment_set(&segment->worker[index].tunnel, 0);
    }
}

/** Whether it does. */
static inline bool segment_worker_is_driver(const segment_t *segment, size_t index)
{
    return index < segment->shape.workers && segment_get(&segment->worker[index].drives) == 1;
}

/** Whether the request of the worker of entry @a index has become a tunnel. */
static inline bool segment_worker_is_tunnel(const segment_t *segment, size_t index)
{
    return index < segment->shape.workers && segment_get(&segment->worker[index].tunnel) == 1;
}

/**
 * Counts a stream that the calling thread begins to run, and claims a record for it: the caller's
 * alone until segment_stream_release(). Starts its search at @a hint, which it updates: a thread
 * that keeps its hint finds its last record. Lock-free. NULL: all records are claimed.
 */
segment_stream_rec_t *segment_stream_claim(const segment_t *segment, const segment_self_t *self,
                                           unsigned *hint);

/** The claimed record is complete: readers see it. */
static inline void segment_stream_runs(segment_stream_rec_t *stream)
{
    atomic_store_explicit(&stream->state, SEGMENT_STREAM_RUNS, memory_order_release);
}

/**
 * The stream that was counted by segment_stream_claim(), which returned @a stream, does not run any
 * more. Once, by any thread.
 */
void segment_stream_release(const segment_t *segment, const segment_self_t *self,
                            segment_stream_rec_t *stream);

/** Counts the end of a request in handler @a row, after @a time microseconds. */
static inline void segment_handler_ends(segment_t *segment, const segment_self_t *self,
                                        unsigned row, uint64_t time)
{
    segment_handler_rec_t *handler = &segment->handler[row];

    segment_add(&handler->requests, 1);
    segment_add(&handler->time, time);
    if (__builtin_expect(time > segment_get(&handler->longest), 0)) {
        segment_raise(&handler->longest, time);
    }
    if (__builtin_expect(self->record == NULL, 0)) {
        return;
    }
    segment_down(&handler->busy);
    atomic_fetch_sub_explicit(&self->handler_cells[row], 1, memory_order_relaxed);
}

#endif
