/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/out.h
 * @brief Where renderers write: a small buffer that is passed on whenever it is full.
 *
 * A page of any size costs one buffer. The first error of the receiver is kept,
 * and everything written after it is dropped, so a renderer need not look at
 * every write. One out_t belongs to one thread.
 */
#ifndef MPMSTATS_RENDER_OUT_H
#define MPMSTATS_RENDER_OUT_H

#include "apr.h"
#include "apr_errno.h"

#define OUT_BUFFER_BYTES 8192

/** Takes @a len bytes; they are valid only during the call. */
typedef apr_status_t (*out_pass_fn)(void *receiver, const char *data, apr_size_t len);

typedef struct {
    out_pass_fn pass;
    void *receiver;
    apr_status_t status; /**< the receiver's first error, or APR_SUCCESS */
    apr_size_t used;
    char buffer[OUT_BUFFER_BYTES];
} out_t;

void out_init(out_t *out, out_pass_fn pass, void *receiver);

/** Passes on what is there, before somebody else writes to the receiver. */
void out_flush(out_t *out);

/** Passes on what is left and returns the first error. */
apr_status_t out_finish(out_t *out);

/** @a len bytes as they are. */
void out_bytes(out_t *out, const char *data, apr_size_t len);

/** A string of our own, as it is. Never one that came from outside. */
void out_raw(out_t *out, const char *str);

/**
 * @a format as it stands, but for %s, a string of our own, and %h, any string, written as by
 * out_html().
 */
void out_print(out_t *out, const char *format, ...);

/** A decimal number. */
void out_number(out_t *out, apr_int64_t number);

/** Any string, safe as text and inside a quoted attribute value of HTML. */
void out_html(out_t *out, const char *str);

/**
 * Any string as a label's value in metrics, without quotes; what cannot be shown is replaced as in
 * HTML.
 */
void out_label(out_t *out, const char *str);

/** Any string as a JSON string, with its quotes. */
void out_json(out_t *out, const char *str);

#endif
