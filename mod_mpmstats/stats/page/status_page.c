/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks page.html and replaces the placeholders in double braces:
 *
 *     {{server.mpm}}                  a figure, kept current by the script
 *     {{text server.mpm}}             a figure as bare text
 *     {{rate totals.requests}}        a counter as an average per second
 *     {{bar PATH PATH LABEL}}         a bar of the first figure against the second
 *     {{now latency.x.y}}             a figure of times, until the script knows the present one, now.x.y
 *     {{peak totals.x}}               the highest value the script has seen; empty without it
 *     {{show totals.x}}               attributes of an element that is hidden unless the figure is there and not 0
 *     {{if PATH}} … {{end}}           only if the figure is known (a flag: set)
 *     {{unless PATH}} … {{end}}       only if not
 *     {{part totals}} … {{end}}       only if this part was requested, see render/request_view.h
 *     {{recorded}} … {{end}}          only if figures are recorded in a segment
 *     {{partial}} … {{end}}           only if some part was not requested
 *     {{processes}} {{css}} …         the parts of the table below
 *
 * An unknown placeholder is left unchanged, for a test to find. The live form has only the values
 * of placeholders, except those that the script computes.
 */
#include "stats/page/status_page.h"

#include <stdbool.h>
#include <string.h>

#include "apr_strings.h"
#include "page_css.h"
#include "page_html.h"
#include "page_js.h"
#include "render/request_view.h"
#include "stats/page/html_board.h"
#include "stats/page/html_list.h"
#include "stats/page/html_table.h"
#include "stats/page/html_value.h"

/* ---- the frame of the page, which the live form omits --------------------------- */

static void put_css(const html_t *html)
{
    out_bytes(html->out, (const char *)page_css, sizeof(page_css));
}

static void put_js(const html_t *html)
{
    out_bytes(html->out, (const char *)page_js, sizeof(page_js));
}

static void put_nonce(const html_t *html)
{
    out_raw(html->out, html->nonce);
}

/* A query for the same parts; for JSON with those that frame every page. */
static void put_query(const html_t *html, const char *form, unsigned parts)
{
    char text[VIEW_TEXT_BYTES];
    const char *words = view_parts_text(text, parts);

    out_print(html->out, "%s%s%s", form, words[0] != '\0' ? "&amp;view=" : "", words);
}

static void put_json_query(const html_t *html)
{
    put_query(html, "?json", html->parts | VIEW_TOTALS | VIEW_LIMITS);
}

static void put_view_query(const html_t *html)
{
    put_query(html, "", html->parts);
}

static const struct {
    const char *name;
    void (*put)(const html_t *html);
    bool is_live;
} fills[] = {
    { "css", put_css, false },
    { "js", put_js, false },
    { "nonce", put_nonce, false },
    { "json-query", put_json_query, false },
    { "view-query", put_view_query, false },
    { "scoreboard", html_board_picture, true },
    { "legend", html_board_legend, true },
    { "limits", html_list_limits, true },
    { "connections", html_list_connections, true },
    { "processes", html_table_processes, true },
    { "workers", html_table_workers, true },
    { "slow", html_table_slow, true },
    { "vhosts", html_table_vhosts, true },
    { "handlers", html_table_handlers, true },
    { "listeners", html_table_listeners, true },
    { "events", html_table_events, true },
    { "latency", html_list_latency, true },
};

static bool put_part(const html_t *html, const char *name)
{
    for (apr_size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        if (strcmp(fills[i].name, name) == 0) {
            if (fills[i].is_live || !html_is_live(html)) {
                fills[i].put(html);
            }
            return true;
        }
    }
    return false;
}

/* ---- figures -------------------------------------------------------------------- */

static void put_text(const html_t *html, const html_value_t *value, const char *path)
{
    (void)path;
    if (!html_is_live(html)) {
        html_value_text(html->out, value);
    }
}

/* An average since counting began, until the script has a recent rate. */
static void put_rate(const html_t *html, const html_value_t *value, const char *path)
{
    bool is_bytes = value->metric->unit == METRIC_UNIT_BYTES;

    out_print(html->out, "<span data-m=\"rate %s\" data-rate=\"%s\"", path,
              is_bytes ? "bytes" : "count");
    html_value_rate(html, value, html->snapshot->server.counters_since_us);
    out_raw(html->out, "</span>");
}

