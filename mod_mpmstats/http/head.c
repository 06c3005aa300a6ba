/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incremental scanner for an HTTP/1.x request head.
 *
 * Input is processed in parts of lines: up to the next LF or the end of the buffer.
 * memchr() finds the LF, so an irrelevant field costs one pass of it and a check of
 * its first bytes. Only the few relevant fields are read byte by byte. The state
 * between calls is some small integers; there is no buffer, so the input can be
 * split anywhere.
 */
#include "http/head.h"

#include <string.h>

enum { PART_REQUEST_LINE = 0, PART_FIELDS, PART_PREFACE };

/* Position in a field. */
enum { FIELD_SKIP = 0, FIELD_NAME, FIELD_VALUE };

/* In the request line: bytes of "HTTP/x.y" matched in the current word, or one of these. */
enum { WORD_START = 0, WORD_HTTP = 8, WORD_HTTP_CR, WORD_START_CR, WORD_OTHER = 0xff };

/* In the value of Content-Length. */
enum { LENGTH_BEFORE = 0, LENGTH_DIGITS, LENGTH_AFTER, LENGTH_BAD };

enum { PREFACE_LINE_LEN = 14, PREFACE_LEN = 24, NO_MATCH = 0xff };
static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

typedef struct {
    const char *text;
    uint8_t len;
    uint8_t shared; /* length of the prefix in common with the previous word */
} word_t;
#define WORD(s, shared) \
    { \
        s, sizeof(s) - 1, shared \
    }

/* The fields whose values are read. */
enum { KIND_CONNECTION, KIND_LENGTH, KIND_EXPECT, KIND_HOST, KIND_TE, KIND_UPGRADE, KINDS };
static const word_t names[KINDS] = {
    WORD("connection", 0), WORD("content-length", 3),    WORD("expect", 0),
    WORD("host", 0),       WORD("transfer-encoding", 0), WORD("upgrade", 0),
};

enum { TOKEN_CLOSE, TOKEN_KEEPALIVE, TOKENS };
static const word_t tokens[TOKENS] = { WORD("close", 0), WORD("keep-alive", 0) };

static const word_t codings[] = { WORD("chunked", 0) };

static inline char lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

static inline bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/*
 * Adds a byte to the match in progress. If the candidate fails, the next word that begins with the
 * bytes matched so far replaces it.
 */
static inline void match_byte(head_scan_t *s, const word_t *table, unsigned n, char c)
{
    unsigned k = s->match;

    if (k == NO_MATCH) {
        return;
    }
    while (table[k].text[s->match_len] != c || s->match_len == table[k].len) {
        k++;
        if (k == n || table[k].shared < s->match_len) {
            s->match = NO_MATCH;
            s->match_len = 1;
            return;
        }
    }
    s->match = (uint8_t)k;
    s->match_len++;
}

static inline bool matched(const head_scan_t *s, const word_t *table)
{
    return s->match_len && s->match != NO_MATCH && s->match_len == table[s->match].len;
}

static inline void match_restart(head_scan_t *s)
{
    s->match = 0;
    s->match_len = 0;
}

/* Processes one byte of a word of the request line that may be the protocol. */
static uint8_t word_byte(head_scan_t *s, char c)
{
    static const char http[] = "HTTP/";
    bool strict = s->limits && s->limits->strict;

    switch (s->word) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        if (c == http[s->word] || (!strict && lower(c) == lower(http[s->word]))) {
            return (uint8_t)(s->word + 1);
        }
        return (s->word == WORD_START && c == '\r') ? WORD_START_CR : WORD_OTHER;
    case 5:
        s->http_major = (uint8_t)(c - '0');
        return (c >= '1' && c <= '9') ? 6 : WORD_OTHER;
    case 6:
        return (c == '.') ? 7 : WORD_OTHER;
    case 7:
        s->http_minor = (uint8_t)(c - '0');
        return (c >= '0' && c <= '9') ? WORD_HTTP : WORD_OTHER;
    case WORD_HTTP:
        return (c == '\r') ? WORD_HTTP_CR : WORD_OTHER;
    default:
        return WORD_OTHER;
    }
}

static void word_end(head_scan_t *s)
{
    if (s->word == WORD_START) {
        return;
    }
    s->last_word_http = (s->word == WORD_HTTP);
    s->word = WORD_START;
    if (s->words < 3) {
        s->words++;
    }
}

