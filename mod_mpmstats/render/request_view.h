/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/request_view.h
 * @brief What a request asks to see: the form of the answer, and which parts of the server.
 *
 * The query is a list of words separated by &: at most one form, and any number of
 * `view=PART,PART…` to see these parts only. Pure: no request, no memory.
 */
#ifndef MPMSTATS_RENDER_REQUEST_VIEW_H
#define MPMSTATS_RENDER_REQUEST_VIEW_H

#include <stddef.h>

#include "figures/parts.h"

typedef enum {
    VIEW_PAGE,
    VIEW_LIVE,      /**< what the page's script asks for each second, see stats/page/html.h … */
    VIEW_LIVE_BUSY, /**< … without the rows of idle workers */
    VIEW_JSON,
    VIEW_AUTO,
    VIEW_PROMETHEUS, /**< metrics in Prometheus's text format 0.0.4 */
    VIEW_OPENMETRICS /**< the same in OpenMetrics 1.0 */
} view_form_e;

typedef struct {
    view_form_e form;
    unsigned parts; /**< VIEW_ALL where the query names none */
} view_t;

/**
 * Reads the query and the Accept header, either of which may be NULL. The header
 * decides between the two forms of metrics, and asks for them where the query is empty.
 * @return NULL, or what is wrong: one line for people, with nothing of the client's in it
 */
const char *view_parse(view_t *view, const char *query, const char *accept);

/** The part that a word (@a len bytes) of a query names; 0 if none. */
unsigned view_part(const char *word, size_t len);

/** Room for any list of parts. */
#define VIEW_TEXT_BYTES 96

/** A list of @a parts as in a query, "totals,workers"; empty for VIEW_ALL. */
const char *view_parts_text(char text[VIEW_TEXT_BYTES], unsigned parts);

#endif
