/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  http/frames.h
 * @brief The frames of an HTTP/2 connection: which streams are open, and what a server that accepts
 * no new stream gets to read.
 *
 * Pure: libc only. One thread at a time.
 */
#ifndef MPMSTATS_HTTP_FRAMES_H
#define MPMSTATS_HTTP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMES_HEAD 9

/** frames_feed() writes at most this many bytes more than it gets. */
#define FRAMES_ROOM (FRAMES_HEAD - 1)

/** Most streams that are open at a time; with more, frames_refuse() is refused. */
#define FRAMES_OPEN_MAX 128

/** Place in one direction's bytes. */
typedef struct {
    uint32_t left;             /**< bytes of the current frame's payload to come */
    uint8_t have;              /**< bytes of `head` */
    uint8_t head[FRAMES_HEAD]; /**< the current frame's header */
} frames_place_t;

typedef struct {
    frames_place_t from_client, from_server;
    uint8_t preface;      /**< bytes of the connection preface to come */
    uint8_t count;        /**< of `open` */
    bool is_overfull;     /**< a stream did not fit into `open` */
    bool refuses;         /**< new streams are left out */
    bool has_refused;     /**< one was */
    bool drops;           /**< the client's current frame is left out */
    bool drops_block;     /**< so are the CONTINUATION frames that follow */
    uint32_t last_stream; /**< the highest stream the client has opened; 0: none */
    /** of the client, and not yet answered to the end or reset */
    uint32_t open[FRAMES_OPEN_MAX];
} frames_t;

/** Before the client's preface. @a is_upgraded: stream 1 is the HTTP/1 request that asked for it. */
void frames_init(frames_t *f, bool is_upgraded);

/** Whether a frame of the client that may open a stream is half read. */
bool frames_are_amid_head(const frames_t *f);

/**
 * Leave out what the client sends on streams above its last one from here on. The server's field
 * table then lacks what those had, so later trailers are replaced by an empty DATA frame. False: the
 * preface or a frame that may open a stream is half read, no stream was opened yet, or too many are
 * open.
 */
bool frames_refuse(frames_t *f);

/**
 * The next @a len bytes of the client. @a out: NULL before frames_refuse(); then room for @a len +
 * FRAMES_ROOM bytes, filled with what is left of them. @return number of bytes written
 */
size_t frames_feed(frames_t *f, const void *data, size_t len, unsigned char *out);

/** The next @a len bytes of the server. */
void frames_sent(frames_t *f, const void *data, size_t len);

/** Bytes that the server's current frame still has, which frames_skip() may take unseen. */
size_t frames_to_skip(const frames_t *f);
void frames_skip(frames_t *f, size_t len);

/** Whether a stream was refused, and no other is open. */
bool frames_are_over(const frames_t *f);

#endif
