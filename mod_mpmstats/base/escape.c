/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escaping. One loop finds runs of bytes that need no escaping; the target's own function spells
 * the rest, one character or one invalid part at a time.
 */
#include "base/escape.h"

#include <stdio.h>
#include <string.h>

/* longest: "\u{10ffff}", "\ud83d\ude00", or 3 bytes as \xNN; and a NUL */
enum { SPELLING_MAX = 24 };

/* A character or invalid part of the source that is spelt. */
typedef struct {
    int32_t code;
    const unsigned char *bytes;
    size_t len;
} unit_t;

typedef struct {
    const char *special; /* ASCII characters that do not stay */
    bool ascii;          /* nothing above ASCII stays */
    size_t (*spell)(const unit_t *unit, char *to);
} target_t;

static const char replacement[] = "\xef\xbf\xbd";

/*
 * Whether a second byte is valid after its lead byte: excludes overlong forms, surrogates and codes
 * above U+10FFFF.
 */
static bool second_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return second >= 0x80 && second <= 0xbf;
    }
}

static size_t sequence_length(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return 0;
    }
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

size_t escape_decode(const char *src, size_t len, int32_t *code)
{
    const unsigned char *s = (const unsigned char *)src;
    size_t need = sequence_length(s[0]), n;
    int32_t value;

    *code = ESCAPE_INVALID;
    if (need <= 1) {
        *code = need ? s[0] : ESCAPE_INVALID;
        return 1;
    }
    value = s[0] & (0x7f >> need);
    for (n = 1; n < need; n++) {
        if (n >= len || (n == 1 ? !second_fits(s[0], s[1]) : (s[n] & 0xc0) != 0x80)) {
            return n;
        }
        value = value << 6 | (s[n] & 0x3f);
    }
    *code = value;
    return need;
}

bool escape_deceptive(int32_t code)
{
    static const int32_t ranges[][2] = {
        { 0x80, 0x9f },                         /* C1 */
        { 0xad, 0xad },                         /* soft hyphen */
        { 0x61c, 0x61c },                       /* Arabic letter mark */
        { 0x115f, 0x1160 },                     /* Hangul fillers, as 0x3164 and 0xffa0 */
        { 0x180e, 0x180e }, { 0x200b, 0x200f }, /* zero width, direction marks */
        { 0x2028, 0x202e }, /* line and paragraph separators, direction overrides */
        { 0x2060, 0x206f }, /* invisible operators, direction isolates */
        { 0x3164, 0x3164 }, { 0xfdd0, 0xfdef },                       /* noncharacters */
        { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb }, /* annotation */
        { 0xfffe, 0xffff }, { 0xe0000, 0xe0fff },                     /* tags */
    };
    size_t i;

    for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (code <= ranges[i][1]) {
            return code >= ranges[i][0];
        }
    }
    return (code & 0xfffe) == 0xfffe; /* the last two of every plane */
}

static size_t spelt(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return len;
}
#define SPELT(to, text) spelt(to, text, sizeof(text) - 1)

static size_t spell_html(const unit_t *u, char *to)
{
    switch (u->code) {
    case '&':
        return SPELT(to, "&amp;");
    case '<':
        return SPELT(to, "&lt;");
    case '>':
        return SPELT(to, "&gt;");
    case '"':
        return SPELT(to, "&quot;");
    case '\'':
        return SPELT(to, "&#39;");
    default:
        break;
    }
    if (u->code >= 0 && u->code <= 0x7f) {
        char picture[4] = { '\xe2', '\x90', (char)(u->code == 0x7f ? 0xa1 : 0x80 + u->code), '\0' };

        return spelt(to, picture, 3);
    }
    return spelt(to, replacement, 3);
}

static size_t spell_json(const unit_t *u, char *to)
{
    static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *at;

    if (u->code == ESCAPE_INVALID) {
        return spelt(to, replacement, 3);
    }
    if (u->code > 0 && u->code < 0x80 && (at = strchr(named, (char)u->code))) {
        to[0] = '\\';
        to[1] = names[at - named];
        return 2;
    }
    if (u->code > 0xffff) {
        return (size_t)snprintf(to, SPELLING_MAX, "\\u%04x\\u%04x",
                                (unsigned)(0xd7c0 + (u->code >> 10)),
                                (unsigned)(0xdc00 + (u->code & 0x3ff)));
    }
    return (size_t)snprintf(to, SPELLING_MAX, "\\u%04x", (unsigned)u->code);
}

