/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of the query are compared without unescaping: none of their characters needs escaping, and
 * only the comma is escaped by some programs.
 */
#include "render/request_view.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "http/accept_header.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char unknown_word[] =
    "mpm-status: unknown query. Without one this is the status page; ?json is the same as JSON, "
    "?auto the report of mod_status, ?openmetrics the metrics; view=PART shows a part.\n";
static const char two_forms[] =
    "mpm-status: only one of ?json, ?auto and ?openmetrics at a time.\n";
static const char unknown_part[] =
    "mpm-status: unknown view. There are totals, limits, latency, vhosts, handlers, listeners, "
    "events, processes and workers; view=limits,workers shows two of them. Forms such as ?json are words of their own.\n";
static const char no_parts[] =
    "mpm-status: ?auto is always whole; view= goes with the page, ?json and ?openmetrics.\n";

static const struct {
    const char *word;
    view_form_e form;
} forms[] = {
    { "json", VIEW_JSON }, { "auto", VIEW_AUTO },           { "openmetrics", VIEW_OPENMETRICS },
    { "live", VIEW_LIVE }, { "live-busy", VIEW_LIVE_BUSY },
};

static const struct {
    const char *word;
    unsigned bit;
} parts[] = {
    { "totals", VIEW_TOTALS }, { "limits", VIEW_LIMITS },       { "latency", VIEW_LATENCY },
    { "vhosts", VIEW_VHOSTS }, { "handlers", VIEW_HANDLERS },   { "listeners", VIEW_LISTENERS },
    { "events", VIEW_EVENTS }, { "processes", VIEW_PROCESSES }, { "workers", VIEW_WORKERS },
};

static bool equal(const char *given, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(given, word, len) == 0;
}

unsigned view_part(const char *word, size_t len)
{
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (equal(word, len, parts[i].word)) {
            return parts[i].bit;
        }
    }
    return 0;
}

const char *view_parts_text(char text[VIEW_TEXT_BYTES], unsigned shown)
{
    char *to = text;

    *to = '\0';
    if (shown == VIEW_ALL) {
        return text;
    }
    for (size_t i = 0; i < COUNT(parts); i++) {
        if (shown & parts[i].bit) {
            if (to > text) {
                *to++ = ',';
            }
            to = stpcpy(to, parts[i].word);
        }
    }
    return text;
}

/* Length of the separator at `at`: a comma, or an escaped one. */
static size_t separator(const char *at, const char *end)
{
    if (at < end && *at == ',') {
        return 1;
    }
    return end - at >= 3 && strncasecmp(at, "%2c", 3) == 0 ? 3 : 0;
}

/* The value of view=. */
static const char *read_parts(view_t *view, const char *at, const char *end)
{
    for (;;) {
        const char *from = at;
        unsigned bit;

        while (at < end && separator(at, end) == 0) {
            at++;
        }
        bit = view_part(from, (size_t)(at - from));
        if (bit == 0) {
            return unknown_part;
        }
        view->parts |= bit;
        if (at == end) {
            return NULL;
        }
        at += separator(at, end);
    }
}

/* One word of the query. `json=` equals `json`: some programs can only write pairs. */
static const char *read_word(view_t *view, const char *word, size_t len)
{
    static const char key[] = "view=";

    if (len >= sizeof(key) - 1 && memcmp(word, key, sizeof(key) - 1) == 0) {
        return read_parts(view, word + sizeof(key) - 1, word + len);
    }
    len -= len > 0 && word[len - 1] == '=';
    for (size_t i = 0; i < COUNT(forms); i++) {
        if (equal(word, len, forms[i].word)) {
            if (view->form != VIEW_PAGE) {
                return two_forms;
            }
            view->form = forms[i].form;
            return NULL;
        }
    }
    return unknown_word;
}

static const char *read_query(view_t *view, const char *query)
{
    while (query != NULL && *query != '\0') {
        size_t len = strcspn(query, "&");
        const char *wrong = read_word(view, query, len);

        if (wrong != NULL) {
            return wrong;
        }
        query += len;
        /* A word must follow an &. */
        if (*query == '&' && *++query == '\0') {
            return unknown_word;
        }
    }
    return view->form == VIEW_AUTO && view->parts != 0 ? no_parts : NULL;
}

/* A client that does not accept OpenMetrics gets the older format, which all of them read. */
static view_form_e negotiate(view_form_e asked, const char *accept)
{
    static const char *const known[] = { "1.0.0", "0.0.1", NULL };
    static const char *const none[] = { NULL };
    int openmetrics = accept_quality(accept, "application/openmetrics-text", known);

    if (asked == VIEW_PAGE && openmetrics > accept_quality(accept, "text/html", none)) {
        return VIEW_OPENMETRICS;
    }
    if (asked == VIEW_OPENMETRICS && openmetrics == 0) {
        return VIEW_PROMETHEUS;
    }
    return asked;
}

const char *view_parse(view_t *view, const char *query, const char *accept)
{
    const char *wrong;

    *view = (view_t){ VIEW_PAGE, 0 };
    wrong = read_query(view, query);
    view->form = negotiate(view->form, accept);
    view->parts = view->parts != 0 ? view->parts : VIEW_ALL;
    return wrong;
}
