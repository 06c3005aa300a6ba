/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  http/head.h
 * @brief Finds the end of an HTTP/1.x request head in bytes that arrive in any pieces.
 *
 * The scanner decides one thing: whether a worker can run the request without waiting
 * for the client. It validates nothing else: a malformed head is complete with its
 * blank line, and httpd refuses it.
 *
 * It keeps no pointer into its input, copies and allocates nothing, and reads each
 * byte once: the result depends on the bytes, not on how they are split. After any
 * verdict but HEAD_MORE the scan is finished: further calls repeat the verdict and
 * use no bytes, until head_scan_init().
 *
 * Ownership: the caller embeds the struct. All bytes zero is the initial state
 * (without limits). Limits are borrowed and must outlive the scan.
 * Threads: one thread at a time per struct; no global state. Units: bytes.
 */
#ifndef MPMSTATS_HTTP_HEAD_H
#define MPMSTATS_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Blank lines skipped before a request line; httpd refuses one more. */
#define HEAD_BLANK_LINES_MAX 10

/** The result for the bytes so far. Everything but HEAD_MORE means: dispatch. */
typedef enum {
    HEAD_MORE = 0, /**< the client has to send more */
    HEAD_COMPLETE, /**< the blank line has arrived; the body, if any, follows */
    /** the first line does not end in " HTTP/x.y": HTTP/0.9, another protocol, noise */
    HEAD_NOT_HTTP,
    /** a line ended in a bare LF and the limits are `strict`: httpd refuses it at once */
    HEAD_BAD_LINE,
    HEAD_TOO_LARGE, /**< a limit is exceeded; httpd answers 400 or 414 */
    /** the first line is "PRI * HTTP/2.0", and the preface's last 8 bytes or differing ones came */
    HEAD_H2_PREFACE
} head_verdict_e;

/** Limits; 0 is "none". Text means a line without its CRLF or LF. */
typedef struct {
    uint32_t line;   /**< text of the request line */
    uint32_t field;  /**< text of a field line, including its obs-fold lines */
    uint32_t fields; /**< number of fields */
    /** bytes of the whole head, including blank lines; exceeded by this many without an end */
    uint32_t total;
    /**
     * HttpProtocolOptions Strict: the protocol is upper case and ends the line; lines end in CRLF
     */
    bool strict;
} head_limits_t;

typedef struct {
    /* Readable after HEAD_COMPLETE. */
    /** -1: no such field; -2: empty, not a number, above INT64_MAX or given twice */
    int64_t content_length;
    /** offset of the value of Host from the first byte fed */
    uint64_t host_off;
    uint32_t host_len;  /**< length of that value; 0: absent, empty, folded or given twice */
    uint8_t http_major; /**< 1 in "HTTP/1.0" */
    uint8_t http_minor; /**< 0 in "HTTP/1.0" */
    /** exactly one Transfer-Encoding field, whose value is "chunked" */
    bool chunked;
    /** any other Transfer-Encoding: the body is left to httpd */
    bool te_other;
    /** an Expect field: the client may wait for "100 Continue" before its body */
    bool expect;
    bool upgrade; /**< an Upgrade field */
    /** HTTP/1.1 without "Connection: close", or HTTP/1.0 with "keep-alive" */
    bool keepalive_requested;

    /* Readable at any time. */
    head_verdict_e verdict; /**< of the last call */
    uint64_t fed;           /**< bytes used so far */

    /* Private to head.c. */
    const head_limits_t *limits;
    uint64_t line_len;  /* bytes of this line so far, without its LF */
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

/** How the body after a complete head is delimited. */
typedef enum {
    HEAD_BODY_NONE,    /**< no body */
    HEAD_BODY_LENGTH,  /**< `content_length` bytes, more than 0 */
    HEAD_BODY_CHUNKED, /**< chunked */
    /** do not collect: httpd refuses it, or the client waits for an answer first */
    HEAD_BODY_LEAVE
} head_body_e;

/** Starts a scan. @param limits borrowed until the scan ends; NULL: none */
void head_scan_init(head_scan_t *scan, const head_limits_t *limits);

/**
 * Scans the next bytes of the connection.
 * @param used bytes of @a buf that belong to the verdict, at most @a len: all with HEAD_MORE, up to
 *             and including the blank line's LF with HEAD_COMPLETE, otherwise the deciding byte
 */
head_verdict_e head_scan_feed(head_scan_t *scan, const char *buf, size_t len, size_t *used);

/** How the body is delimited. Only after HEAD_COMPLETE. */
head_body_e head_scan_body(const head_scan_t *scan);

/**
 * Limits that match httpd's LimitRequestLine, LimitRequestFieldSize and LimitRequestFields.
 *
 * httpd fills a buffer of the limit plus two bytes, detects the overrun at the byte after it, and
 * counts a field when it has read the line that follows. With these limits HEAD_TOO_LARGE comes
 * when httpd can answer from the bytes fed, and never for a head that it accepts. ap_rgetline()
 * reads once more after its buffer is full: a line without LF must be passed to it in two pieces
 * (all but the last byte, then that byte), or the worker waits for the client.
 * @param total limit of the whole head, which httpd lacks; 0: none
 */
void head_limits_httpd(head_limits_t *limits, int limit_req_line, int limit_req_fieldsize,
                       int limit_req_fields, uint32_t total, bool strict);

#endif
