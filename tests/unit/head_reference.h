/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second, slow reading of the same rules as http/head.c, for comparison.
 *
 * It asks of every prefix, shortest first, "is this one decided?", with the
 * whole prefix in hand: lines are cut out, unfolded into strings and looked at
 * with strcasecmp(). It shares no code and no idea with the scanner.
 */
#ifndef TESTS_HEAD_REFERENCE_H
#define TESTS_HEAD_REFERENCE_H

#include "http/head.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REF_FIELDS = 1024 };

typedef struct {
    char *text;   /* without its line end; obs-fold lines appended as they came */
    uint64_t off; /* of its first byte */
    size_t bytes; /* text of all its lines */
    bool folded;
} ref_field_t;

typedef struct {
    head_verdict_e verdict;
    size_t used;
    int64_t content_length;
    bool chunked, te_other, expect, upgrade, keepalive;
    int major, minor;
    uint64_t host_off;
    uint32_t host_len;
} ref_head_t;

static inline bool ref_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Is the request line, CR and LF taken off, one of HTTP? */
static inline bool ref_is_http(const char *s, size_t n, bool strict, ref_head_t *out)
{
    size_t i, words = 0;

    while (!strict && n && s[n - 1] == ' ') {
        n--;
    }
    if (n < 9 || s[n - 9] != ' ') {
        return false;
    }
    if (strict ? memcmp(s + n - 8, "HTTP/", 5) : strncasecmp(s + n - 8, "HTTP/", 5)) {
        return false;
    }
    if (s[n - 3] < '1' || s[n - 3] > '9' || s[n - 2] != '.' || s[n - 1] < '0' || s[n - 1] > '9') {
        return false;
    }
    for (i = 0; i < n - 8; i++) {
        words += (s[i] != ' ' && (i == 0 || s[i - 1] == ' '));
    }
    out->major = s[n - 3] - '0';
    out->minor = s[n - 1] - '0';
    return words >= 2;
}

static inline char *ref_trimmed(const char *from, const char *to, const char **begin)
{
    while (from < to && ref_blank(*from)) {
        from++;
    }
    while (to > from && ref_blank(to[-1])) {
        to--;
    }
    if (begin) {
        *begin = from;
    }
    return strndup(from, (size_t)(to - from));
}

static inline void ref_connection(const char *value, bool *close, bool *keepalive)
{
    char *copy = strdup(value), *save = NULL, *word;

    for (word = strtok_r(copy, ", \t\r", &save); word; word = strtok_r(NULL, ", \t\r", &save)) {
        *close |= !strcasecmp(word, "close");
        *keepalive |= !strcasecmp(word, "keep-alive");
    }
    free(copy);
}

static inline int64_t ref_number(const char *s)
{
    unsigned __int128 n = 0;

    if (!*s) {
        return -2;
    }
    for (; *s; s++) {
        if (!isdigit((unsigned char)*s)) {
            return -2;
        }
        n = n * 10 + (unsigned)(*s - '0');
        if (n > INT64_MAX) {
            return -2;
        }
    }
    return (int64_t)n;
}

static inline void ref_judge(ref_field_t *f, size_t n, ref_head_t *out)
{
    size_t i;
    int lengths = 0, codings = 0, hosts = 0;
    bool close = false, keepalive = false;

    out->content_length = -1;
    for (i = 0; i < n; i++) {
        char *colon = memchr(f[i].text, ':', f[i].bytes), *value;
        const char *begin;
        size_t name;
        bool nul;

        if (!colon) {
            continue;
        }
        name = (size_t)(colon - f[i].text);
        value = ref_trimmed(colon + 1, f[i].text + f[i].bytes, &begin);
        nul = memchr(colon, '\0', f[i].bytes - name) != NULL;
#define REF_IS(s) (name == strlen(s) && !strncasecmp(f[i].text, s, name))
        if (REF_IS("content-length")) {
            out->content_length = (lengths++ || nul) ? -2 : ref_number(value);
        }
        else if (REF_IS("transfer-encoding")) {
            if (nul || codings++ || strcasecmp(value, "chunked")) {
                out->te_other = true;
            }
            else {
                out->chunked = true;
            }
        }
        else if (REF_IS("connection")) {
            char *p;

            for (p = colon + 1; p < f[i].text + f[i].bytes; p++) {
                *p = *p ? *p : '\1';
            }
            free(value);
            value = ref_trimmed(colon + 1, f[i].text + f[i].bytes, &begin);
            ref_connection(value, &close, &keepalive);
        }
        else if (REF_IS("expect")) {
            out->expect = true;
        }
        else if (REF_IS("upgrade")) {
            out->upgrade = true;
        }
        else if (REF_IS("host")) {
            const char *end = f[i].text + f[i].bytes;

            while (end > begin && ref_blank(end[-1])) {
                end--;
            }
            out->host_off = f[i].off + (uint64_t)(begin - f[i].text);
            out->host_len = (hosts++ || f[i].folded) ? 0 : (uint32_t)(end - begin);
        }
#undef REF_IS
        free(value);
    }
    out->chunked = out->chunked && !out->te_other;
    out->keepalive = !close && (keepalive || out->major > 1 || out->minor >= 1);
}

