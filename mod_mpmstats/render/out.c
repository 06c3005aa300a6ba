/* SPDX-License-Identifier: Apache-2.0 */
/* A write buffer with a sticky error. Escaping is in base/escape.c. */
#include "render/out.h"

#include <stdarg.h>
#include <string.h>

#include "apr_strings.h"
#include "base/escape.h"

void out_init(out_t *out, out_pass_fn pass, void *receiver)
{
    out->pass = pass;
    out->receiver = receiver;
    out->status = APR_SUCCESS;
    out->used = 0;
}

void out_flush(out_t *out)
{
    if (out->used > 0 && out->status == APR_SUCCESS) {
        out->status = out->pass(out->receiver, out->buffer, out->used);
    }
    out->used = 0;
}

apr_status_t out_finish(out_t *out)
{
    out_flush(out);
    return out->status;
}

void out_bytes(out_t *out, const char *data, apr_size_t len)
{
    while (len > 0 && out->status == APR_SUCCESS) {
        apr_size_t room = sizeof(out->buffer) - out->used;
        apr_size_t part = len < room ? len : room;

        memcpy(out->buffer + out->used, data, part);
        out->used += part;
        data += part;
        len -= part;
        if (out->used == sizeof(out->buffer)) {
            out_flush(out);
        }
    }
}

void out_raw(out_t *out, const char *str)
{
    out_bytes(out, str, strlen(str));
}

void out_print(out_t *out, const char *format, ...)
{
    const char *at;
    va_list args;

    va_start(args, format);
    for (; (at = strchr(format, '%')) != NULL; format = at + 2) {
        const char *text = va_arg(args, const char *);

        out_bytes(out, format, (apr_size_t)(at - format));
        if (at[1] == 'h') {
            out_html(out, text);
        }
        else {
            out_raw(out, text);
        }
    }
    out_raw(out, format);
    va_end(args);
}

void out_number(out_t *out, apr_int64_t number)
{
    char text[24];
    char *at = text + sizeof(text);
    apr_uint64_t rest = number < 0 ? 0 - (apr_uint64_t)number : (apr_uint64_t)number;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        *--at = '-';
    }
    out_bytes(out, at, (apr_size_t)(text + sizeof(text) - at));
}

/* An escape_sink_fn. */
static void put_escaped(void *sink, const char *data, size_t len)
{
    out_bytes(sink, data, len);
}

void out_html(out_t *out, const char *str)
{
    escape_html(put_escaped, out, str, strlen(str));
}

/* A character as written in a label: U+2400 and above are pictures of control bytes. */
static void put_in_label(out_t *out, const char *bytes, apr_size_t len, int32_t code)
{
    char picture[] = "\xe2\x90\x80";

    if (code == '"' || code == '\\') {
        out_raw(out, "\\");
        out_bytes(out, bytes, len);
    }
    else if (code >= 0 && (code < 0x20 || code == 0x7f)) {
        picture[2] = (char)(0x80 + (code == 0x7f ? 0x21 : code));
        out_raw(out, picture);
    }
    else if (code == ESCAPE_INVALID || escape_deceptive(code)) {
        out_raw(out, "\xef\xbf\xbd");
    }
    else {
        out_bytes(out, bytes, len);
    }
}

/* Length of the prefix that a label needs no escaping for. */
static apr_size_t plain_length(const char *str, apr_size_t left)
{
    apr_size_t len = 0;

    while (len < left && str[len] >= ' ' && str[len] < 0x7f && str[len] != '"'
           && str[len] != '\\') {
        len++;
    }
    return len;
}

void out_label(out_t *out, const char *str)
{
    apr_size_t left = strlen(str);

    while (left > 0) {
        int32_t code;
        apr_size_t len = plain_length(str, left);

        if (len > 0) {
            out_bytes(out, str, len);
        }
        else {
            len = escape_decode(str, left, &code);
            put_in_label(out, str, len, code);
        }
        str += len;
        left -= len;
    }
}

void out_json(out_t *out, const char *str)
{
    out_raw(out, "\"");
    escape_json(put_escaped, out, str, strlen(str));
    out_raw(out, "\"");
}
