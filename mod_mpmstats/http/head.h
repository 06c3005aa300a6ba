/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  http/head.h
 * @brief Finds the end of an HTTP/1.x request head in bytes that arrive in any pieces.
 *
 * The scanner decides one thing: is there enough for a worker to run without
 * waiting for the client? It judges nothing else. A malformed head is complete
 * when its blank line is there, and httpd refuses it in its own words.
 *
 * It keeps no pointer into what it is fed, copies and allocates nothing, and
 * looks at each byte in one call only: the answer depends on the bytes, never
 * on how they were cut. After any verdict but HEAD_MORE it is finished: further
 * calls repeat the verdict and use nothing, until head_scan_init().
 *
 * Ownership: the struct is the caller's, embed it. All bytes zero is the initial
 * state (without limits). Limits are borrowed and must outlive the scan.
 * Threads: one thread at a time per struct; no global state. Units: bytes.
 */
#ifndef MPMSTATS_HTTP_HEAD_H
#define MPMSTATS_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Blank lines skipped before a request line; one more is for httpd to refuse. */
#define HEAD_BLANK_LINES_MAX 10

/** What the bytes so far amount to. Everything but HEAD_MORE means: dispatch. */
typedef enum {
    HEAD_MORE = 0, /**< the client has to send more */
    HEAD_COMPLETE, /**< the blank line is there; the body, if any, begins after it */
    /** the first line does not end in " HTTP/x.y": HTTP/0.9, another protocol, noise */
    HEAD_NOT_HTTP,
    /** a line ended in a bare LF and the limits say `strict`: httpd refuses it on sight */
    HEAD_BAD_LINE,
    HEAD_TOO_LARGE, /**< a limit is passed; httpd answers 400 or 414 */
    /**
     * the first line is "PRI * HTTP/2.0", and the 8 bytes after it, or others than those, are there
     */
    HEAD_H2_PREFACE
} head_verdict_e;

/** Limits; 0 is "none". Text means a line without its CRLF or LF. */
typedef struct {
    uint32_t line;   /**< text of the request line */
    uint32_t field;  /**< text of a field line, its obs-fold lines counted in */
    uint32_t fields; /**< number of fields */
    /**
     * the whole head: every byte fed, blank lines counted in; known when that many are there
     * without an end
     */
    uint32_t total;
    /**
     * HttpProtocolOptions Strict: the protocol is upper case and ends the line; lines end in CRLF
     */
    bool strict;
} head_limits_t;

typedef struct {
    /* To be read after HEAD_COMPLETE. */
    /** -1: no such field; -2: empty, not a number, above INT64_MAX or given twice */
    int64_t content_length;
    /** where the value of Host begins, counted from the first byte fed */
    uint64_t host_off;
    uint32_t host_len;  /**< its length; 0: absent, empty, folded or given twice */
    uint8_t http_major; /**< 1 in "HTTP/1.0" */
    uint8_t http_minor; /**< 0 in "HTTP/1.0" */
    /** one Transfer-Encoding field, and it says "chunked" and nothing else */
    bool chunked;
    /** a Transfer-Encoding that says anything else: leave the body to httpd */
    bool te_other;
    /** an Expect field: the client may wait for "100 Continue" before its body */
    bool expect;
    bool upgrade; /**< an Upgrade field */
    /** HTTP/1.1 without "Connection: close", or HTTP/1.0 with "keep-alive" */
    bool keepalive_requested;

    /* To be read at any time. */
    head_verdict_e verdict; /**< of the last call */
    uint64_t fed;           /**< bytes used so far */

    /* Private to head.c. */
    const head_limits_t *limits;
    uint64_t line_len;  /* bytes of this line so far, its LF not counted */
    uint64_t field_len; /* text of the earlier lines of a folded field */
    uint64_t fields;    /* fields whose first line is complete */
    uint8_t part, blank_lines;
    /* request line: state within a word, complete words (counted to 3) */
    uint8_t word, words;
    uint8_t preface; /* bytes of the HTTP/2 preface matched so far */
    uint8_t field_part, field_kind;
    uint8_t match, match_len; /* candidate of the name or token being read, bytes matched */
    uint8_t length_part;
    bool last_cr, folded, last_word_http;
    bool host_seen, length_seen, conn_close, conn_keepalive;
} head_scan_t;

/** How the body that follows a complete head is delimited. */
typedef enum {
    HEAD_BODY_NONE,    /**< no body */
    HEAD_BODY_LENGTH,  /**< `content_length` bytes, more than 0 */
    HEAD_BODY_CHUNKED, /**< chunked */
    /** do not collect: httpd refuses it, or the client waits for an answer first */
    HEAD_BODY_LEAVE
} head_body_e;

/** Starts a scan. @param limits borrowed until the scan ends; NULL is no limit at all */
void head_scan_init(head_scan_t *scan, const head_limits_t *limits);

/**
 * Looks at the next bytes of the connection.
 * @param used how many of @a buf belong to the verdict: all of them with HEAD_MORE; up to and with
 * the
 *             blank line's LF with HEAD_COMPLETE, the deciding LF or byte otherwise. Never more than @a len.
 */
head_verdict_e head_scan_feed(head_scan_t *scan, const char *buf, size_t len, size_t *used);

/** What to do about the body. Only after HEAD_COMPLETE. */
head_body_e head_scan_body(const head_scan_t *scan);

/**
 * Limits that agree with httpd's LimitRequestLine, LimitRequestFieldSize and LimitRequestFields.
 *
 * httpd fills a buffer of the limit and two bytes, notices the overrun with the byte after it, and
 * counts a field when it has read the line that follows. With these limits HEAD_TOO_LARGE comes
 * when the bytes fed are enough for httpd to answer, and never for a head that it accepts.
 * ap_rgetline() asks once more after its buffer is full: whoever serves it a line without LF must
 * hand that out in two pieces (say, all but the last byte, then that), or the worker waits for the
 * client.
 * @param total bound of our own; 0 is none
 */
void head_limits_httpd(head_limits_t *limits, int limit_req_line, int limit_req_fieldsize,
                       int limit_req_fields, uint32_t total, bool strict);

#endif
