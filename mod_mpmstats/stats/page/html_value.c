/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as text, by kind and unit. */
#include "stats/page/html_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "apr_strings.h"
#include "base/format.h"

typedef struct {
    const char *prefix;
    metrics_scope_e scope;
    apr_size_t offset; /* of the record in snapshot_t */
} place_t;

/* Longer prefixes first where one begins with another. */
static const place_t places[] = {
    { "totals.connections_by_state.", METRICS_CONNECTIONS, offsetof(snapshot_t, connections) },
#define SPREAD(name, kept, section, label, help) \
    { "latency." #name ".", METRICS_LATENCY, \
      offsetof(snapshot_t, spreads[SNAPSHOT_SPREAD_##name].latency) },
#include "figures/figures.def"
    { "totals.", METRICS_TOTALS, offsetof(snapshot_t, totals) },
    { "limits.", METRICS_LIMITS, offsetof(snapshot_t, limits) },
    { "server.", METRICS_SERVER, offsetof(snapshot_t, server) },
};

bool html_value_find(html_value_t *value, const snapshot_t *snapshot, const char *path)
{
    for (apr_size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        apr_size_t skip = strlen(places[i].prefix);

        if (strncmp(path, places[i].prefix, skip) == 0) {
            value->metric = metrics_find(places[i].scope, path + skip, strlen(path + skip));
            value->record = (const char *)snapshot + places[i].offset;
            return value->metric != NULL;
        }
    }
    return false;
}

bool html_value_holds(const html_value_t *value)
{
    if (!metric_known(value->metric, value->record)) {
        return false;
    }
    return value->metric->kind != METRIC_FLAG || metric_number(value->metric, value->record) != 0;
}

apr_int64_t html_value_amount(const html_value_t *value)
{
    return metric_known(value->metric, value->record) ? metric_number(value->metric, value->record)
                                                      : 0;
}

static const char *number_text(char text[FORMAT_BYTES], const metric_t *metric, apr_int64_t n)
{
    switch (metric->kind) {
    case METRIC_FLAG:
        return n ? "yes" : "no";
    case METRIC_TIME:
        return format_time(text, n);
    case METRIC_CEILING:
        if (n == 0) {
            return "no limit";
        }
        break;
    default:
        break;
    }
    switch (metric->unit) {
    case METRIC_UNIT_BYTES:
        return format_bytes(text, n);
    case METRIC_UNIT_SECONDS:
        return format_duration(text, n * 1000000);
    case METRIC_UNIT_MICROSECONDS:
        return format_duration(text, n);
    default:
        return format_count(text, n);
    }
}

void html_value_text(out_t *out, const html_value_t *value)
{
    const metric_t *metric = value->metric;
    char text[FORMAT_BYTES];

    if (!metric_known(metric, value->record)) {
        return;
    }
    switch (metric->kind) {
    case METRIC_TEXT:
    case METRIC_LETTER:
        out_html(out, metric_text(metric, value->record));
        break;
    case METRIC_REAL:
        out_raw(out, format_real(text, metric_real(metric, value->record)));
        break;
    case METRIC_ID:
        out_number(out, metric_number(metric, value->record));
        break;
    default:
        out_raw(out, number_text(text, metric, metric_number(metric, value->record)));
        break;
    }
}

static void put_number(const html_t *html, const html_value_t *value)
{
    if (html_is_live(html)) {
        out_raw(html->out, " data-v=");
        out_number(html->out, metric_number(value->metric, value->record));
    }
}

void html_value_rate(const html_t *html, const html_value_t *value, apr_int64_t since_us)
{
    double seconds = (double)(html->snapshot->server.now_us - since_us) / 1e6;
    double rate = seconds > 0.0 ? (double)html_value_amount(value) / seconds : 0.0;
    char text[FORMAT_BYTES];

    if (!metric_known(value->metric, value->record)) {
        out_raw(html->out, ">");
        return;
    }
    put_number(html, value);
    out_print(html->out, ">%s",
              value->metric->unit == METRIC_UNIT_BYTES ? format_bytes(text, (apr_int64_t)rate)
                                                       : format_rate(text, rate));
}

void html_value_number(const html_t *html, const html_value_t *value)
{
    const metric_t *metric = value->metric;
    bool is_text = metric->kind == METRIC_TEXT || metric->kind == METRIC_LETTER
        || metric->kind == METRIC_REAL;
    bool has_words = metric->unit != METRIC_UNIT_NONE || metric->kind == METRIC_FLAG
        || metric->kind == METRIC_CEILING;

    if (has_words && !is_text && metric_known(metric, value->record)) {
        put_number(html, value);
    }
}

void html_value_span(const html_t *html, const html_value_t *value, const char *path)
{
    out_print(html->out, "<span data-m=\"%s\"", path);
    html_value_number(html, value);
    if (!html_is_live(html)) {
        out_print(html->out, " title=\"%h\"", value->metric->help);
    }
    out_raw(html->out, ">");
    html_value_text(html->out, value);
    out_raw(html->out, "</span>");
}

void html_value_peak(const html_t *html, const char *path)
{
    if (!html_is_live(html)) {
        out_print(html->out, "<span data-peak=\"%s\"></span>", path);
    }
}
