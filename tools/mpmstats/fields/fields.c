/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of values, made from figures/metrics.def. A figure added there is
 * decoded, listed, checked and watched without a line here.
 */
#include "fields/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "fields/derive.h"
#include "common/memory.h"

#define ROW(name, path, kind, unit, label, help, record, member) \
    { name, path, FIELD_##kind, UNIT_##unit, label, help, offsetof(record, member), NULL },
#define COMPUTED(name, kind, unit, label, help, function) \
    { name, "", FIELD_##kind, UNIT_##unit, label, help, 0, function },

/* The figures of a histogram: queue.p99 and so on. */
#define LATENCY(spread, help, record, at) \
    LATENCY_ROW(spread, count, count, COUNTER, NONE, "How many were timed: " help, record, at) \
    LATENCY_ROW(spread, sum, sum_us, COUNTER, MICROSECONDS, "Their times together: " help, record, \
                at) \
    LATENCY_ROW(spread, p50, p50_us, GAUGE, MICROSECONDS, "Half took no longer: " help, record, \
                at) \
    LATENCY_ROW(spread, p90, p90_us, GAUGE, MICROSECONDS, "9 of 10 took no longer: " help, record, \
                at) \
    LATENCY_ROW(spread, p99, p99_us, GAUGE, MICROSECONDS, "99 of 100 took no longer: " help, \
                record, at) \
    LATENCY_ROW(spread, p999, p999_us, GAUGE, MICROSECONDS, "999 of 1000 took no longer: " help, \
                record, at) \
    LATENCY_ROW(spread, max, max_us, PEAK, MICROSECONDS, "The longest: " help, record, at)
#define LATENCY_ROW(spread, word, member, kind, unit, help, record, at) \
    ROW(#spread "." #word, "latency." #spread "." #member, kind, unit, #spread " " #word, help, \
        record, at.member)

const field_t fields_server[] = {
#define SERVER_METRIC(f, k, u, l, h) ROW(#f, "server." #f, k, u, l, h, snapshot_t, server.f)
#define LIMITS_METRIC(f, k, u, l, h) ROW(#f, "limits." #f, k, u, l, h, snapshot_t, limits.f)
#define TOTALS_METRIC(f, k, u, l, h) ROW(#f, "totals." #f, k, u, l, h, snapshot_t, totals.f)
#define CONNECTIONS_METRIC(f, k, u, l, h) \
    ROW("connections." #f, "totals.connections_by_state." #f, k, u, l, h, snapshot_t, connections.f)
#include "figures/metrics.def"
#define SPREAD(f, where, l, h) LATENCY(f, h, snapshot_t, spreads[SNAPSHOT_SPREAD_##f].latency)
#include "figures/metrics.def"
    ROW("errors", "totals.responses_5xx", COUNTER, NONE, "Errors",
        "Requests answered with an error of the server", snapshot_t, totals.responses_5xx)
        COMPUTED("connections_max", GAUGE, NONE, "Connections at most",
                 "Connections all processes may hold: connections_per_process times the processes "
                 "MaxRequestWorkers needs",
                 derive_connections_max) COMPUTED("workers", GAUGE, NONE, "Workers",
                                                  "Workers that exist", derive_workers)
            COMPUTED("workers_free", GAUGE, NONE, "Free",
                     "What MaxRequestWorkers leaves above the busy "
                     "workers",
                     derive_workers_free) COMPUTED("workers.starting", GAUGE, NONE, "Starting",
                                                   "Workers in state S", derive_state_S)
                COMPUTED("workers.reading", GAUGE, NONE, "Reading", "Workers in state R",
                         derive_state_R) COMPUTED("workers.writing", GAUGE, NONE, "Writing",
                                                  "Workers in state W", derive_state_W)
                    COMPUTED("workers.keepalive", GAUGE, NONE, "Keep-alive", "Workers in state K",
                             derive_state_K) COMPUTED("workers.dns", GAUGE, NONE, "DNS",
                                                      "Workers in state D", derive_state_D)
                        COMPUTED("workers.closing", GAUGE, NONE, "Closing", "Workers in state C",
                                 derive_state_C) COMPUTED("workers.logging", GAUGE, NONE, "Logging",
                                                          "Workers in state L", derive_state_L)
                            COMPUTED("workers.finishing", GAUGE, NONE, "Finishing",
                                     "Workers in state G", derive_state_G)
                                COMPUTED("workers.cleanup", GAUGE, NONE, "Cleanup",
                                         "Workers in state I", derive_state_I)
                                    COMPUTED("oldest_request_us", GAUGE, MICROSECONDS, "Oldest",
                                             "How long the longest request has been running",
                                             derive_oldest){ .name = NULL }
};

const field_t fields_process[] = {
#define PROCESS_METRIC(f, k, u, l, h) ROW(#f, #f, k, u, l, h, snapshot_process_t, f)
#define PROCESS_WORKERS_METRIC(f, k, u, l, h) \
    ROW("workers." #f, "workers." #f, k, u, l, h, snapshot_process_t, workers.f)
#define CONNECTIONS_METRIC(f, k, u, l, h) \
    ROW("connections." #f, "connections_by_state." #f, k, u, l, h, snapshot_process_t, \
        connections_by_state.f)
#include "figures/metrics.def"
    ROW("scoreboard", "scoreboard", TEXT, NONE, "Workers", "A letter for each worker",
        snapshot_process_t, scoreboard){ .name = NULL }
};

const field_t fields_worker[] = {
#define WORKER_METRIC(f, k, u, l, h) ROW(#f, #f, k, u, l, h, snapshot_worker_t, f)
#include "figures/metrics.def"
    { .name = NULL }
};

const field_t fields_vhost[] = {
#define VHOST_METRIC(f, k, u, l, h) ROW(#f, #f, k, u, l, h, snapshot_vhost_t, f)
#define SPREAD(f, where, l, h) SPREAD_OF_##where(f, h)
#define SPREAD_OF_VHOST(f, h) LATENCY(f, h, snapshot_vhost_t, latency[SNAPSHOT_SPREAD_##f])
#define SPREAD_OF_SERVER(f, h)
#include "figures/metrics.def"
    ROW("errors", "responses_5xx", COUNTER, NONE, "Errors",
        "Requests answered with an error of the server", snapshot_vhost_t,
        responses_5xx){ .name = NULL }
};

const field_t fields_handler[] = {
#define HANDLER_METRIC(f, k, u, l, h) ROW(#f, #f, k, u, l, h, snapshot_handler_t, f)
#include "figures/metrics.def"
    { .name = NULL }
};

const field_t fields_listener[] = {
#define LISTENER_METRIC(f, k, u, l, h) ROW(#f, #f, k, u, l, h, snapshot_listener_t, f)
#include "figures/metrics.def"
    { .name = NULL }
};

const field_t fields_event[] = {
#define EVENT_METRIC(f, k, u, l, h) ROW(#f, #f, k, u, l, h, snapshot_event_t, f)
#include "figures/metrics.def"
    { .name = NULL }
};

/* What metrics.def does not say of the server's values: a short name, and what 100 % is. */
static const struct {
    const char *name, *shorter, *limit;
} extras[] = {
    { "workers_busy", "busy", "max_request_workers" },
    { "workers_idle", "idle", "max_request_workers" },
    { "workers_free", "free", "max_request_workers" },
    { "workers_starting", NULL, "max_request_workers" },
    { "workers", NULL, "max_request_workers" },
    { "workers.starting", NULL, "max_request_workers" },
    { "workers.reading", NULL, "max_request_workers" },
    { "workers.writing", NULL, "max_request_workers" },
    { "workers.keepalive", NULL, "max_request_workers" },
    { "workers.dns", NULL, "max_request_workers" },
    { "workers.closing", NULL, "max_request_workers" },
    { "workers.logging", NULL, "max_request_workers" },
    { "workers.finishing", NULL, "max_request_workers" },
    { "workers.cleanup", NULL, "max_request_workers" },
    { "processes", NULL, "server_limit" },
    { "processes_quiescing", "quiescing", "server_limit" },
    { "connections", NULL, "connections_max" },
    { "oldest_request_us", "oldest", NULL },
    { "uptime_s", "uptime", NULL },
    { "requests_in_flight", "in_flight", NULL },
    { "errors", NULL, "requests" },
    { "responses_4xx", NULL, "requests" },
    { "responses_5xx", NULL, "requests" },
};
#define EXTRAS (sizeof(extras) / sizeof(extras[0]))

const char *field_short(const field_t *field)
{
    for (size_t i = 0; i < EXTRAS; i++) {
        if (strcmp(extras[i].name, field->name) == 0)
            return extras[i].shorter;
    }
    return NULL;
}

const field_t *field_limit(const field_t *field)
{
    if (strncmp(field->name, "connections.", 12) == 0)
        return field_find(fields_server, "connections_max");
    for (size_t i = 0; i < EXTRAS; i++) {
        if (strcmp(extras[i].name, field->name) == 0 && extras[i].limit != NULL)
            return field_find(fields_server, extras[i].limit);
    }
    return NULL;
}

const field_t *field_limit_vhost(const field_t *field)
{
    bool share = strcmp(field->name, "errors") == 0 || strcmp(field->name, "aborted") == 0
        || strncmp(field->name, "responses_", 10) == 0 || strncmp(field->name, "method_", 7) == 0;

    return share ? field_find(fields_vhost, "requests") : NULL;
}

static const field_t *find_exact(const field_t *table, const char *name)
{
    for (const field_t *field = table; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0)
            return field;
    }
    return NULL;
}

const field_t *field_find(const field_t *table, const char *name)
{
    if (table == fields_server) {
        for (size_t i = 0; i < EXTRAS; i++) {
            if (extras[i].shorter != NULL && strcmp(extras[i].shorter, name) == 0)
                return find_exact(table, extras[i].name);
        }
    }
    return find_exact(table, name);
}

/* Levenshtein's distance with one row; names are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], length = strlen(b);

    if (length >= sizeof(row) / sizeof(row[0]))
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = corner + (a[i - 1] != b[j - 1]);

            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
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
        const char *shorter = table == fields_server ? field_short(field) : NULL;
        size_t far = distance(field->name, name);

        if (shorter != NULL && distance(shorter, name) < far)
            far = distance(shorter, name);
        if (far < least) {
            least = far;
            nearest = field->name;
        }
    }
    return nearest;
}

bool field_is_text(const field_t *field)
{
    return field->kind == FIELD_TEXT || field->kind == FIELD_LETTER;
}

void fields_clear(const field_t *table, void *record)
{
    for (const field_t *field = table; field->name != NULL; field++) {
        void *at = (char *)record + field->offset;

        if (field->compute != NULL)
            continue;
        if (field_is_text(field))
            *(const char **)at = NULL;
        else if (field->kind == FIELD_REAL)
            *(double *)at = -1;
        else
            *(apr_int64_t *)at = SNAPSHOT_UNKNOWN;
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

    if (field->compute != NULL)
        return field->compute(record);
    if (field_is_text(field))
        return NAN;
    if (field->kind == FIELD_REAL) {
        double real = *(const double *)value_at(field, record);

        return real < 0 ? NAN : real;
    }
    value = *(const apr_int64_t *)value_at(field, record);
    return value == SNAPSHOT_UNKNOWN ? NAN : (double)value;
}

bool field_known(const field_t *field, const void *record)
{
    if (field_is_text(field))
        return field_string(field, record) != NULL;
    return !isnan(field_number(field, record));
}

char *field_plain(const field_t *field, const void *record)
{
    if (!field_known(field, record))
        return NULL;
    if (field_is_text(field))
        return memory_copy(field_string(field, record));
    if (field->kind == FIELD_REAL)
        return memory_format("%.2f", field_number(field, record));
    if (field->compute != NULL)
        return memory_format("%.0f", field_number(field, record));
    /* not through a double: a byte counter may exceed 2^53 */
    return memory_format("%" PRId64, (int64_t) * (const apr_int64_t *)value_at(field, record));
}

const char *field_kind_word(const field_t *field)
{
    static const char *const words[] = {
        [FIELD_TEXT] = "text", [FIELD_LETTER] = "letter",   [FIELD_ID] = "id",
        [FIELD_FLAG] = "flag", [FIELD_GAUGE] = "gauge",     [FIELD_CEILING] = "ceiling",
        [FIELD_PEAK] = "peak", [FIELD_COUNTER] = "counter", [FIELD_TIME] = "time",
        [FIELD_REAL] = "real",
    };

    return words[field->kind];
}

const char *field_unit_word(const field_t *field)
{
    static const char *const words[] = {
        [UNIT_NONE] = "",
        [UNIT_BYTES] = "bytes",
        [UNIT_SECONDS] = "s",
        [UNIT_MICROSECONDS] = "us",
    };

    return words[field->unit];
}
