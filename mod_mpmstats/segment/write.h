/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/write.h
 * @brief Writing a segment: laying it out, claiming records, counting requests.
 *
 * A segment_t is a process's private handle: the pointers into the mapping and the shape they
 * follow from. Nothing in the mapping is ever taken as a pointer, an index or a size by a writer: a
 * child that went wild can spoil figures and nothing else. A fork inherits the handle; copying the
 * struct is fine.
 *
 * Who writes what. Counters of the server, of virtual hosts and of handlers: every thread of every
 * child, by relaxed additions. A process record and its row of cells: the threads of that process;
 * the parent once the process has gone. Names of virtual hosts, limits, the rest of the server's
 * record: the parent alone. There is no lock.
 *
 * A request in flight is counted three times: for the server, for its virtual host, and in a cell
 * that belongs to the process and the virtual host. When a process dies, its cells say what it
 * takes with it (segment_process_gone()); likewise for handlers. So the gauges stay right without a
 * lock and after any crash.
 *
 * Errors: functions that can fail say so. Text is cut to its field. Times are microseconds since
 * the epoch.
 */
#ifndef MPMSTATS_SEGMENT_WRITE_H
#define MPMSTATS_SEGMENT_WRITE_H

#include <sys/types.h>

#include "segment/segment.h"

/** How many records of each kind. All at least 1 unless said otherwise. */
typedef struct {
    unsigned listeners;
    unsigned processes;
    unsigned vhosts;   /**< `other`, the last, counted in */
    unsigned handlers; /**< the same; 2 at least */
    unsigned events;
    unsigned board_fields; /**< may be 0 */
    size_t board_image;    /**< bytes kept for httpd's scoreboard; may be 0 */
    unsigned workers;      /**< entries for workers that scoreboard has; may be 0 */
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
    /** row by row; first those of virtual hosts, then those of handlers */
    _Atomic uint32_t *cells;
    size_t cell_step;  /**< cells from one row to the next */
    void *board_image; /**< NULL: none */
    int fd;            /**< holds the lock on its file; -1: anonymous, or released */
    char *path;        /**< of its file, from malloc(); NULL: anonymous */
} segment_t;

/* ---- memory -------------------------------------------------------------- */

/** Bytes that a segment of @a shape takes. */
size_t segment_size(const segment_shape_t *shape);

/**
 * Points @a segment into @a base, segment_size() bytes at a multiple of 64 that live as long as it;
 * writes nothing.
 */
void segment_bind(segment_t *segment, const segment_shape_t *shape, void *base);

/** Lays an empty segment out in the memory it is bound to, which must be all zero. */
void segment_format(segment_t *segment, uint64_t created);

/** Whether the memory @a segment is bound to holds a segment of this very build and shape. */
bool segment_formatted(const segment_t *segment);

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

/** Takes @a n away, but never goes below 0. */
void segment_take(_Atomic uint64_t *number, uint64_t n);

/** Writes @a value if it is larger than what is there. */
void segment_raise(_Atomic uint64_t *number, uint64_t value);

/** Adds 1 to a gauge and keeps its peak, if there is one; returns the new value. */
static inline uint64_t segment_up(_Atomic uint64_t *gauge, _Atomic uint64_t *peak)
{
    uint64_t now = atomic_fetch_add_explicit(gauge, 1, memory_order_relaxed) + 1;

    if (peak != NULL && __builtin_expect(now > segment_get(peak), 0)) {
        segment_raise(peak, now);
    }
    return now;
}

/** Takes 1 away from it; returns the new value. */
static inline uint64_t segment_down(_Atomic uint64_t *gauge)
{
    return atomic_fetch_sub_explicit(gauge, 1, memory_order_relaxed) - 1;
}

/** Writes a text field; its size is that of the array. For those whom nobody else writes to. */
#define segment_set_text(field, text) \
    segment_set_words((field), sizeof(field) / sizeof((field)[0]), (text))
void segment_set_words(_Atomic uint64_t *words, size_t count, const char *text);

/** Whether the text in a field is @a text, cut to what the field holds. */
#define segment_is_text(field, text) \
    segment_is_words((field), sizeof(field) / sizeof((field)[0]), (text))
