/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/request_view.h
 * @brief The view that a request selects: the form of the answer, and the parts of the server.
 *
 * The query is a list of words separated by &: at most one form, and any number of
 * `view=PART,PART…` to select parts. Pure: no request, no allocation.
 */
#ifndef MPMSTATS_RENDER_REQUEST_VIEW_H
#define MPMSTATS_RENDER_REQUEST_VIEW_H

#include <stddef.h>

#include "figures/parts.h"

typedef enum {
    VIEW_PAGE,
    VIEW_LIVE,      /**< fetched by the page's script every second, see stats/page/status_page.h */
    VIEW_LIVE_BUSY, /**< the same without the rows of idle workers */
    VIEW_JSON,
    VIEW_AUTO,
    VIEW_PROMETHEUS, /**< metrics in Prometheus's text format 0.0.4 */
    VIEW_OPENMETRICS /**< the same in OpenMetrics 1.0 */
} view_form_e;

typedef struct {
    view_form_e form;
    unsigned parts; /**< VIEW_ALL if the query names none */
} view_t;

/**
 * Parses the query and the Accept header, either of which may be NULL. The header
 * selects between the two forms of metrics, and selects metrics if the query is empty.
 * @return NULL, or the error: one line for people, without input of the client
 */
const char *view_parse(view_t *view, const char *query, const char *accept);

/** The part called @a word (@a len bytes) in a query; 0: none. */
unsigned view_part(const char *word, size_t len);

/** Room for any list of parts. */
#define VIEW_TEXT_BYTES 96

/** A list of @a parts as in a query, "totals,workers"; empty for VIEW_ALL. */
const char *view_parts_text(char text[VIEW_TEXT_BYTES], unsigned parts);

#endif
