/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advice on connections without a running request: keep-alive and the accept queue.
 */
#include <math.h>
#include <stdio.h>

#include "tune/advisor_item.h"

#define GAPS_LEAST 100 /* for a reliable percentile */
#define TIMEOUT_MOST_S 60
#define HELD_MUCH \
    0.2 /* share of busy workers' time spent waiting for clients that is worth a change */
#define BACKLOG_MOST 65535

/* True when a keep-alive connection occupies a worker. */
static bool waiting_costs(const advisor_input_t *in)
{
    return in->wait != ADVISOR_WAIT_FREE;
}

/* Rounds up to a customary value. */
static int seconds_up(double exact)
{
    static const int usual[] = { 1, 2, 3, 5, 10, 15, 20, 30 };

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (exact <= usual[i]) {
            return usual[i];
        }
    }
    return TIMEOUT_MOST_S;
}

static void seconds_item(advisor_item_t *item, double now, int recommended)
{
    advisor_number(item, 0, recommended);
    if (!isnan(now)) {
        snprintf(item->now, sizeof(item->now), "%g", now);
        item->verdict = now == recommended ? ADVISOR_KEEP : ADVISOR_CHANGE;
    }
}

static void keep_seconds(advisor_item_t *item, double now)
{
    snprintf(item->now, sizeof(item->now), "%g", now);
    snprintf(item->recommended, sizeof(item->recommended), "%g", now);
    item->verdict = ADVISOR_KEEP;
}

/* worker and prefork: cover p90 of the gaps; the other clients open a new connection. */
static void timeout_where_it_costs(const advisor_input_t *in, advisor_item_t *item)
{
    int covers = seconds_up(in->gap_p90_s);

    if (in->held_share > HELD_MUCH && covers < in->keep_alive_timeout_s) {
        seconds_item(item, in->keep_alive_timeout_s, covers);
        advisor_because(
            item,
            "%.0f %% of the busy workers' time went into waiting for the next request; nine of ten come "
            "within %.1f s.",
            in->held_share * 100, in->gap_p90_s);
        return;
    }
    keep_seconds(item, in->keep_alive_timeout_s);
    advisor_because(item,
                    "%.0f %% of the busy workers' time goes into waiting for the next request.",
                    fmax(0, in->held_share) * 100);
}

static void timeout_where_it_is_free(const advisor_input_t *in, advisor_item_t *item)
{
    int covers = seconds_up(in->gap_p99_s);
    /* a request after the timeout opens a new connection: the cost of a short timeout */
    bool cut_short = in->closed_by_timeout > ADVISOR_ROOM * 0.05 * in->gap_count;

    if (covers > in->keep_alive_timeout_s && cut_short) {
        seconds_item(item, in->keep_alive_timeout_s, covers);
        advisor_because(
            item,
            "%.0f connections were closed while they waited, for %.0f requests on kept ones; 99 %% of these "
            "came within %.1f s, and a connection that waits costs no worker.",
            in->closed_by_timeout, in->gap_count, in->gap_p99_s);
        return;
    }
    keep_seconds(item, in->keep_alive_timeout_s);
    advisor_because(
        item,
        "99 %% of the next requests come within %.1f s, and a connection that waits costs no worker.",
        in->gap_p99_s);
}

static bool gaps_known(const advisor_input_t *in)
{
    return in->gap_count >= GAPS_LEAST && !isnan(in->gap_p90_s) && !isnan(in->gap_p99_s);
}

