/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  http/body.h
 * @brief Detects the end of a request body that is being collected.
 *
 * The body is either a number of bytes (Content-Length) or chunked. Chunked coding is
 * scanned with httpd's own tolerance: the end is where httpd finds it, and what httpd
 * refuses is BODY_BAD, which is dispatched so that httpd answers it. Nothing is decoded:
 * httpd gets the bytes unchanged.
 *
 * As in http/head.h the result depends on the bytes, not on how they are split;
 * each byte is read once, nothing is allocated or kept. After any verdict but
 * BODY_MORE further calls repeat it and use no bytes.
 *
 * Ownership: the struct is the caller's. Threads: one at a time per struct.
 * Units: bytes.
 */
#ifndef MPMSTATS_HTTP_BODY_H
#define MPMSTATS_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/head.h"

/** Blanks that httpd accepts in a chunk-size line outside its extension. */
#define BODY_CHUNK_BLANKS_MAX 10

/** Everything but BODY_MORE means: dispatch. */
typedef enum {
    BODY_MORE = 0, /**< the client has to send more */
    BODY_COMPLETE, /**< the end has arrived; the next request follows */
    BODY_BAD,      /**< the chunked coding is malformed */
    BODY_TOO_LARGE /**< it cannot end within the limit; returned as early as possible */
} body_verdict_e;

typedef struct {
    /* Readable at any time. */
    body_verdict_e verdict; /**< of the last call */
    uint64_t fed;           /**< bytes used so far */

    /* Private to body.c. */
    uint64_t limit;
    uint64_t left; /* Content-Length: of the body; chunked: of the chunk */
    uint8_t part, blanks;
    bool chunked, strict, line_empty, last_cr;
} body_scan_t;

/**
 * Starts a body of @a length bytes.
 * @return BODY_MORE, BODY_COMPLETE if @a length is 0, or BODY_TOO_LARGE if it exceeds @a limit
 */
body_verdict_e body_scan_init_length(body_scan_t *scan, uint64_t length, uint64_t limit);

/**
 * Starts a chunked body.
 * @param limit  bound on the bytes as sent, including chunk lines and trailers
 * @param strict HttpProtocolOptions Strict: a line that ends in a bare LF is BODY_BAD
 */
void body_scan_init_chunked(body_scan_t *scan, uint64_t limit, bool strict);

/**
 * Starts the body that the complete @a head announces; @a limit and @a strict as above.
 * @return false: there is none to collect, or it cannot end within @a limit
 */
bool body_scan_init_after(body_scan_t *scan, const head_scan_t *head, uint64_t limit, bool strict);

/**
 * Scans the next bytes of the connection.
 * @param used bytes of @a buf that belong to the verdict, at most @a len: all with BODY_MORE, up to
 *             and including the body's last byte with BODY_COMPLETE, otherwise the deciding byte
 */
body_verdict_e body_scan_feed(body_scan_t *scan, const char *buf, size_t len, size_t *used);

#endif
