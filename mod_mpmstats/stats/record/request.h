/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/request.h
 * @brief Requests in the segment: how many, of what kind, and how long each phase took.
 *
 * A record_request_t lives in its request's pool and belongs to the thread that runs the request.
 */
#ifndef MPMSTATS_STATS_RECORD_REQUEST_H
#define MPMSTATS_STATS_RECORD_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "httpd.h"
#include "scoreboard.h"

struct record_conn_t;

/** A time that is not known. */
#define RECORD_UNKNOWN (-1)

/** Times are microseconds; points in time are record_clock()'s. */
typedef struct record_request_t {
    struct record_conn_t *conn;
    /** the client wants it to become a tunnel; NULL: it does not, or it has */
    const request_rec *may_tunnel;
    worker_score *score; /**< where it was noted; NULL: nowhere */
    int64_t begun;       /**< first byte known of */
    int64_t dispatched;  /**< a worker began to run it */
    /**
     * since when it is the client's time, unless there is more to come; 0: never yet, or it is not
     */
    int64_t written;
    int64_t head; /**< the phases, in the order of the segment; RECORD_UNKNOWN */
    int64_t queue;
    int64_t handler; /**< this and the next two: valid while and after it is logged */
    int64_t writing; /**< adds up as it goes on */
    int64_t total;
    uint64_t bytes_out;
    unsigned row; /**< its virtual host's record */
    unsigned handler_row;
    bool handled; /**< it is among its handler's busy ones */
    bool ended;   /**< the end of its response has been handed down */
    bool late;    /**< and the client had gone by then */
} record_request_t;

/** What is kept for @a r, or for the request it is a part of; NULL for what was no request. */
record_request_t *record_request_of(const request_rec *r);

/** Something of its answer goes to the client: it may have become a tunnel. Its thread. */
void record_request_answers(record_request_t *request);

/** In a child, before it serves. */
void record_request_child_init(void);

/* Hooks. */
int record_request_post_read(request_rec *r);
int record_request_quick(request_rec *r, int lookup);
int record_request_handler(request_rec *r);
int record_request_log(request_rec *r);

#endif
