/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of values, generated from figures/figures.def. A figure added there
 * needs no line here.
 */
#include "fields/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "fields/derive.h"
#include "common/memory.h"

#define ROW(name, path, kind, unit, shorter, limit, label, help, record, member) \
    { name,   path,  METRIC_##kind, METRIC_UNIT_##unit,       #shorter, \
      #limit, label, help,          offsetof(record, member), NULL },

/* A field of the record at `at` in `record`; `path` prefixes its JSON name, `prefix` its key. */
#define FIELD(prefix, path, record, at, name, kept, kind, unit, shorter, limit, label, help) \
    ROW(prefix #name, path #name, kind, unit, shorter, limit, label, help, record, at name)
#define ALIAS(path, record, at, name, of, kind, unit, shorter, limit, label, help) \
    ROW(#name, path #of, kind, unit, shorter, limit, label, help, record, at of)

/* The figures of a histogram: queue.p99 and so on. */
#define LATENCY(with, name, kept, kind, unit, shorter, limit, label, help) \
    LATENCY_OF(LATENCY_WITH with, name, kind, unit, shorter, help)
#define LATENCY_WITH(spread, of, record, at) spread, of, record, at
#define LATENCY_OF(...) LATENCY_ROW(__VA_ARGS__)
#define LATENCY_ROW(spread, of, record, at, name, kind, unit, word, help) \
    ROW(#spread "." #word, "latency." #spread "." #name, kind, unit, _, _, #spread " " #word, \
        help ": " of, record, at.name)

const field_t fields_server[] = {
#define SERVER_FIGURE(...) FIELD("", "server.", snapshot_t, server., __VA_ARGS__)
#define LIMITS_FIGURE(...) FIELD("", "limits.", snapshot_t, limits., __VA_ARGS__)
#define TOTALS_FIGURE(...) FIELD("", "totals.", snapshot_t, totals., __VA_ARGS__)
#define CONNECTIONS_FIGURE(...) \
    FIELD("connections.", "totals.connections_by_state.", snapshot_t, connections., __VA_ARGS__)
#define SPREAD(name, kept, section, label, help) \
    LATENCY_FIGURES(LATENCY, (name, help, snapshot_t, spreads[SNAPSHOT_SPREAD_##name].latency))
#define ALIAS_FIGURE(...) ALIAS("totals.", snapshot_t, totals., __VA_ARGS__)
#define DERIVED_FIGURE(id, name, kind, unit, shorter, limit, label, help) \
    { name, "", METRIC_##kind, METRIC_UNIT_##unit, #shorter, #limit, label, help, 0, derive_##id },
#include "figures/figures.def"
    { .name = NULL }
};

const field_t fields_process[] = {
#define PROCESS_FIGURE(...) FIELD("", "", snapshot_process_t, , __VA_ARGS__)
#define PROCESS_WORKERS_FIGURE(...) \
    FIELD("workers.", "workers.", snapshot_process_t, workers., __VA_ARGS__)
#define CONNECTIONS_FIGURE(...) \
    FIELD("connections.", "connections_by_state.", snapshot_process_t, connections_by_state., \
          __VA_ARGS__)
#include "figures/figures.def"
    ROW("scoreboard", "scoreboard", TEXT, NONE, _, _, "Workers", "A letter for each worker",
        snapshot_process_t, scoreboard){ .name = NULL }
};

const field_t fields_vhost[] = {
#define VHOST_FIGURE(...) FIELD("", "", snapshot_vhost_t, , __VA_ARGS__)
#define SPREAD(name, kept, section, label, help) SPREAD_OF_##section(name, help)
#define SPREAD_OF_VHOST(name, help) \
    LATENCY_FIGURES(LATENCY, (name, help, snapshot_vhost_t, latency[SNAPSHOT_SPREAD_##name]))
#define SPREAD_OF_SERVER(name, help)
#define ALIAS_FIGURE(...) ALIAS("", snapshot_vhost_t, , __VA_ARGS__)
#include "figures/figures.def"
    { .name = NULL }
};

const field_t fields_worker[] = {
#define WORKER_FIGURE(...) FIELD("", "", snapshot_worker_t, , __VA_ARGS__)
#include "figures/figures.def"
    { .name = NULL }
};

const field_t fields_handler[] = {
#define HANDLER_FIGURE(...) FIELD("", "", snapshot_handler_t, , __VA_ARGS__)
#include "figures/figures.def"
    { .name = NULL }
};

const field_t fields_listener[] = {
#define LISTENER_FIGURE(...) FIELD("", "", snapshot_listener_t, , __VA_ARGS__)
#include "figures/figures.def"
    { .name = NULL }
};

const field_t fields_event[] = {
#define EVENT_FIGURE(...) FIELD("", "", snapshot_event_t, , __VA_ARGS__)
#include "figures/figures.def"
    { .name = NULL }
};

static const char *word(const char *text)
{
    return strcmp(text, "_") != 0 ? text : NULL;
}

const char *field_short(const field_t *field)
{
    return word(field->shorter);
}

const field_t *field_limit(const field_t *table, const field_t *field)
{
    return word(field->limit) != NULL ? field_find(table, field->limit) : NULL;
}

const field_t *field_find(const field_t *table, const char *name)
{
    const field_t *found = NULL;

    for (const field_t *field = table; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0) {
            return field;
        }
        if (field_short(field) != NULL && strcmp(field_short(field), name) == 0) {
            found = field;
        }
    }
    return found;
}

/* Levenshtein distance, with one row. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], length = strlen(b);

    if (length >= sizeof(row) / sizeof(row[0])) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            if (row[j] + 1 < best) {
                best = row[j] + 1;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }
            row[j] = best;
        }
    }
    return row[length];
}

const char *field_nearest(const field_t *table, const char *name)
{
    const char *nearest = NULL;
    size_t least = strlen(name) / 3 + 2;

    for (const field_t *field = table; field->name != NULL; field++) {
        const char *shorter = field_short(field);
        size_t far = distance(field->name, name);

        if (shorter != NULL && distance(shorter, name) < far) {
            far = distance(shorter, name);
        }
        if (far < least) {
            least = far;
            nearest = field->name;
        }
    }
    return nearest;
}

bool field_is_text(const field_t *field)
{
    return field->kind == METRIC_TEXT || field->kind == METRIC_LETTER;
}

void fields_clear(const field_t *table, void *record)
{
    for (const field_t *field = table; field->name != NULL; field++) {
        void *at = (char *)record + field->offset;

        if (field->compute != NULL) {
            continue;
        }
        if (field_is_text(field)) {
            *(const char **)at = NULL;
        }
        else if (field->kind == METRIC_REAL) {
            *(double *)at = -1;
        }
        else {
            *(apr_int64_t *)at = SNAPSHOT_UNKNOWN;
        }
    }
}

static const void *value_at(const field_t *field, const void *record)
{
    return (const char *)record + field->offset;
}

const char *field_string(const field_t *field, const void *record)
{
    return field_is_text(field) ? *(const char *const *)value_at(field, record) : NULL;
}

double field_number(const field_t *field, const void *record)
{
    apr_int64_t value;

    if (field->compute != NULL) {
        return field->compute(record);
    }
    if (field_is_text(field)) {
        return NAN;
    }
    if (field->kind == METRIC_REAL) {
        double real = *(const double *)value_at(field, record);

        return real < 0 ? NAN : real;
    }
    value = *(const apr_int64_t *)value_at(field, record);
    return value == SNAPSHOT_UNKNOWN ? NAN : (double)value;
}

bool field_known(const field_t *field, const void *record)
{
    if (field_is_text(field)) {
        return field_string(field, record) != NULL;
    }
    return !isnan(field_number(field, record));
}

char *field_plain(const field_t *field, const void *record)
{
    if (!field_known(field, record)) {
        return NULL;
    }
    if (field_is_text(field)) {
        return memory_copy(field_string(field, record));
    }
    if (field->kind == METRIC_REAL) {
        return memory_format("%.2f", field_number(field, record));
    }
    if (field->compute != NULL) {
        return memory_format("%.0f", field_number(field, record));
    }
    /* no double: byte counters may exceed 2^53 */
    return memory_format("%" PRId64, (int64_t) * (const apr_int64_t *)value_at(field, record));
}

const char *field_kind_word(const field_t *field)
{
    static const char *const words[] = {
        [METRIC_TEXT] = "text", [METRIC_LETTER] = "letter",   [METRIC_ID] = "id",
        [METRIC_FLAG] = "flag", [METRIC_GAUGE] = "gauge",     [METRIC_CEILING] = "ceiling",
        [METRIC_PEAK] = "peak", [METRIC_COUNTER] = "counter", [METRIC_TIME] = "time",
        [METRIC_REAL] = "real",
    };

    return words[field->kind];
}

const char *field_unit_word(const field_t *field)
{
    static const char *const words[] = {
        [METRIC_UNIT_NONE] = "",
        [METRIC_UNIT_BYTES] = "bytes",
        [METRIC_UNIT_SECONDS] = "s",
        [METRIC_UNIT_MICROSECONDS] = "us",
    };

    return words[field->unit];
}
