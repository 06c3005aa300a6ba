/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advice on the lifetime of processes and on the model.
 */
#include <math.h>
#include <stdio.h>

#include "tune/advisor_item.h"

#define GROWTH_CONNECTIONS 1000.0 /* minimum number of connections for a measured growth */
#define GROWTH_LEAST 16.0         /* bytes per connection; less is allocator noise */
#define LIFE_SHORT_S 60.0
#define HELD_MUCH 0.2

/* Rounds down to two significant digits, the precision of the estimate. */
static double two_digits(double number)
{
    double unit = pow(10, floor(log10(number)) - 1);

    return unit > 0 ? floor(number / unit) * unit : number;
}

static double whole_process(const advisor_input_t *in)
{
    double workers = in->wait == ADVISOR_WAIT_PROCESS || isnan(in->worker_bytes)
        ? 0
        : in->worker_bytes * in->threads_per_child;

    return in->process_bytes + workers;
}

static void none_or_number(char text[32], double number)
{
    if (number > 0) {
        snprintf(text, 32, "%.0f", number);
    }
    else {
        snprintf(text, 32, "0");
    }
}

/* In the notation of the directive. */
static void none_or_size(char text[32], double bytes)
{
    if (bytes >= 1 << 20 && fmod(bytes, 1 << 20) == 0) {
        snprintf(text, 32, "%.0fM", bytes / (1 << 20));
    }
    else {
        none_or_number(text, bytes);
    }
}

static bool grows(const advisor_input_t *in)
{
    return in->growth_connections >= GROWTH_CONNECTIONS && in->growth_bytes >= GROWTH_LEAST
        && in->process_bytes > 0;
}

/* MaxMemoryPerChild limits growth directly; stock MPMs get MaxConnectionsPerChild instead. */
static void item_memory(const advisor_input_t *in, advisor_advice_t *advice)
{
    advisor_item_t *item = advisor_add(advice, "MaxMemoryPerChild");
    double limit = 2 * whole_process(in), mib = ceil(limit / (1 << 20));
    char each[16], now[16];

    item->confidence = advisor_at_most(advisor_trust(in), ADVISOR_MEDIUM);
    none_or_size(item->now, in->max_memory_per_child_bytes);
    if (!grows(in)) {
        none_or_size(item->recommended, in->max_memory_per_child_bytes);
        item->verdict = ADVISOR_KEEP;
        advisor_because(item, "Processes did not grow over %.0f connections each.",
                        in->growth_connections);
        return;
    }
    if (in->max_memory_per_child_bytes > 0 && in->max_memory_per_child_bytes <= 2 * limit) {
        none_or_size(item->recommended, in->max_memory_per_child_bytes);
        item->verdict = ADVISOR_KEEP;
    }
    else {
        snprintf(item->recommended, sizeof(item->recommended), "%.0fM", mib);
        item->verdict = ADVISOR_CHANGE;
    }
    advisor_because(item, "A process grows by %s per connection, from %s; this is twice its need.",
                    advisor_bytes(in->growth_bytes, each), advisor_bytes(whole_process(in), now));
}

static void connections_for_growth(const advisor_input_t *in, advisor_item_t *item)
{
    double most = fmax(1000, two_digits(whole_process(in) / in->growth_bytes));
    bool set = in->max_connections_per_child > 0 && in->max_connections_per_child <= 2 * most;
    char each[16], now[16];

    snprintf(item->recommended, sizeof(item->recommended), "%.0f",
             set ? in->max_connections_per_child : most);
    item->verdict = set ? ADVISOR_KEEP : ADVISOR_CHANGE;
    advisor_because(item,
                    "A process of %s grows by %s per connection: after this many it has doubled.",
                    advisor_bytes(whole_process(in), now), advisor_bytes(in->growth_bytes, each));
}

