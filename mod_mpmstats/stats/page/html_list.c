/* SPDX-License-Identifier: Apache-2.0 */
/* Figures with their labels, as lists and bars that the script finds by their paths. */
#include "stats/page/html_list.h"

#include <string.h>

#include "apr_strings.h"
#include "stats/page/html_value.h"

#define PATH_MAX_BYTES 64
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void html_list_bar(const html_t *html, const char *value, const char *max, const char *label)
{
    html_value_t found;
    apr_int64_t amount = html_value_find(&found, html->snapshot, value) ? html_value_amount(&found)
                                                                        : 0;
    apr_int64_t limit = html_value_find(&found, html->snapshot, max) ? html_value_amount(&found)
                                                                     : 0;
    double percent = limit > 0 ? 100.0 * (double)amount / (double)limit : 0.0;
    const char *level = percent < 80.0 ? "calm" : percent < 95.0 ? "high" : "full";
    char text[512];

    apr_snprintf(text, sizeof(text),
                 "<svg class=\"bar\" role=\"meter\" aria-label=\"%s\" aria-valuemin=\"0\" "
                 "aria-valuemax=\"%" APR_INT64_T_FMT "\" aria-valuenow=\"%" APR_INT64_T_FMT
                 "\" data-m=\"bar %s\" data-level=\"%s\" viewBox=\"0 0 100 1\" "
                 "preserveAspectRatio=\"none\"><rect width=\"%.1f\" height=\"1\"/></svg>",
                 label, limit, amount, value, level, percent > 100.0 ? 100.0 : percent);
    out_raw(html->out, text);
}

/* A peak, which only the script knows, has an empty cell, so that the layout does not move. */
static void put_items(const html_t *html, metrics_scope_e scope, const void *record,
                      const char *prefix, const char *max)
{
    int count;
    const metric_t *metrics = metrics_of(scope, &count);

    for (int i = 0; i < count; i++) {
        html_value_t value = { &metrics[i], record };
        char path[PATH_MAX_BYTES];

        if (!metric_known(&metrics[i], record)) {
            continue;
        }
        apr_snprintf(path, sizeof(path), "%s%s", prefix, metrics[i].name);
        if (!html_is_live(html)) {
            out_print(html->out, "<div><dt title=\"%h\">%h</dt><dd>", metrics[i].help,
                      metrics[i].label);
        }
        html_value_span(html, &value, path);
        if (max != NULL) {
            html_frame(html, "</dd><dd class=\"peak\">");
            html_value_peak(html, path);
            html_frame(html, "</dd><dd>");
            html_list_bar(html, path, max, metrics[i].label);
        }
        html_frame(html, "</dd></div>\n");
    }
}

void html_list_limits(const html_t *html)
{
    put_items(html, METRICS_LIMITS, &html->snapshot->limits, "limits.", NULL);
}

void html_list_connections(const html_t *html)
{
    put_items(html, METRICS_CONNECTIONS, &html->snapshot->connections,
              "totals.connections_by_state.", "totals.connections");
}

/* ---- times by phase --------------------------------------------------------------- */

/* The recent value, which only the script knows, and that since recording began. */
static const char *const now[] = { "p50_us", "p90_us", "p99_us" };
static const char *const ever[] = { "p50_us", "p90_us", "p99_us", "p999_us", "max_us", "count" };

static void put_titles(out_t *out, const char *const *names, apr_size_t count, const char *class)
{
    for (apr_size_t i = 0; i < count; i++) {
        const metric_t *metric = metrics_find(METRICS_LATENCY, names[i], strlen(names[i]));

        out_print(out, "<th scope=\"col\" title=\"%h\" class=\"%s\">%h</th>", metric->help, class,
                  metric->label);
    }
}

static void put_times_header(out_t *out)
{
    out_raw(out,
            "<table id=\"latency\"><caption>Times by phase</caption><thead><tr>"
            "<td rowspan=\"2\"></td><th scope=\"colgroup\" colspan=\"3\" class=\"now\" "
            "title=\"Requests that ended in the last seconds\">last seconds</th>"
            "<th scope=\"colgroup\" colspan=\"6\" title=\"Since the server was started\">"
            "since recording began</th></tr><tr>");
    put_titles(out, now, COUNT(now), "now");
    put_titles(out, ever, COUNT(ever), "");
    out_raw(out, "</tr></thead>\n<tbody>\n");
}

static void put_phase(out_t *out, const metrics_spread_t *about)
{
    out_print(out,
              "<tr data-spread=\"%s\"><th scope=\"row\" title=\"%h\">"
              "<span class=\"swatch\"></span>%s</th>",
              about->name, about->help, about->label);
    for (apr_size_t i = 0; i < COUNT(now); i++) {
        out_print(out, "<td class=\"now\"><span data-m=\"now.%s.%s\"></span></td>", about->name,
                  now[i]);
    }
}

/*
 * The script computes the times of the last seconds from these pairs of a bucket's highest value
 * and its count.
 */
static void put_buckets(out_t *out, const char *name, const snapshot_spread_t *spread)
{
    out_print(out, "<i data-buckets=\"%s\">", name);
    for (int i = 0; i < spread->bucket_count; i++) {
        out_raw(out, i > 0 ? " " : "");
        out_number(out, spread->buckets[i].highest_us);
        out_raw(out, " ");
        out_number(out, spread->buckets[i].count);
    }
    out_raw(out, "</i>");
}

static void put_times(const html_t *html, int which)
{
    const metrics_spread_t *about = &metrics_spreads[which];
    const snapshot_spread_t *spread = &html->snapshot->spreads[which];

    if (html_is_live(html)) {
        put_buckets(html->out, about->name, spread);
    }
    else {
        put_phase(html->out, about);
    }
    for (apr_size_t i = 0; i < COUNT(ever); i++) {
        html_value_t value = { metrics_find(METRICS_LATENCY, ever[i], strlen(ever[i])),
                               &spread->latency };
        char path[PATH_MAX_BYTES];

        apr_snprintf(path, sizeof(path), "latency.%s.%s", about->name, ever[i]);
        html_frame(html, "<td>");
        html_value_span(html, &value, path);
    }
    html_frame(html, "</tr>\n");
}

void html_list_latency(const html_t *html)
{
    /* The total first, then its phases. */
    static const int order[] = { SNAPSHOT_SPREAD_total,        SNAPSHOT_SPREAD_head,
                                 SNAPSHOT_SPREAD_queue,        SNAPSHOT_SPREAD_handler,
                                 SNAPSHOT_SPREAD_write,        SNAPSHOT_SPREAD_tls_handshake,
                                 SNAPSHOT_SPREAD_keepalive_gap };

    if (!html_is_live(html)) {
        put_times_header(html->out);
    }
    for (apr_size_t i = 0; i < COUNT(order); i++) {
        if (metrics_any_known(METRICS_LATENCY, &html->snapshot->spreads[order[i]].latency)) {
            put_times(html, order[i]);
        }
    }
    html_frame(html, "</tbody></table>");
}
