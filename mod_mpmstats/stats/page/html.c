/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks page/page.html and fills what stands in double braces:
 *
 *     {{server.mpm}}                  a figure, kept current by the script
 *     {{text server.mpm}}             a figure as bare text
 *     {{rate totals.requests}}        a counter as an average per second
 *     {{bar PATH PATH LABEL}}         a bar of the first figure against the second
 *     {{now latency.x.y}}             a figure of times, until the script knows the present one, now.x.y
 *     {{peak totals.x}}               what the script found highest so far; empty without it
 *     {{hidden-unless totals.x}}      the attribute `hidden` unless the figure is there and not 0
 *     {{if PATH}} … {{end}}           only if the figure is known (a flag: set)
 *     {{unless PATH}} … {{end}}       only if not
 *     {{part totals}} … {{end}}       only if this part of the page was asked for, see parts.h
 *     {{recorded}} … {{end}}          only if there is a segment with what is recorded
 *     {{partial}} … {{end}}           only if some part was not
 *     {{processes}} {{css}} …         the parts of the table below
 *
 * A name nobody knows is left standing as it is, where a test finds it.
 */
#include "stats/page/html.h"

#include <stddef.h>
#include <string.h>

#include "apr_strings.h"
#include "page_css.h"
#include "page_html.h"
#include "page_js.h"
#include "base/format.h"
#include "stats/page/html_board.h"
#include "stats/page/html_list.h"
#include "stats/page/html_tables.h"
#include "stats/page/html_value.h"
#include "render/request_view.h"

typedef struct {
    out_t *out;
    const snapshot_t *snapshot;
    unsigned parts;
    const char *nonce;
    int skipping; /* depth inside conditions of which the outermost does not hold */
} page_t;

static void put_css(page_t *page)
{
    out_bytes(page->out, (const char *)page_css, sizeof(page_css));
}

static void put_js(page_t *page)
{
    out_bytes(page->out, (const char *)page_js, sizeof(page_js));
}

static void put_nonce(page_t *page)
{
    out_raw(page->out, page->nonce);
}

/* Where the script finds the figures: what frames every part, and the parts that are shown. */
static void put_json_query(page_t *page)
{
    char text[VIEW_TEXT_BYTES];
    const char *parts = view_parts_text(text, page->parts | VIEW_TOTALS | VIEW_LIMITS);

    out_raw(page->out, "?json");
    if (parts[0] != '\0') {
        out_raw(page->out, "&amp;view=");
        out_raw(page->out, parts);
    }
}

static void put_board(page_t *page)
{
    html_board_picture(page->out, page->snapshot);
}

static void put_legend(page_t *page)
{
    html_board_legend(page->out, page->snapshot);
}

static void put_limits(page_t *page)
{
    html_list_limits(page->out, page->snapshot);
}

static void put_connections(page_t *page)
{
    html_list_connections(page->out, page->snapshot);
}

static void put_processes(page_t *page)
{
    html_tables_processes(page->out, page->snapshot);
}

static void put_workers(page_t *page)
{
    html_tables_workers(page->out, page->snapshot);
}

static void put_slow(page_t *page)
{
    html_tables_slow(page->out, page->snapshot);
}

static void put_vhosts(page_t *page)
{
    html_tables_vhosts(page->out, page->snapshot);
}

static void put_handlers(page_t *page)
{
    html_tables_handlers(page->out, page->snapshot);
}

static void put_listeners(page_t *page)
{
    html_tables_listeners(page->out, page->snapshot);
}

static void put_events(page_t *page)
{
    html_tables_events(page->out, page->snapshot);
}

static void put_latency(page_t *page)
{
    html_tables_latency(page->out, page->snapshot);
}

static const struct {
    const char *name;
    void (*put)(page_t *page);
} fills[] = {
    { "css", put_css },
    { "js", put_js },
    { "nonce", put_nonce },
    { "json-query", put_json_query },
    { "scoreboard", put_board },
    { "legend", put_legend },
    { "limits", put_limits },
    { "connections", put_connections },
    { "processes", put_processes },
    { "workers", put_workers },
    { "slow", put_slow },
    { "vhosts", put_vhosts },
    { "handlers", put_handlers },
    { "listeners", put_listeners },
    { "events", put_events },
    { "latency", put_latency },
};

static int put_part(page_t *page, const char *name)
{
    for (apr_size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        if (strcmp(fills[i].name, name) == 0) {
            fills[i].put(page);
            return 1;
        }
    }
    return 0;
}