static void request_line_part(head_scan_t *s, const char *p, const char *q)
{
    const char *c;

    for (c = p; c < q && s->preface != NO_MATCH; c++) {
        bool same = s->preface < PREFACE_LINE_LEN ? *c == preface[s->preface]
                                                  : s->preface == PREFACE_LINE_LEN && *c == '\r';
        s->preface = same ? (uint8_t)(s->preface + 1) : NO_MATCH;
    }
    while (p < q) {
        if (s->word == WORD_OTHER) {
            p = memchr(p, ' ', (size_t)(q - p));
            if (!p) {
                return;
            }
        }
        if (*p == ' ') {
            word_end(s);
        }
        else {
            s->word = word_byte(s, *p);
        }
        p++;
    }
}

/* "method target HTTP/x.y"; outside strict mode httpd accepts blanks after it. */
static bool request_line_is_http(const head_scan_t *s)
{
    if (s->word == WORD_HTTP || s->word == WORD_HTTP_CR) {
        return s->words >= 2;
    }
    if (s->limits && s->limits->strict) {
        return false;
    }
    return (s->word == WORD_START || s->word == WORD_START_CR) && s->last_word_http
        && s->words >= 3;
}

static void field_begin(head_scan_t *s)
{
    s->field_part = FIELD_NAME;
    match_restart(s);
}

/* The name and its colon are complete. */
static void value_begin(head_scan_t *s)
{
    s->field_kind = s->match;
    match_restart(s);
    s->field_part = FIELD_VALUE;
    switch (s->field_kind) {
    case KIND_LENGTH:
        s->length_part = s->length_seen ? LENGTH_BAD : LENGTH_BEFORE;
        s->length_seen = true;
        break;
    case KIND_TE:
        s->te_other |= s->chunked;
        break;
    case KIND_EXPECT:
        s->expect = true;
        break;
    case KIND_UPGRADE:
        s->upgrade = true;
        break;
    case KIND_HOST:
        s->host_len = 0;
        s->host_off = 0;
        if (s->host_seen) {
            s->field_part = FIELD_SKIP;
        }
        s->host_seen = true;
        break;
    default:
        break;
    }
}

static void length_byte(head_scan_t *s, char c)
{
    if (blank(c) || c == '\r') {
        if (s->length_part == LENGTH_DIGITS) {
            s->length_part = LENGTH_AFTER;
        }
        return;
    }
    if (c < '0' || c > '9' || s->length_part >= LENGTH_AFTER) {
        s->length_part = LENGTH_BAD;
        return;
    }
    s->length_part = LENGTH_DIGITS;
    if (__builtin_mul_overflow(s->content_length, 10, &s->content_length)
        || __builtin_add_overflow(s->content_length, c - '0', &s->content_length)) {
        s->length_part = LENGTH_BAD;
    }
}

static void connection_token_end(head_scan_t *s)
{
    if (matched(s, tokens)) {
        s->conn_close |= (s->match == TOKEN_CLOSE);
        s->conn_keepalive |= (s->match == TOKEN_KEEPALIVE);
    }
    match_restart(s);
}

static void connection_byte(head_scan_t *s, char c)
{
    if (c == ',' || blank(c) || c == '\r') {
        connection_token_end(s);
    }
    else {
        match_byte(s, tokens, TOKENS, lower(c));
    }
}

/*
 * The value may be a single word, ended by blanks; anything after it, in this field or another, is
 * another coding.
 */
static void coding_byte(head_scan_t *s, char c)
{
    if (!blank(c) && c != '\r') {
        match_byte(s, codings, 1, s->chunked ? '\0' : lower(c));
    }
    else if (s->match_len) {
        s->te_other |= !matched(s, codings);
        s->chunked = true;
        match_restart(s);
    }
}

static void host_part(head_scan_t *s, const char *p, const char *q, uint64_t off)
{
    if (!s->host_off) {
        while (p < q && (blank(*p) || *p == '\r')) {
            p++;
            off++;
        }
        if (p == q) {
            return;
        }
        s->host_off = off;
    }
    while (q > p && (blank(q[-1]) || q[-1] == '\r')) {
        q--;
    }
    if (q > p) {
        uint64_t n = off + (uint64_t)(q - p) - s->host_off;

        s->host_len = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    }
}