bool segment_is_words(const _Atomic uint64_t *words, size_t count, const char *text);

/** Marks a histogram as one that nobody will record into. Before anybody does. */
void segment_histogram_unknown(histogram_t *histogram);

/** What figures.def calls TOLD becomes unknown in @a record. */
void segment_untold(segment_section_e section, void *record);
bool segment_histogram_known(const histogram_t *histogram);

/* ---- virtual hosts: the parent ------------------------------------------- */

/** Which names come before which, where not all can have a record. */
typedef struct {
    const unsigned *order; /**< their numbers, the first one first */
    /** by number: the record it has may be left to one that comes before it */
    const bool *yields;
} segment_rank_t;

/**
 * Gives each of the configuration's @a names a record and writes its number to @a rows: the one it
 * had before, a free one, the one of a name that is gone and that no process can still write to
 * (what it had counted goes into segment_vhost_gone()), else `other`. Names the configuration has
 * no more keep theirs, marked as retired. Readers see in head->table_turn that names change, and
 * look again.
 * @param rank  NULL: in their own order, and none yields
 * @param most  names that get a record; those there are beyond are for names that are gone while
 * processes still write there
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
 * Number of the record without a name, behind `other`: what those had counted whose record another
 * one has now.
 */
static inline unsigned segment_vhost_gone(const segment_t *segment)
{
    return segment->shape.vhosts;
}

/* ---- handlers: any thread ------------------------------------------------ */

/**
 * The record of the handler of that name, made when it is new; `other` when there is no room. No
 * lock, no wait.
 */
unsigned segment_handler_row(segment_t *segment, const char *name);

/* ---- processes ----------------------------------------------------------- */

/**
 * A process's own record and cells; `record` is NULL when there was none left, then its gauges are
 * not counted.
 */
typedef struct {
    segment_process_rec_t *record;
    _Atomic uint32_t *vhost_cells;
    _Atomic uint32_t *handler_cells;
} segment_self_t;

/** A child claims a record. Once per process, before it serves. */
segment_self_t segment_process_claim(segment_t *segment, pid_t pid);

typedef struct {
    bool known; /**< it had a record; otherwise the rest is 0 */
    bool left;  /**< it had said that it leaves */
    uint64_t started;
    uint64_t requests;    /**< in flight when it went */
    uint64_t connections; /**< open when it went */
} segment_gone_t;

/**
 * The parent: that process has ended. Takes what it had in flight out of all gauges and frees its
 * record.
 */
segment_gone_t segment_process_gone(segment_t *segment, pid_t pid);

/**
 * A process that runs no request: what is still counted as under way in it ended unseen. By that
 * process, if it has one thread.
 */
void segment_process_settle(segment_t *segment, const segment_self_t *self);

/** Whether any process has a record. */
bool segment_process_any(const segment_t *segment);

/* ---- requests: any thread ------------------------------------------------ */

/**
 * A request of virtual host @a row has begun. Whether no worker is left without one, in this
 * process or in the server.
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
 * It is over. Whether at most one worker was left without a request, in this process or in the
 * server.
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

/** Handler @a row begins to work on a request. */
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

/** The worker in entry @a index of the scoreboard begins a request for handler @a row. */
static inline void segment_worker_runs(segment_t *segment, size_t index, unsigned row)
{
    if (index < segment->shape.workers) {
        segment_set(&segment->worker[index].handler, (uint64_t)row + 1);
        segment_set(&segment->worker[index].tunnel, 0);
    }
}

/** That request has become a tunnel. */
static inline void segment_worker_tunnels(segment_t *segment, size_t index)
{
    if (index < segment->shape.workers) {
        segment_set(&segment->worker[index].tunnel, 1);
    }
}

/** Whether the request of the worker in entry @a index has become one. */
static inline bool segment_worker_is_tunnel(const segment_t *segment, size_t index)
{
    return index < segment->shape.workers && segment_get(&segment->worker[index].tunnel) == 1;
}

/** It has finished, after @a time microseconds. */
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