/* A character is spelt by its code; control and invalid bytes are spelt one by one. */
static size_t spell_terminal(const unit_t *u, char *to)
{
    size_t n = 0, i;

    switch (u->code) {
    case '\\':
        return SPELT(to, "\\\\");
    case '\n':
        return SPELT(to, "\\n");
    case '\r':
        return SPELT(to, "\\r");
    case '\t':
        return SPELT(to, "\\t");
    default:
        break;
    }
    if (u->code >= 0x80) {
        return (size_t)snprintf(to, SPELLING_MAX, "\\u{%x}", (unsigned)u->code);
    }
    for (i = 0; i < u->len; i++) {
        n += (size_t)snprintf(to + n, SPELLING_MAX - n, "\\x%02x", u->bytes[i]);
    }
    return n;
}

static const target_t html = { "&<>\"'", false, spell_html };
static const target_t json = { "\"\\<>&", false, spell_json };
static const target_t terminal = { "\\", false, spell_terminal };
static const target_t ascii = { "\\", true, spell_terminal };

static bool stays(const target_t *target, int32_t code)
{
    if (code < 0x20 || code == 0x7f) {
        return false;
    }
    if (code < 0x80) {
        return !strchr(target->special, (char)code);
    }
    return !target->ascii && !escape_deceptive(code);
}

static void escape(const target_t *target, escape_sink_fn put, void *sink, const char *src,
                   size_t len)
{
    size_t at = 0, from = 0;

    while (at < len) {
        char spelling[SPELLING_MAX];
        unit_t unit;

        unit.bytes = (const unsigned char *)src + at;
        unit.len = escape_decode(src + at, len - at, &unit.code);
        if (stays(target, unit.code)) {
            at += unit.len;
            continue;
        }
        if (at > from) {
            put(sink, src + from, at - from);
        }
        put(sink, spelling, target->spell(&unit, spelling));
        at += unit.len;
        from = at;
    }
    if (at > from) {
        put(sink, src + from, at - from);
    }
}

typedef struct {
    char *dst;
    size_t room; /* free bytes, without the NUL */
    size_t total;
    bool cut;
} buffer_t;

/* Writes as many whole characters as fit; an entity completely or not at all. */
static void put_buffer(void *sink, const char *data, size_t len)
{
    buffer_t *b = sink;
    size_t n = len;

    b->total += len;
    if (b->cut) {
        return;
    }
    if (n > b->room) {
        b->cut = true;
        n = (data[0] == '&') ? 0 : b->room;
        while (n > 0 && ((unsigned char)data[n] & 0xc0) == 0x80) {
            n--;
        }
    }
    memcpy(b->dst, data, n);
    b->dst += n;
    b->room -= n;
}

void escape_html(escape_sink_fn put, void *sink, const char *src, size_t len)
{
    escape(&html, put, sink, src, len);
}

void escape_json(escape_sink_fn put, void *sink, const char *src, size_t len)
{
    escape(&json, put, sink, src, len);
}

void escape_terminal(escape_sink_fn put, void *sink, const char *src, size_t len)
{
    escape(&terminal, put, sink, src, len);
}

void escape_ascii(escape_sink_fn put, void *sink, const char *src, size_t len)
{
    escape(&ascii, put, sink, src, len);
}

size_t escape_html_buf(char *dst, size_t size, const char *src, size_t len)
{
    char none;
    buffer_t b = { .dst = size ? dst : &none, .room = size ? size - 1 : 0 };

    escape(&html, put_buffer, &b, src, len);
    *b.dst = '\0';
    return b.total;
}

size_t escape_field(const char *field, size_t size)
{
    size_t len = strnlen(field, size), at;
    int32_t code;

    if (len + 1 < size || len == 0) {
        return len;
    }
    /* If none of the last three bytes begins a character, the last character is complete. */
    for (at = len; at > 0 && len - at < 3; at--) {
        unsigned char byte = (unsigned char)field[at - 1];

        if ((byte & 0xc0) != 0x80) {
            size_t have = len - (at - 1);

            if (sequence_length(byte) > have
                && escape_decode(field + at - 1, have, &code) == have) {
                return at - 1;
            }
            break;
        }
    }
    return len;
}