static void item_timeout(const advisor_input_t *in, advisor_advice_t *advice)
{
    advisor_item_t *item = advisor_add(advice, "KeepAliveTimeout");

    if (!isnan(in->keep_alive_timeout_s)) {
        snprintf(item->now, sizeof(item->now), "%g", in->keep_alive_timeout_s);
    }
    if (gaps_known(in) && !isnan(in->keep_alive_timeout_s)) {
        item->confidence = advisor_trust(in);
        if (waiting_costs(in)) {
            timeout_where_it_costs(in, item);
        }
        else {
            timeout_where_it_is_free(in, item);
        }
        return;
    }
    item->confidence = ADVISOR_LOW;
    if (waiting_costs(in) && in->held_share > HELD_MUCH) {
        if (isnan(in->keep_alive_timeout_s) || in->keep_alive_timeout_s > 2) {
            seconds_item(item, in->keep_alive_timeout_s, 2);
            advisor_because(
                item,
                "%.0f %% of the busy workers only wait for their clients' next requests. How soon these "
                "come was not measured; most browsers' do within two seconds.",
                in->held_share * 100);
            return;
        }
    }
    if (gaps_known(in)) {
        advisor_because(item, "The server does not report its value.");
        return;
    }
    advisor_because(
        item,
        "Not enough data: the time between two requests of a connection was measured %.0f times, %d are needed.",
        isnan(in->gap_count) ? 0 : in->gap_count, GAPS_LEAST);
}

static void item_count(const advisor_input_t *in, advisor_advice_t *advice)
{
    int now = in->max_keep_alive_requests, more = now < 100 ? 1000 : now * 10;
    double last = in->closed_by_count * now; /* requests on the connections closed by it */
    advisor_item_t *item;

    if (now <= 0 || isnan(in->closed_by_count) || isnan(in->requests)) {
        return;
    }
    item = advisor_add(advice, "MaxKeepAliveRequests");
    item->confidence = advisor_trust(in);
    if (in->closed_by_count >= 10 && last > 0.2 * in->requests) {
        advisor_number(item, now, more);
        advisor_because(
            item,
            "%.0f connections were closed because of it in %.0f s, and their clients opened new ones.",
            in->closed_by_count, in->seconds);
        return;
    }
    advisor_number(item, now, now);
    advisor_because(item, "%.0f connections reached it in %.0f s.", in->closed_by_count,
                    in->seconds);
}

static int power_up(double number)
{
    int power = 128;

    while (power < number && power < BACKLOG_MOST) {
        power *= 2;
    }
    return power < BACKLOG_MOST ? power : BACKLOG_MOST;
}

static void item_backlog(const advisor_input_t *in, advisor_advice_t *advice)
{
    advisor_item_t *item = advisor_add(advice, "ListenBacklog");
    bool lost = in->overflows > 0, near = in->backlog_max >= 0.8 * in->listen_backlog;
    bool lacked = in->saturated_share > ADVISOR_SELDOM;
    int more = power_up(2 * fmax(in->listen_backlog, in->backlog_max));

    if (in->listen_backlog <= 0 || isnan(in->backlog_max)) {
        item->confidence = ADVISOR_LOW;
        advisor_because(item, "Not enough data: the accept queue was not measured.");
        return;
    }
    item->confidence = advisor_trust(in);
    if (!lost && !near) {
        advisor_number(item, in->listen_backlog, in->listen_backlog);
        advisor_because(item, "At most %.0f of %d places were taken.", in->backlog_max,
                        in->listen_backlog);
        return;
    }
    if (lacked && !lost) {
        advisor_number(item, in->listen_backlog, in->listen_backlog);
        advisor_because(
            item,
            "%.0f of %d places were taken because workers were missing; a longer queue only makes "
            "clients wait longer.",
            in->backlog_max, in->listen_backlog);
        return;
    }
    advisor_number(item, in->listen_backlog, more);
    advisor_because(item, "%.0f of %d places were taken at once", in->backlog_max,
                    in->listen_backlog);
    if (lost) {
        advisor_because(item, ", and %.0f connections found none", in->overflows);
    }
    advisor_because(item, ".");
    if (in->somaxconn > 0 && in->somaxconn < more) {
        advisor_because(item, " The kernel's net.core.somaxconn, now %d, has to be as large.",
                        in->somaxconn);
    }
}

void advisor_connections(const advisor_input_t *in, advisor_advice_t *advice)
{
    item_timeout(in, advice);
    item_count(in, advice);
    item_backlog(in, advice);
}
