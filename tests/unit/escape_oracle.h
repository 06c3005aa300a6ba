/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold of every escaped text, checked by other means than base/escape.c's:
 * the C library's iconv() says what is UTF-8, and undoing the escapes must give
 * back what went in.
 */
#ifndef TESTS_ESCAPE_ORACLE_H
#define TESTS_ESCAPE_ORACLE_H

#include "base/escape.h"

#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *data;
    size_t len;
    size_t pieces;
} oracle_text_t;

static inline void oracle_add(void *sink, const char *data, size_t len)
{
    oracle_text_t *t = sink;

    t->data = realloc(t->data, t->len + len + 1);
    memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = '\0';
    t->pieces++;
}

static inline bool oracle_utf8(const char *s, size_t len)
{
    static iconv_t to_utf16; /* not UCS-4: glibc lets that go beyond U+10FFFF */
    uint32_t out[256];
    char *in = (char *)(uintptr_t)s;

    if (!to_utf16) {
        to_utf16 = iconv_open("UTF-16LE", "UTF-8");
    }
    iconv(to_utf16, NULL, NULL, NULL, NULL);
    while (len > 0) {
        char *to = (char *)out;
        size_t room = sizeof(out), before = len;

        iconv(to_utf16, &in, &len, &to, &room);
        if (len == before) {
            return false;
        }
    }
    return true;
}

static inline void oracle_character(oracle_text_t *t, uint32_t code)
{
    char c[4];
    size_t n;

    if (code < 0x80) {
        c[0] = (char)code;
        n = 1;
    }
    else if (code < 0x800) {
        c[0] = (char)(0xc0 | code >> 6);
        c[1] = (char)(0x80 | (code & 63));
        n = 2;
    }
    else if (code < 0x10000) {
        c[0] = (char)(0xe0 | code >> 12);
        c[1] = (char)(0x80 | (code >> 6 & 63));
        c[2] = (char)(0x80 | (code & 63));
        n = 3;
    }
    else {
        c[0] = (char)(0xf0 | code >> 18);
        c[1] = (char)(0x80 | (code >> 12 & 63));
        c[2] = (char)(0x80 | (code >> 6 & 63));
        c[3] = (char)(0x80 | (code & 63));
        n = 4;
    }
    oracle_add(t, c, n);
}

/* Undoes what the terminal's escapes did, which must lose nothing. */
static inline oracle_text_t oracle_undo_terminal(const char *s)
{
    oracle_text_t t = { calloc(1, 1), 0, 0 };

    while (*s) {
        unsigned value;
        int used = 0;
        char c;

        if (*s != '\\') {
            oracle_add(&t, s++, 1);
        }
        else if (s[1] == 'x' && sscanf(s, "\\x%2x%n", &value, &used) == 1 && used == 4) {
            c = (char)value;
            oracle_add(&t, &c, 1);
            s += used;
        }
        else if (s[1] == 'u' && sscanf(s, "\\u{%x}%n", &value, &used) == 1 && used) {
            oracle_character(&t, value);
            s += used;
        }
        else {
            c = s[1] == 'n' ? '\n' : s[1] == 'r' ? '\r' : s[1] == 't' ? '\t' : '\\';
            oracle_add(&t, &c, 1);
            s += 2;
        }
    }
    return t;
}

static inline oracle_text_t oracle_undo_json(const char *s)
{
    oracle_text_t t = { calloc(1, 1), 0, 0 };

    while (*s) {
        static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
        unsigned value, low;
        const char *at;

        if (*s != '\\') {
            oracle_add(&t, s++, 1);
        }
        else if (sscanf(s, "\\u%4x\\u%4x", &value, &low) == 2 && value >= 0xd800
                 && value < 0xdc00) {
            oracle_character(&t, 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00));
            s += 12;
        }
        else if (sscanf(s, "\\u%4x", &value) == 1) {
            oracle_character(&t, value);
            s += 6;
        }
        else {
            at = strchr(letters, s[1]);
            oracle_add(&t, at && *at ? &meant[at - letters] : "?", 1);
            s += 2;
        }
    }
    return t;
}

/*
 * Bytes no target may let through, and its own special characters, except as the beginning of an
 * escape.
 */
static inline const char *oracle_harmless(const char *s, size_t len, const char *forbidden,
                                          bool ascii)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c < 0x20 || c == 0x7f) {
            return "a control byte";
        }
        if (c == 0xc2 && i + 1 < len && (unsigned char)s[i + 1] < 0xa0) {
            return "a C1 control";
        }
        if (c == 0xe2 && i + 2 < len && s[i + 1] == '\x80' && (unsigned char)s[i + 2] >= 0xa8
            && (unsigned char)s[i + 2] <= 0xae) {
            return "a separator or direction override";
        }
        if (ascii && c >= 0x80) {
            return "a byte above ASCII";
        }
        if (strchr(forbidden, c)) {
            return "a special character";
        }
    }
    return NULL;
}