static void put_rate(page_t *page, const html_value_t *value, const char *path)
{
    const snapshot_server_t *server = &page->snapshot->server;
    double seconds = (double)(server->now_us - server->counters_since_us) / 1e6;
    double rate = seconds > 0.0 ? (double)html_value_amount(value) / seconds : 0.0;
    char text[FORMAT_BYTES];

    out_raw(page->out, "<span data-rate=\"");
    out_raw(page->out, path);
    out_raw(page->out, "\" data-f=\"");
    out_raw(page->out, html_value_format(value->metric));
    out_raw(page->out, "\">");
    out_raw(page->out,
            value->metric->unit == METRIC_UNIT_BYTES ? format_bytes(text, (apr_int64_t)rate)
                                                     : format_rate(text, rate));
    out_raw(page->out, "</span>");
}

static void put_peak(page_t *page, const html_value_t *value, const char *path)
{
    out_raw(page->out, "<span data-peak=\"");
    out_raw(page->out, path);
    out_raw(page->out, "\" data-f=\"");
    out_raw(page->out, html_value_format(value->metric));
    out_raw(page->out, "\"></span>");
}

static void put_now(page_t *page, const html_value_t *value, const char *path)
{
    const char *rest = strchr(path, '.');
    char now[FORMAT_BYTES];

    apr_snprintf(now, sizeof(now), "now%s", rest != NULL ? rest : "");
    html_value_span(page->out, value, now, strlen(now));
}

/* Whatever holds, a condition has an {{end}}. */
static void open_condition(page_t *page, int holds)
{
    if (page->skipping || !holds) {
        page->skipping++;
    }
}

static int put_figure(page_t *page, const char *verb, const char *path)
{
    html_value_t value;

    if (!html_value_find(&value, page->snapshot, path, strlen(path))) {
        return 0;
    }
    if (strcmp(verb, "if") == 0) {
        open_condition(page, html_value_holds(&value));
    }
    else if (strcmp(verb, "unless") == 0) {
        open_condition(page, !html_value_holds(&value));
    }
    else if (page->skipping) {
        return 1;
    }
    else if (strcmp(verb, "text") == 0) {
        html_value_text(page->out, &value);
    }
    else if (strcmp(verb, "rate") == 0) {
        put_rate(page, &value, path);
    }
    else if (strcmp(verb, "now") == 0) {
        put_now(page, &value, path);
    }
    else if (strcmp(verb, "peak") == 0) {
        put_peak(page, &value, path);
    }
    else if (strcmp(verb, "hidden-unless") == 0) {
        out_raw(page->out, html_value_amount(&value) != 0 ? "" : " hidden");
    }
    else {
        return 0;
    }
    return 1;
}

/* Fills one pair of braces; 0 if it makes no sense. */
static int put_slot(page_t *page, const char *name, apr_size_t len)
{
    char words[160];
    char *state;
    const char *verb;
    const char *path;
    html_value_t value;

    if (len >= sizeof(words)) {
        return 0;
    }
    apr_cpystrn(words, name, len + 1);
    verb = apr_strtok(words, " ", &state);
    path = apr_strtok(NULL, " ", &state);
    if (strcmp(verb, "end") == 0) {
        page->skipping -= page->skipping > 0;
        return 1;
    }
    if (strcmp(verb, "recorded") == 0) {
        open_condition(page, page->snapshot->vhosts != NULL);
        return 1;
    }
    if (strcmp(verb, "partial") == 0) {
        open_condition(page, page->parts != VIEW_ALL);
        return 1;
    }
    if (strcmp(verb, "part") == 0 && path != NULL) {
        open_condition(page, (page->parts & view_part(path, strlen(path))) != 0);
        return 1;
    }
    if (strcmp(verb, "bar") == 0 && path != NULL) {
        const char *max = apr_strtok(NULL, " ", &state);

        if (!page->skipping) {
            html_list_bar(page->out, page->snapshot, path, max, state);
        }
        return 1;
    }
    if (path != NULL) {
        return put_figure(page, verb, path);
    }
    if (page->skipping || put_part(page, verb)) {
        return 1;
    }
    if (html_value_find(&value, page->snapshot, verb, len)) {
        html_value_span(page->out, &value, verb, len);
        return 1;
    }
    return 0;
}

/* Text between braces. */
static void put_text(page_t *page, const char *text, apr_size_t len)
{
    if (!page->skipping) {
        out_bytes(page->out, text, len);
    }
}

void render_html(out_t *out, const snapshot_t *snapshot, unsigned parts, const char *nonce)
{
    page_t page = { out, snapshot, parts, nonce, 0 };
    const char *at = (const char *)page_html;
    const char *end = at + sizeof(page_html);

    while (at < end) {
        const char *open = memmem(at, (apr_size_t)(end - at), "{{", 2);
        const char *close = open ? memmem(open, (apr_size_t)(end - open), "}}", 2) : NULL;

        if (close == NULL) {
            break;
        }
        put_text(&page, at, (apr_size_t)(open - at));
        if (!put_slot(&page, open + 2, (apr_size_t)(close - open - 2))) {
            put_text(&page, open, (apr_size_t)(close + 2 - open));
        }
        at = close + 2;
    }
    put_text(&page, at, (apr_size_t)(end - at));
}
