/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/out.h
 * @brief The output of renderers: a small buffer that is passed on whenever it is full.
 *
 * A page of any size needs one buffer. The first error of the receiver is kept and all
 * output after it dropped, so renderers need not check every write. One out_t belongs to
 * one thread.
 */
#ifndef MPMSTATS_RENDER_OUT_H
#define MPMSTATS_RENDER_OUT_H

#include "apr.h"
#include "apr_errno.h"

#define OUT_BUFFER_BYTES 8192

/** Receives @a len bytes, valid during the call only. */
typedef apr_status_t (*out_pass_fn)(void *receiver, const char *data, apr_size_t len);

typedef struct {
    out_pass_fn pass;
    void *receiver;
    apr_status_t status; /**< the receiver's first error, or APR_SUCCESS */
    apr_size_t used;
    char buffer[OUT_BUFFER_BYTES];
} out_t;

void out_init(out_t *out, out_pass_fn pass, void *receiver);

/** Passes the buffer on, before another writer uses the receiver. */
void out_flush(out_t *out);

/** Passes the rest on and returns the first error. */
apr_status_t out_finish(out_t *out);

/** Writes @a len bytes unescaped. */
void out_bytes(out_t *out, const char *data, apr_size_t len);

/** Writes a trusted string unescaped. */
void out_raw(out_t *out, const char *str);

/**
 * Writes @a format unescaped. %s: a trusted string; %h: any string, escaped as by out_html().
 */
void out_print(out_t *out, const char *format, ...);

/** A decimal number. */
void out_number(out_t *out, apr_int64_t number);

/** Any string, safe as text and inside a quoted attribute value of HTML. */
void out_html(out_t *out, const char *str);

/**
 * Any string as a label's value in metrics, without quotes; unprintable characters are replaced as
 * in HTML.
 */
void out_label(out_t *out, const char *str);

/** Any string as a JSON string, with its quotes. */
void out_json(out_t *out, const char *str);

#endif