/* Every '&' begins one of the five entities. */
static inline bool oracle_entities(const char *s)
{
    static const char *const all[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };

    for (; (s = strchr(s, '&')); s++) {
        size_t i = 0;

        while (i < 5 && strncmp(s, all[i], strlen(all[i]))) {
            i++;
        }
        if (i == 5) {
            return false;
        }
    }
    return true;
}

typedef void (*oracle_escape_fn)(escape_sink_fn put, void *sink, const char *src, size_t len);

/* A buffer of any size gets the beginning of the whole, cut between characters and entities. */
static inline const char *oracle_buffer(const char *src, size_t len, const oracle_text_t *whole,
                                        size_t size)
{
    char *dst = malloc(size ? size : 1);
    const char *wrong = NULL;
    size_t n;

    if (escape_html_buf(dst, size, src, len) != whole->len) {
        wrong = "the length returned";
    }
    else if (size) {
        n = strnlen(dst, size);
        if (n == size) {
            wrong = "the NUL";
        }
        else if (memcmp(dst, whole->data, n)) {
            wrong = "the beginning";
        }
        else if (whole->len < size ? n != whole->len : n + 25 < size) {
            wrong = "the length written";
        }
        else if (!oracle_utf8(dst, n)) {
            wrong = "the UTF-8 of what was cut";
        }
    }
    free(dst);
    return wrong;
}

/* NULL, or what is wrong with the escaping of these bytes. */
static inline const char *oracle_check(const char *src, size_t len)
{
    static const struct {
        const char *forbidden;
        oracle_escape_fn fn;
        bool ascii;
    } targets[] = {
        { "<>\"'", escape_html, false },
        { "<>&", escape_json, false },
        { "", escape_terminal, false },
        { "", escape_ascii, true },
    };
    bool valid = oracle_utf8(src, len);
    const char *wrong = NULL;

    for (size_t i = 0; i < 4 && !wrong; i++) {
        oracle_text_t whole = { calloc(1, 1), 0, 0 };

        targets[i].fn(oracle_add, &whole, src, len);
        wrong = oracle_harmless(whole.data, whole.len, targets[i].forbidden, targets[i].ascii);
        if (!wrong && !oracle_utf8(whole.data, whole.len)) {
            wrong = "not UTF-8";
        }
        for (size_t size = 0; i == 0 && size < 40 && !wrong; size++) {
            wrong = oracle_buffer(src, len, &whole, size);
        }
        if (!wrong && i == 0) {
            wrong = oracle_buffer(src, len, &whole, whole.len);
        }
        if (!wrong && i == 0) {
            wrong = oracle_buffer(src, len, &whole, whole.len + 1);
        }
        if (!wrong && i == 0 && !oracle_entities(whole.data)) {
            wrong = "an ampersand";
        }
        if (!wrong && i == 1 && valid) {
            oracle_text_t back = oracle_undo_json(whole.data);

            /* A NUL cannot be told from the end when the text is undone as a string. */
            if (!memchr(src, '\0', len) && (back.len != len || memcmp(back.data, src, len))) {
                wrong = "JSON does not say the same";
            }
            free(back.data);
        }
        if (!wrong && i >= 2) {
            oracle_text_t back = oracle_undo_terminal(whole.data);

            if (back.len != len || memcmp(back.data, src, len)) {
                wrong = "the terminal's text does not say the same";
            }
            free(back.data);
        }
        free(whole.data);
    }
    return wrong;
}

/* A field cut by its size is valid if what was put into it was. */
static inline const char *oracle_field(const char *src, size_t len, size_t size)
{
    char *field = calloc(1, size ? size : 1);
    size_t n = strnlen(src, len), got;
    const char *wrong = NULL;

    memcpy(field, src, n < size ? n : size);
    got = escape_field(field, size);
    if (got > size || got > n) {
        wrong = "a field longer than it is";
    }
    else if (oracle_utf8(src, n) && !oracle_utf8(field, got)) {
        wrong = "a field that ends in half a character";
    }
    else if (got + 3 < (n < size ? n : size)) {
        wrong = "a field cut too far";
    }
    else if (n + 1 < size && got != n) {
        wrong = "a field cut that was not full";
    }
    free(field);
    return wrong;
}

#endif
