/* SPDX-License-Identifier: Apache-2.0 */
/* Figures with their labels, as lists and bars that the script finds by their paths. */
#include "stats/page/html_list.h"

#include <string.h>

#include "apr_strings.h"
#include "stats/page/html_value.h"
#include "figures/metrics.h"

#define PATH_MAX_BYTES 64

/* A value of `snapshot` with its label, as an item of a description list. */
static void put_item(out_t *out, const html_value_t *value, const char *path)
{
    out_raw(out, "<dt title=\"");
    out_html(out, value->metric->help);
    out_raw(out, "\">");
    out_html(out, value->metric->label);
    out_raw(out, "</dt><dd>");
    html_value_span(out, value, path, strlen(path));
    out_raw(out, "</dd>");
}

void html_list_limits(out_t *out, const snapshot_t *snapshot)
{
    int count;
    const metric_t *metrics = metrics_of(METRICS_LIMITS, &count);

    out_raw(out, "<dl class=\"list\">\n");
    for (int i = 0; i < count; i++) {
        html_value_t value = { &metrics[i], &snapshot->limits };
        char path[PATH_MAX_BYTES];

        if (metric_known(&metrics[i], &snapshot->limits)) {
            apr_snprintf(path, sizeof(path), "limits.%s", metrics[i].name);
            out_raw(out, "<div>");
            put_item(out, &value, path);
            out_raw(out, "</div>\n");
        }
    }
    out_raw(out, "</dl>");
}

static apr_int64_t amount_at(const snapshot_t *snapshot, const char *path)
{
    html_value_t value;

    return html_value_find(&value, snapshot, path, strlen(path)) ? html_value_amount(&value) : 0;
}

void html_list_bar(out_t *out, const snapshot_t *snapshot, const char *value, const char *max,
                   const char *label)
{
    apr_int64_t amount = amount_at(snapshot, value);
    apr_int64_t limit = amount_at(snapshot, max);
    double percent = limit > 0 ? 100.0 * (double)amount / (double)limit : 0.0;
    const char *level = percent < 80.0 ? "calm" : percent < 95.0 ? "high" : "full";
    char text[512];

    apr_snprintf(text, sizeof(text),
                 "<svg class=\"bar\" role=\"meter\" aria-label=\"%s\" aria-valuemin=\"0\" "
                 "aria-valuemax=\"%" APR_INT64_T_FMT "\" aria-valuenow=\"%" APR_INT64_T_FMT
                 "\" data-bar=\"%s\" data-max=\"%s\" data-level=\"%s\" viewBox=\"0 0 100 1\" "
                 "preserveAspectRatio=\"none\"><rect width=\"%.1f\" height=\"1\"/></svg>",
                 label, limit, amount, value, max, level, percent > 100.0 ? 100.0 : percent);
    out_raw(out, text);
}

/* What only the script knows has an empty cell, so that nothing moves when it comes. */
static void put_state(out_t *out, const snapshot_t *snapshot, const html_value_t *value)
{
    char path[PATH_MAX_BYTES];

    apr_snprintf(path, sizeof(path), "totals.connections_by_state.%s", value->metric->name);
    out_raw(out, "<div>");
    put_item(out, value, path);
    out_raw(out, "<dd class=\"peak\"><span data-peak=\"");
    out_raw(out, path);
    out_raw(out, "\" data-f=\"count\"></span></dd><dd>");
    html_list_bar(out, snapshot, path, "totals.connections", value->metric->label);
    out_raw(out, "</dd></div>\n");
}

void html_list_connections(out_t *out, const snapshot_t *snapshot)
{
    int count;
    const metric_t *metrics = metrics_of(METRICS_CONNECTIONS, &count);

    for (int i = 0; i < count; i++) {
        html_value_t value = { &metrics[i], &snapshot->connections };

        if (metric_known(&metrics[i], &snapshot->connections)) {
            put_state(out, snapshot, &value);
        }
    }
}
