/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  http/body.h
 * @brief Tells when a request body that is being collected is complete.
 *
 * Either a number of bytes (Content-Length) or the chunked coding, which is
 * read with httpd's own tolerance: what httpd takes as the end is the end here,
 * and what it refuses is BODY_BAD, to be dispatched so that httpd refuses it.
 * Nothing is decoded: the bytes go to httpd as they came.
 *
 * As with http/head.h the answer depends on the bytes, not on how they are cut;
 * no byte is looked at twice, nothing is allocated or kept. After any verdict
 * but BODY_MORE further calls repeat it and use nothing.
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

/** Blanks httpd tolerates in a chunk-size line outside of its extension. */
#define BODY_CHUNK_BLANKS_MAX 10

/** Everything but BODY_MORE means: dispatch. */
typedef enum {
    BODY_MORE = 0, /**< the client has to send more */
    BODY_COMPLETE, /**< the end is there; what follows is the next request */
    BODY_BAD,      /**< the chunked coding is broken */
    BODY_TOO_LARGE /**< it will not end within the limit: known as early as it can be */
} body_verdict_e;

typedef struct {
    /* To be read at any time. */
    body_verdict_e verdict; /**< of the last call */
    uint64_t fed;           /**< bytes used so far */

    /* Private to body.c. */
    uint64_t limit;
    uint64_t left; /* Content-Length: of the body; chunked: of the chunk */
    uint8_t part, blanks;
    bool chunked, strict, line_empty, last_cr;
} body_scan_t;

/**
 * Starts a body of @a length bytes; more than @a limit is too large at once.
 * @return BODY_MORE, BODY_COMPLETE for no bytes, or BODY_TOO_LARGE
 */
body_verdict_e body_scan_init_length(body_scan_t *scan, uint64_t length, uint64_t limit);

/**
 * Starts a chunked body.
 * @param limit  bound on the bytes as sent, chunk lines and trailers counted in
 * @param strict HttpProtocolOptions Strict: a line that ends in a bare LF is BODY_BAD
 */
void body_scan_init_chunked(body_scan_t *scan, uint64_t limit, bool strict);

/**
 * Starts the body that @a head, which is whole, tells of; @a limit and @a strict as above.
 * @return false: there is none, or none that can end within @a limit
 */
bool body_scan_init_after(body_scan_t *scan, const head_scan_t *head, uint64_t limit, bool strict);

/**
 * Looks at the next bytes of the connection.
 * @param used how many of @a buf belong to the verdict: all with BODY_MORE, up to and with the
 * body's last
 *             byte with BODY_COMPLETE, up to and with the deciding byte otherwise. Never more than @a len.
 */
body_verdict_e body_scan_feed(body_scan_t *scan, const char *buf, size_t len, size_t *used);

#endif