static void put_now(const html_t *html, const html_value_t *value, const char *path)
{
    if (!html_is_live(html)) {
        out_print(html->out, "<span data-m=\"now%s\" title=\"%h\">", strchr(path, '.'),
                  value->metric->help);
        html_value_text(html->out, value);
        out_raw(html->out, "</span>");
    }
}

static void put_peak(const html_t *html, const html_value_t *value, const char *path)
{
    (void)value;
    html_value_peak(html, path);
}

static void put_show(const html_t *html, const html_value_t *value, const char *path)
{
    const char *hidden = html_value_amount(value) != 0 ? "" : " hidden";

    out_print(html->out,
              html_is_live(html) ? "<i data-m=\"show %s\"%s></i>" : " data-m=\"show %s\"%s", path,
              hidden);
}

static const struct {
    const char *verb;
    void (*put)(const html_t *html, const html_value_t *value, const char *path);
} verbs[] = {
    { "", html_value_span }, { "text", put_text }, { "rate", put_rate },
    { "now", put_now },      { "peak", put_peak }, { "show", put_show },
};

/* Begins a condition, which an {{end}} ends in any case. */
static int open_condition(html_t *html, bool holds)
{
    html->skipping += html->skipping || !holds;
    return 1;
}

static bool put_figure(html_t *html, const char *verb, const char *path)
{
    html_value_t value;

    if (!html_value_find(&value, html->snapshot, path)) {
        return false;
    }
    if (strcmp(verb, "if") == 0) {
        return open_condition(html, html_value_holds(&value));
    }
    if (strcmp(verb, "unless") == 0) {
        return open_condition(html, !html_value_holds(&value));
    }
    for (apr_size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(verb, verbs[i].verb) == 0) {
            if (!html->skipping) {
                verbs[i].put(html, &value, path);
            }
            return true;
        }
    }
    return false;
}

/* ---- the walk ------------------------------------------------------------------- */

/* Fills one placeholder; 0: unknown. */
static bool put_slot(html_t *html, const char *text, apr_size_t len)
{
    char words[160];
    char *state;
    const char *verb;
    const char *path;

    if (len >= sizeof(words)) {
        return false;
    }
    apr_cpystrn(words, text, len + 1);
    verb = apr_strtok(words, " ", &state);
    path = apr_strtok(NULL, " ", &state);
    if (strcmp(verb, "end") == 0) {
        html->skipping -= html->skipping > 0;
        return true;
    }
    if (strcmp(verb, "recorded") == 0) {
        return open_condition(html, html->snapshot->vhosts != NULL);
    }
    if (strcmp(verb, "partial") == 0) {
        return open_condition(html, html->parts != VIEW_ALL);
    }
    if (path == NULL) {
        return html->skipping || put_part(html, verb) || put_figure(html, "", verb);
    }
    if (strcmp(verb, "part") == 0) {
        return open_condition(html, (html->parts & view_part(path, strlen(path))) != 0);
    }
    if (strcmp(verb, "bar") == 0) {
        const char *max = apr_strtok(NULL, " ", &state);

        if (!html->skipping) {
            html_list_bar(html, path, max, state);
        }
        return true;
    }
    return put_figure(html, verb, path);
}

/* Writes text outside of placeholders. */
static void put_rest(html_t *html, const char *text, apr_size_t len)
{
    if (!html->skipping && !html_is_live(html)) {
        out_bytes(html->out, text, len);
    }
}

void status_page(out_t *out, const snapshot_t *snapshot, unsigned parts, const char *nonce)
{
    html_t html = { out, snapshot, parts, nonce, 0 };
    const char *at = (const char *)page_html;
    const char *end = at + sizeof(page_html);

    while (at < end) {
        const char *open = memmem(at, (apr_size_t)(end - at), "{{", 2);
        const char *close = open ? memmem(open, (apr_size_t)(end - open), "}}", 2) : NULL;

        if (close == NULL) {
            break;
        }
        put_rest(&html, at, (apr_size_t)(open - at));
        if (!put_slot(&html, open + 2, (apr_size_t)(close - open - 2))) {
            put_rest(&html, open, (apr_size_t)(close + 2 - open));
        }
        at = close + 2;
    }
    put_rest(&html, at, (apr_size_t)(end - at));
}