static void item_connections(const advisor_input_t *in, bool by_memory, advisor_advice_t *advice)
{
    advisor_item_t *item = advisor_add(advice, "MaxConnectionsPerChild");
    bool measured = in->growth_connections >= GROWTH_CONNECTIONS && !isnan(in->growth_bytes);

    item->confidence = advisor_at_most(advisor_trust(in), ADVISOR_MEDIUM);
    if (in->max_connections_per_child >= 0) {
        snprintf(item->now, sizeof(item->now), "%d", in->max_connections_per_child);
    }
    if (in->max_connections_per_child < 0) {
        item->confidence = ADVISOR_LOW;
        advisor_because(item, "The server does not report its value.");
        return;
    }
    if (!measured) {
        item->confidence = ADVISOR_LOW;
        advisor_because(
            item, "Not enough data: memory was measured over %.0f connections, %.0f are needed.",
            isnan(in->growth_connections) ? 0 : in->growth_connections, GROWTH_CONNECTIONS);
        return;
    }
    if (grows(in) && !by_memory) {
        connections_for_growth(in, item);
        return;
    }
    if (!grows(in) && in->max_connections_per_child > 0 && in->process_life_s < LIFE_SHORT_S) {
        snprintf(item->recommended, sizeof(item->recommended), "0");
        item->verdict = ADVISOR_CHANGE;
        advisor_because(
            item,
            "Processes live for only %.0f s and do not grow, so restarting them gains nothing.",
            in->process_life_s);
        return;
    }
    snprintf(item->recommended, sizeof(item->recommended), "%d", in->max_connections_per_child);
    item->verdict = ADVISOR_KEEP;
    advisor_because(item,
                    grows(in) ? "MaxMemoryPerChild is the better limit."
                              : "Processes did not grow over %.0f connections each.",
                    in->growth_connections);
}

/* Recommends another model when waiting clients occupy workers. */
static void item_model(const advisor_input_t *in, advisor_advice_t *advice)
{
    bool hybrid = in->mpm == ADVISOR_HYBRID;
    advisor_item_t *item;

    if (in->wait == ADVISOR_WAIT_FREE || isnan(in->held_share)) {
        return;
    }
    item = advisor_add(advice, hybrid ? "MPMModel" : "the MPM");
    snprintf(item->now, sizeof(item->now), "%s",
             in->wait == ADVISOR_WAIT_THREAD ? "worker" : "prefork");
    item->effect = hybrid ? ADVISOR_STOP : ADVISOR_BY_HAND;
    item->confidence = advisor_at_most(advisor_trust(in), ADVISOR_MEDIUM);
    if (in->held_share <= HELD_MUCH || in->prefork_only != NULL) {
        snprintf(item->recommended, sizeof(item->recommended), "%s", item->now);
        item->verdict = ADVISOR_KEEP;
        advisor_because(item, "Clients that wait hold %.0f %% of the busy workers' time",
                        in->held_share * 100);
        if (in->prefork_only != NULL && in->held_share > HELD_MUCH) {
            advisor_because(item, ", but %.40s is loaded and requires prefork", in->prefork_only);
        }
        advisor_because(item, ".");
        return;
    }
    snprintf(item->recommended, sizeof(item->recommended), hybrid ? "event" : "event or hybrid");
    item->verdict = ADVISOR_CHANGE;
    advisor_because(
        item,
        "%.0f %% of the busy workers' time goes into waiting for clients; there it would hold no worker. "
        "Every module has to work with threads.",
        in->held_share * 100);
}

void advisor_processes(const advisor_input_t *in, advisor_advice_t *advice)
{
    bool by_memory = in->mpm == ADVISOR_HYBRID && !isnan(in->max_memory_per_child_bytes);

    if (by_memory && in->growth_connections >= GROWTH_CONNECTIONS && !isnan(in->growth_bytes)) {
        item_memory(in, advice);
    }
    item_connections(in, by_memory, advice);
    item_model(in, advice);
}
