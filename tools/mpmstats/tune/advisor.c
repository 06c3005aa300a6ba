/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The advisor: checks that there is enough data and builds the items. The values
 * come from advisor_workers.c, advisor_connections.c and advisor_processes.c.
 */
#include "tune/advisor.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tune/advisor_item.h"

/* Minimum data for any advice. */
#define LOOKS_LEAST 10
#define SECONDS_LEAST 5
#define REQUESTS_LEAST 100

void advisor_input_init(advisor_input_t *in)
{
    const advisor_spread_t unknown = { NAN, NAN, NAN, NAN };

    memset(in, 0, sizeof(*in));
    in->max_connections_per_child = in->max_keep_alive_requests = -1;
    in->max_memory_per_child_bytes = in->keep_alive_timeout_s = NAN;
    in->requests = NAN;
    in->busy = in->demand = unknown;
    in->burst = in->saturated_share = in->held_share = in->cpu_cores = in->cpu_delay_cores = NAN;
    in->queue_count = in->queue_p50_us = in->queue_p99_us = in->target_queue_p99_us = NAN;
    in->backlog_max = in->overflows = NAN;
    in->gap_count = in->gap_p50_s = in->gap_p90_s = in->gap_p99_s = NAN;
    in->closed_by_timeout = in->closed_by_count = in->waiting_mean = NAN;
    in->process_bytes = in->worker_bytes = in->budget_bytes = NAN;
    in->growth_bytes = in->growth_connections = in->process_life_s = NAN;
}

/* ---- items ---- */

advisor_item_t *advisor_add(advisor_advice_t *advice, const char *directive)
{
    /* a full array overwrites its last item; the tests verify that it never fills */
    size_t at = advice->count < ADVISOR_ITEMS_MAX ? advice->count++ : ADVISOR_ITEMS_MAX - 1;
    advisor_item_t *item = &advice->items[at];

    memset(item, 0, sizeof(*item));
    snprintf(item->directive, sizeof(item->directive), "%s", directive);
    item->verdict = ADVISOR_UNKNOWN;
    item->effect = ADVISOR_GRACEFUL;
    return item;
}

void advisor_because(advisor_item_t *item, const char *format, ...)
{
    size_t used = strlen(item->why);
    va_list args;

    va_start(args, format);
    vsnprintf(item->why + used, sizeof(item->why) - used, format, args);
    va_end(args);
}

void advisor_number(advisor_item_t *item, int now, int recommended)
{
    if (now > 0) {
        snprintf(item->now, sizeof(item->now), "%d", now);
    }
    snprintf(item->recommended, sizeof(item->recommended), "%d", recommended);
    item->verdict = now == recommended ? ADVISOR_KEEP : ADVISOR_CHANGE;
}

const char *advisor_bytes(double bytes, char room[16])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;

    while (bytes >= 1023.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024;
        unit++;
    }
    snprintf(room, 16, "%.*f %s", bytes < 9.95 && unit > 0 ? 1 : 0, bytes, units[unit]);
    return room;
}

const char *advisor_span(double us, char room[16])
{
    if (us < 999.5) {
        snprintf(room, 16, "%.0f us", us);
    }
    else if (us < 999500) {
        snprintf(room, 16, "%.*f ms", us < 9950 ? 1 : 0, us / 1e3);
    }
    else {
        snprintf(room, 16, "%.*f s", us < 9.95e6 ? 1 : 0, us / 1e6);
    }
    return room;
}

const advisor_item_t *advisor_item(const advisor_advice_t *advice, const char *directive)
{
    for (size_t i = 0; i < advice->count; i++) {
        if (strcmp(advice->items[i].directive, directive) == 0) {
            return &advice->items[i];
        }
    }
    return NULL;
}

/* ---- is there enough data? ---- */

bool advisor_known(const advisor_spread_t *spread)
{
    return !isnan(spread->mean) && !isnan(spread->p50) && !isnan(spread->p99)
        && !isnan(spread->max);
}

advisor_confidence_e advisor_trust(const advisor_input_t *in)
{
    if (in->looks >= 60 && in->seconds >= 60 && in->requests >= 1000) {
        return ADVISOR_HIGH;
    }
    return in->looks >= 20 && in->seconds >= 10 ? ADVISOR_MEDIUM : ADVISOR_LOW;
}

advisor_confidence_e advisor_at_most(advisor_confidence_e a, advisor_confidence_e b)
{
    return a < b ? a : b;
}

static bool lacking(advisor_advice_t *advice, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(advice->missing, sizeof(advice->missing), format, args);
    va_end(args);
    return false;
}

/* Rounded down to 0.1, so that too short a time never prints as enough. */
static double rounded_down(double seconds)
{
    return isnan(seconds) ? 0 : floor(seconds * 10) / 10;
}

/*
 * By Little's law a request takes busy × seconds / requests: longer than the sample when there are
 * fewer requests than busy workers. Such a server lacks a resource its workers wait for, not
 * workers.
 */
static bool is_hanging(const advisor_input_t *in)
{
    /* share of workers held by keep-alive clients */
    double held = isnan(in->held_share) ? 0 : in->held_share;

    return in->saturated_share > ADVISOR_SELDOM && in->requests < in->busy.mean * (1 - held);
}

static bool is_enough(const advisor_input_t *in, advisor_advice_t *advice)
{
    if (in->mpm == ADVISOR_OTHER || in->max_request_workers <= 0) {
        return lacking(advice, "the directives of this MPM are not known");
    }
    if (in->looks < LOOKS_LEAST || !(in->seconds >= SECONDS_LEAST)) {
        return lacking(advice, "%d looks in %.1f s; at least %d looks and %d s are needed",
                       in->looks, rounded_down(in->seconds), LOOKS_LEAST, SECONDS_LEAST);
    }
    if (!advisor_known(&in->busy)) {
        return lacking(advice, "busy workers are not known");
    }
    if (is_hanging(in)) {
        return lacking(
            advice,
            "%.0f requests finished in %.0f s while %.0f workers were busy: they hang, or take longer "
            "than that; more workers would wait as well (mpmstats workers --sort age)",
            in->requests, in->seconds, in->busy.mean);
    }
    /* a saturated server may serve few requests, which is data too */
    if (!(in->requests >= REQUESTS_LEAST) && !(in->saturated_share > ADVISOR_SELDOM)) {
        return isnan(in->requests)
            ? lacking(advice, "the number of requests is not known")
            : lacking(
                advice,
                "%.0f requests in %.0f s; at least %d are needed, better those of a busy hour",
                in->requests, in->seconds, REQUESTS_LEAST);
    }
    return true;
}

void advisor_advise(const advisor_input_t *in, bool stop_allowed, advisor_advice_t *advice)
{
    memset(advice, 0, sizeof(*advice));
    advice->enough = is_enough(in, advice);
    if (!advice->enough) {
        return;
    }
    advisor_workers(in, stop_allowed, advice);
    advisor_connections(in, advice);
    advisor_processes(in, advice);
}
