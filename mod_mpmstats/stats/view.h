/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/view.h
 * @brief What a query string asks to see.
 *
 * The query is a list of words, separated by &: at most one form, and
 * `view=PART,PART…` to see some parts only. Pure: no request, no memory.
 */
#ifndef MPMSTATS_VIEW_H
#define MPMSTATS_VIEW_H

typedef enum {
    VIEW_PAGE,
    VIEW_JSON,
    VIEW_AUTO
} view_form_e;

typedef struct {
    view_form_e form;
} view_t;

/**
 * Reads @a query, which may be NULL.
 * @return NULL, or what is wrong with it: one line for people, with nothing of the query in it
 */
const char *view_parse(view_t *view, const char *query);

#endif