/* @param off of p from the first byte fed */
static void value_part(head_scan_t *s, const char *p, const char *q, uint64_t off)
{
    switch (s->field_kind) {
    case KIND_LENGTH:
        while (p < q) {
            length_byte(s, *p++);
        }
        break;
    case KIND_CONNECTION:
        while (p < q) {
            connection_byte(s, *p++);
        }
        break;
    case KIND_TE:
        while (p < q) {
            coding_byte(s, *p++);
        }
        break;
    case KIND_HOST:
        host_part(s, p, q, off);
        break;
    default:
        break;
    }
}

static void field_part(head_scan_t *s, const char *p, const char *q, uint64_t off)
{
    while (p < q && s->field_part == FIELD_NAME) {
        char c = *p++;

        off++;
        if (c == ':' && matched(s, names)) {
            value_begin(s);
            break;
        }
        match_byte(s, names, KINDS, lower(c));
        if (s->match == NO_MATCH) {
            s->field_part = FIELD_SKIP;
        }
    }
    if (s->field_part == FIELD_VALUE) {
        value_part(s, p, q, off);
    }
}

/* The field is complete: no obs-fold line can follow. */
static void field_end(head_scan_t *s)
{
    if (s->field_part != FIELD_VALUE) {
        return;
    }
    switch (s->field_kind) {
    case KIND_LENGTH:
        if (s->length_part == LENGTH_BEFORE || s->length_part == LENGTH_BAD) {
            s->content_length = -2;
        }
        break;
    case KIND_CONNECTION:
        connection_token_end(s);
        break;
    case KIND_TE:
        coding_byte(s, ' ');
        s->te_other |= !s->chunked;
        break;
    default:
        break;
    }
    s->field_part = FIELD_SKIP;
}

/* The first byte of a field line distinguishes an obs-fold line from a new field. */
static void line_begin(head_scan_t *s, char c)
{
    s->folded = s->fields && blank(c);
    if (s->folded) {
        if (s->field_part == FIELD_NAME) {
            s->field_part = FIELD_SKIP;
        }
        if (s->field_part == FIELD_VALUE && s->field_kind == KIND_HOST) {
            s->host_len = 0;
            s->field_part = FIELD_SKIP;
        }
        return;
    }
    field_end(s);
    s->field_len = 0;
    field_begin(s);
}

/*
 * Whether this line, with n more bytes at p, exceeds its limit.
 * @return 1 + the index in p of the byte that exceeds it; 0: it does not
 * A CR right after the last allowed byte may be part of the line end: the byte after it decides.
 */
static size_t line_over(const head_scan_t *s, const char *p, size_t n)
{
    uint64_t max = (s->part == PART_REQUEST_LINE) ? s->limits->line : s->limits->field;
    uint64_t over;

    if (!max) {
        return 0;
    }
    if (s->folded) {
        max -= s->field_len < max ? s->field_len : max;
    }
    if (s->line_len + n <= max) {
        return 0;
    }
    over = max;
    if (s->line_len > max || p[max - s->line_len] == '\r') {
        over++;
    }
    return over < s->line_len + n ? (size_t)(over - s->line_len) + 1 : 0;
}

static head_verdict_e head_complete(head_scan_t *s)
{
    field_end(s);
    if (!s->length_seen) {
        s->content_length = -1;
    }
    if (s->te_other) {
        s->chunked = false;
    }
    s->keepalive_requested = !s->conn_close
        && (s->conn_keepalive || s->http_major > 1 || s->http_minor >= 1);
    return HEAD_COMPLETE;
}

static head_verdict_e request_line_end(head_scan_t *s, bool bad)
{
    bool first = (s->blank_lines == 0);

    if (s->line_len == (s->last_cr ? 1 : 0)) {
        s->word = WORD_START;
        s->preface = NO_MATCH;
        s->blank_lines++;
        if (s->blank_lines > HEAD_BLANK_LINES_MAX) {
            return HEAD_NOT_HTTP;
        }
        return bad ? HEAD_BAD_LINE : HEAD_MORE;
    }
    if (!request_line_is_http(s)) {
        return HEAD_NOT_HTTP;
    }
    if (first && s->preface != NO_MATCH && s->preface >= PREFACE_LINE_LEN) {
        s->part = PART_PREFACE;
        s->preface = PREFACE_LINE_LEN + 2;
        return s->last_cr ? HEAD_MORE : HEAD_H2_PREFACE;
    }
    s->part = PART_FIELDS;
    return bad ? HEAD_BAD_LINE : HEAD_MORE;
}

