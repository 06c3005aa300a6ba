/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures of the bars and the text after them.
 */
#include "fields/gauge.h"

#include <math.h>
#include <stdlib.h>

#include "fields/fields.h"
#include "fields/figure.h"
#include "common/memory.h"

#define NEARLY_FULL 0.8 /* share of the limit with warning colour */

/* "12 of 400 busy (3%)", or the figure alone without a known limit. */
static char *of_limit(double value, double limit, const char *word)
{
    char *shown = figure_count(value), *most = figure_count(limit), *text;

    if (isnan(limit) || limit <= 0) {
        text = memory_format("%s%s", shown, word);
    }
    else {
        text = memory_format("%s of %s%s (%.0f%%)", shown, most, word, floor(value / limit * 100));
    }
    free(shown);
    free(most);
    return text;
}

/* Adds ", word n" for a figure that is known. */
static char *with_count(char *text, const char *word, double number)
{
    char *shown, *longer;

    if (isnan(number)) {
        return text;
    }
    shown = figure_count(number);
    longer = memory_format("%s, %s %s", text, shown, word);
    free(text);
    free(shown);
    return longer;
}

static double value(const char *name, const snapshot_t *snap)
{
    return field_number(field_find(fields_server, name), snap);
}

static gauge_t gauge_workers(const snapshot_t *snap)
{
    gauge_t gauge = { "Workers",
                      value("workers_busy", snap),
                      value("workers_idle", snap),
                      value("max_request_workers", snap),
                      snap->totals.saturated == 1,
                      NULL };

    gauge.notes = with_count(of_limit(gauge.taken, gauge.limit, " busy"), "idle", gauge.ready);
    return gauge;
}

static gauge_t gauge_processes(const snapshot_t *snap)
{
    double quiescing = value("processes_quiescing", snap);
    gauge_t gauge = { "Processes", value("processes", snap),
                      NAN,         value("server_limit", snap),
                      false,       NULL };

    gauge.notes = of_limit(gauge.taken, gauge.limit, "");
    if (quiescing > 0) {
        gauge.notes = with_count(gauge.notes, "quiescing", quiescing);
    }
    return gauge;
}

static gauge_t gauge_connections(const snapshot_t *snap)
{
    gauge_t gauge = { "Connections", value("connections", snap),
                      NAN,           value("connections_max", snap),
                      false,         NULL };

    gauge.notes = of_limit(gauge.taken, gauge.limit, "");
    return gauge;
}

void gauges_of(const snapshot_t *snap, gauge_t gauges[GAUGES])
{
    gauges[0] = gauge_workers(snap);
    gauges[1] = gauge_processes(snap);
    gauges[2] = gauge_connections(snap);
}

void gauges_free(gauge_t gauges[GAUGES])
{
    for (size_t i = 0; i < GAUGES; i++) {
        free(gauges[i].notes);
    }
}

bool gauge_has_bar(const gauge_t *gauge)
{
    return !isnan(gauge->taken) && gauge->limit > 0;
}

/* Any value above 0 gets at least one column. */
static size_t share(double part, double limit, size_t columns)
{
    double exact = isnan(part) ? 0 : part / limit * (double)columns;

    if (exact > 0 && exact < 1) {
        return 1;
    }
    return exact >= (double)columns ? columns : (size_t)(exact + 0.5);
}

size_t gauge_share(const gauge_t *gauge, size_t columns, size_t *ready)
{
    size_t taken = share(gauge->taken, gauge->limit, columns);

    *ready = share(gauge->ready, gauge->limit, columns);
    if (*ready > columns - taken) {
        *ready = columns - taken;
    }
    return taken;
}

style_e gauge_style(const gauge_t *gauge)
{
    if (gauge->alarm || gauge->taken >= gauge->limit) {
        return STYLE_ALARM;
    }
    return gauge->taken >= gauge->limit * NEARLY_FULL ? STYLE_WARN : STYLE_BUSY;
}
