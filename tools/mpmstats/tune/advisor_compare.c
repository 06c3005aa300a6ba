/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares two samples; only differences beyond chance count.
 */
#include <math.h>
#include <stdio.h>

#include "tune/advisor_item.h"

/* Mean number of requests waiting for a worker; NAN: unknown. */
static double waiting(const advisor_input_t *in)
{
    double more = in->demand.mean - in->busy.mean;

    return more < 0 ? 0 : more;
}

static double rate(const advisor_input_t *in)
{
    return in->seconds > 0 ? in->requests / in->seconds : NAN;
}

/* Fewer requests count only under the same load. */
static bool same_load(const advisor_input_t *before, const advisor_input_t *after)
{
    double was = isnan(before->demand.mean) ? before->busy.mean : before->demand.mean;
    double is = isnan(after->demand.mean) ? after->busy.mean : after->demand.mean;

    return is >= 0.7 * was;
}

static bool saturation_worse(const advisor_input_t *before, const advisor_input_t *after, char *why,
                             size_t size)
{
    if (!(after->saturated_share > before->saturated_share + 0.1)) {
        return false;
    }
    snprintf(why, size, "every worker is busy for %.0f %% of the time, before: %.0f %%",
             after->saturated_share * 100, before->saturated_share * 100);
    return true;
}

static bool waiting_worse(const advisor_input_t *before, const advisor_input_t *after, char *why,
                          size_t size)
{
    if (!(waiting(after) > waiting(before) * 1.5 + 5)) {
        return false;
    }
    snprintf(why, size, "%.0f requests wait for a worker on average, before: %.0f", waiting(after),
             waiting(before));
    return true;
}

static bool queue_worse(const advisor_input_t *before, const advisor_input_t *after, char *why,
                        size_t size)
{
    char now[16], then[16];

    if (!(after->queue_p99_us > before->queue_p99_us * 1.5 + 5000)) {
        return false;
    }
    snprintf(why, size, "99 %% of the requests wait up to %s for a worker, before: %s",
             advisor_span(after->queue_p99_us, now), advisor_span(before->queue_p99_us, then));
    return true;
}

static bool rate_worse(const advisor_input_t *before, const advisor_input_t *after, char *why,
                       size_t size)
{
    if (!(rate(after) < 0.7 * rate(before)) || !same_load(before, after)) {
        return false;
    }
    snprintf(why, size, "%.0f requests/s are served, before: %.0f", rate(after), rate(before));
    return true;
}

static bool is_better(const advisor_input_t *before, const advisor_input_t *after)
{
    return waiting(after) < waiting(before) / 2 - 1
        || after->saturated_share < before->saturated_share - 0.1
        || after->queue_p99_us < before->queue_p99_us / 2;
}

static size_t append(char *why, size_t size, size_t used, const char *format, double a, double b)
{
    int more = used < size ? snprintf(why + used, size - used, format, a, b) : 0;

    return used + (more > 0 ? (size_t)more : 0);
}

static void summary(const advisor_input_t *before, const advisor_input_t *after, char *why,
                    size_t size)
{
    size_t used = append(why, size, 0, "%.0f requests/s before, %.0f now", rate(before),
                         rate(after));

    if (!isnan(waiting(before)) && !isnan(waiting(after))) {
        used = append(why, size, used, "; %.1f waited for a worker on average, %.1f do now",
                      waiting(before), waiting(after));
    }
    if (!isnan(before->saturated_share) && !isnan(after->saturated_share)) {
        append(why, size, used, "; saturated %.0f %% of the time, %.0f %% now",
               before->saturated_share * 100, after->saturated_share * 100);
    }
}

advisor_outcome_e advisor_compare(const advisor_input_t *before, const advisor_input_t *after,
                                  char *why, size_t size)
{
    if (saturation_worse(before, after, why, size) || waiting_worse(before, after, why, size)
        || queue_worse(before, after, why, size) || rate_worse(before, after, why, size)) {
        return ADVISOR_WORSE;
    }
    summary(before, after, why, size);
    return is_better(before, after) ? ADVISOR_BETTER : ADVISOR_SAME;
}