/* Processes the LF of a line. */
static head_verdict_e line_end(head_scan_t *s)
{
    uint64_t text = s->line_len - (s->last_cr ? 1 : 0);
    bool bad = s->limits && s->limits->strict && !s->last_cr;

    if (s->part == PART_REQUEST_LINE) {
        return request_line_end(s, bad);
    }
    if (bad) {
        return HEAD_BAD_LINE;
    }
    if (text == 0) {
        return head_complete(s);
    }
    s->field_len += text;
    if (!s->folded) {
        s->fields++;
        if (s->limits && s->limits->fields && s->fields > s->limits->fields) {
            return HEAD_TOO_LARGE;
        }
    }
    return HEAD_MORE;
}

/* The scan ends at the last byte of the preface, or at the first that differs. */
static head_verdict_e preface_part(head_scan_t *s, const char **p, const char *end)
{
    while (*p < end) {
        bool same = (*(*p)++ == preface[s->preface]);

        s->preface++;
        if (!same || s->preface == PREFACE_LEN) {
            return HEAD_H2_PREFACE;
        }
    }
    return HEAD_MORE;
}

/* Processes the line at *p up to its LF or the end of the input, and advances *p. */
static head_verdict_e line_part(head_scan_t *s, const char *buf, const char **p, const char *end)
{
    const char *from = *p;
    const char *lf = memchr(from, '\n', (size_t)(end - from));
    const char *to = lf ? lf : end;
    size_t n = (size_t)(to - from);

    if (n) {
        size_t over;

        if (s->part == PART_FIELDS && s->line_len == 0) {
            line_begin(s, *from);
        }
        over = s->limits ? line_over(s, from, n) : 0;
        if (over) {
            *p = from + over;
            return HEAD_TOO_LARGE;
        }
        if (s->part == PART_REQUEST_LINE) {
            request_line_part(s, from, to);
        }
        else {
            field_part(s, from, to, s->fed + (uint64_t)(from - buf));
        }
        s->line_len += n;
        s->last_cr = (to[-1] == '\r');
    }
    *p = to;
    if (lf) {
        head_verdict_e verdict = line_end(s);

        *p = lf + 1;
        s->line_len = 0;
        s->last_cr = false;
        return verdict;
    }
    return HEAD_MORE;
}

void head_scan_init(head_scan_t *scan, const head_limits_t *limits)
{
    memset(scan, 0, sizeof(*scan));
    scan->limits = limits;
}

head_verdict_e head_scan_feed(head_scan_t *s, const char *buf, size_t len, size_t *used)
{
    const char *p = buf;
    size_t window = len;

    *used = 0;
    if (s->verdict != HEAD_MORE || len == 0) {
        return s->verdict;
    }
    if (s->limits && s->limits->total && window > s->limits->total - s->fed) {
        window = (size_t)(s->limits->total - s->fed);
    }
    while (s->verdict == HEAD_MORE && p < buf + window) {
        s->verdict = s->part == PART_PREFACE ? preface_part(s, &p, buf + window)
                                             : line_part(s, buf, &p, buf + window);
    }
    *used = (size_t)(p - buf);
    s->fed += *used;
    if (s->verdict == HEAD_MORE && s->limits && s->limits->total && s->fed == s->limits->total) {
        s->verdict = HEAD_TOO_LARGE;
    }
    return s->verdict;
}

head_body_e head_scan_body(const head_scan_t *s)
{
    if (s->content_length == -2 || s->te_other) {
        return HEAD_BODY_LEAVE;
    }
    if (!s->chunked && s->content_length <= 0) {
        return HEAD_BODY_NONE;
    }
    if (s->expect) {
        return HEAD_BODY_LEAVE;
    }
    return s->chunked ? HEAD_BODY_CHUNKED : HEAD_BODY_LENGTH;
}

void head_limits_httpd(head_limits_t *limits, int limit_req_line, int limit_req_fieldsize,
                       int limit_req_fields, uint32_t total, bool strict)
{
    limits->line = (uint32_t)(limit_req_line < 0 ? 0 : limit_req_line) + 2;
    limits->field = (uint32_t)(limit_req_fieldsize < 0 ? 0 : limit_req_fieldsize) + 2;
    limits->fields = limit_req_fields > 0 ? (uint32_t)limit_req_fields + 1 : 0;
    limits->total = total;
    limits->strict = strict;
}
