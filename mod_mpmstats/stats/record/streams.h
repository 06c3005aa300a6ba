/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/streams.h
 * @brief HTTP/2 streams: those that threads of mod_http2 run, and those that wait for one.
 *
 * A stream runs from post_read_request until its thread passes the end of its request (EOR) on:
 * after that only the connection's worker is needed, which sends what is left to the client. While
 * it runs, a record of the segment shows its request. The thread claims that record; the request
 * owns it until it is released, once, by the thread or with the request.
 */
#ifndef MPMSTATS_STATS_RECORD_STREAMS_H
#define MPMSTATS_STATS_RECORD_STREAMS_H

#include <stdint.h>

#include "stats/record/types.h"

/**
 * Records that a stream starts to run at @a now (record_clock()), after @a waited microseconds. Any
 * thread.
 */
void record_streams_ran(int64_t now, int64_t waited);

/** The stream's request @a r begins to run. On its thread. */
void record_streams_begin(const request_rec *r, record_request_t *request);

/** It does not run any more; nothing if it did not. On its thread, or whichever logs the request. */
void record_streams_end(record_request_t *request);

/** This thread has got the fatal signal @a sig: marks the stream that it runs. Async-signal-safe. */
void record_streams_crash(int sig);

/** A stream that runs, or ran in a process that has crashed: copied, and any bytes in the texts. */
typedef struct {
    pid_t pid;
    apr_time_t begun;
    bool hit;    /**< its thread got a fatal signal */
    bool tunnel; /**< it has become one */
    char client[SCORE_CLIENT];
    char request[sizeof(((worker_score *)0)->request)];
    char vhost[sizeof(((worker_score *)0)->vhost)];
    char handler[32];
} record_stream_t;

/** Calls @a each for the streams of process @a pid; 0: of every process. In the parent. */
void record_streams_walk(pid_t pid, void (*each)(void *baton, const record_stream_t *stream),
                         void *baton);

/** In the parent, before the record of process @a pid is freed: logs the streams that it ran. */
void record_streams_report(pid_t pid);

/** H2MaxWorkers in a process; 0: no mod_http2, or it runs no streams. Once post_config hooks run. */
unsigned record_streams_threads(void);

/** Updates the figures if due. Any thread. */
void record_streams_look(int64_t now);

#endif