static inline bool ref_over(const char *line, size_t n, size_t max, bool limited)
{
    if (!limited || n <= max) {
        return false;
    }
    if (n == max + 1 && line[max] == '\r') {
        return false;
    }
    return true;
}

/* The verdict if exactly these bytes have been seen, and no shorter prefix was decided. */
static inline head_verdict_e ref_prefix(const char *b, size_t n, const head_limits_t *lim,
                                        ref_head_t *out)
{
    static ref_field_t f[REF_FIELDS];
    size_t pos = 0, blanks = 0, fields = 0, i;
    bool request_line = false;
    head_verdict_e v = HEAD_MORE;

    while (v == HEAD_MORE && pos < n) {
        size_t e = pos, text;
        bool lf, cr, fold;

        while (e < n && b[e] != '\n') {
            e++;
        }
        lf = e < n;
        cr = e > pos && b[e - 1] == '\r';
        text = e - pos - (cr ? 1 : 0);
        fold = request_line && fields && (b[pos] == ' ' || b[pos] == '\t');
        if (lim) {
            size_t limit = request_line ? lim->field : lim->line;
            size_t before = fold ? f[fields - 1].bytes : 0;

            if (ref_over(b + pos, e - pos, limit > before ? limit - before : 0, limit != 0)) {
                v = HEAD_TOO_LARGE;
                break;
            }
        }
        if (!lf) {
            break;
        }
        if (!request_line) {
            if (text == 0) {
                blanks++;
                v = blanks > HEAD_BLANK_LINES_MAX ? HEAD_NOT_HTTP
                    : (lim && lim->strict && !cr) ? HEAD_BAD_LINE
                                                  : HEAD_MORE;
            }
            else if (!ref_is_http(b + pos, text, lim && lim->strict, out)) {
                v = HEAD_NOT_HTTP;
            }
            else if (pos == 0 && text == 14 && !memcmp(b, "PRI * HTTP/2.0", 14)) {
                size_t rest = n - 16;

                if (!cr) {
                    v = HEAD_H2_PREFACE;
                    break;
                }
                if (n >= 24 || memcmp(b + 16, "\r\nSM\r\n\r\n", rest)) {
                    v = HEAD_H2_PREFACE;
                }
                break;
            }
            else {
                request_line = true;
                v = (lim && lim->strict && !cr) ? HEAD_BAD_LINE : HEAD_MORE;
            }
        }
        else if (lim && lim->strict && !cr) {
            v = HEAD_BAD_LINE;
        }
        else if (text == 0) {
            ref_judge(f, fields, out);
            v = HEAD_COMPLETE;
        }
        else if (fold) {
            ref_field_t *last = &f[fields - 1];
            size_t old = last->bytes;

            last->text = realloc(last->text, old + text + 1);
            memcpy(last->text + old, b + pos, text);
            last->text[old + text] = '\0';
            last->bytes += text;
            last->folded = true;
        }
        else if (fields < REF_FIELDS) {
            f[fields].text = calloc(1, text + 1);
            memcpy(f[fields].text, b + pos, text);
            f[fields].bytes = text;
            f[fields].folded = false;
            f[fields].off = pos;
            fields++;
            if (lim && lim->fields && fields > lim->fields) {
                v = HEAD_TOO_LARGE;
            }
        }
        pos = e + 1;
    }
    if (v == HEAD_MORE && lim && lim->total && n >= lim->total) {
        v = HEAD_TOO_LARGE;
    }
    for (i = 0; i < fields; i++) {
        free(f[i].text);
    }
    return v;
}

static inline void ref_head(const char *b, size_t n, const head_limits_t *lim, ref_head_t *out)
{
    for (size_t k = 1; k <= n; k++) {
        memset(out, 0, sizeof(*out));
        out->used = k;
        out->verdict = ref_prefix(b, k, lim, out);
        if (out->verdict != HEAD_MORE) {
            return;
        }
    }
    memset(out, 0, sizeof(*out));
    out->used = n;
}

/* NULL when the scanner agrees; else what differs. */
static inline const char *ref_differs(const ref_head_t *r, const head_scan_t *s, size_t used)
{
    if (r->verdict != s->verdict) {
        return "verdict";
    }
    if (r->used != used || s->fed != used) {
        return "used";
    }
    if (r->verdict != HEAD_COMPLETE) {
        return NULL;
    }
    if (r->content_length != s->content_length) {
        return "content_length";
    }
    if (r->chunked != s->chunked || r->te_other != s->te_other) {
        return "transfer coding";
    }
    if (r->expect != s->expect || r->upgrade != s->upgrade) {
        return "expect or upgrade";
    }
    if (r->keepalive != s->keepalive_requested) {
        return "keepalive_requested";
    }
    if (r->major != s->http_major || r->minor != s->http_minor) {
        return "version";
    }
    if (r->host_len != s->host_len || (r->host_len && r->host_off != s->host_off)) {
        return "host";
    }
    return NULL;
}

#endif
