/* SPDX-License-Identifier: Apache-2.0 */
/* See tally.h. */
#include "tally.h"

#include <stdlib.h>

#include "net.h"

static const char *const names[TALLY_KINDS] = {
#define X(name) #name,
    TALLY_OUTCOMES(X)
#undef X
};

void tally_add(struct tally *t, enum tally_outcome outcome, uint64_t latency_us)
{
    t->counts[outcome]++;
    if (outcome != TALLY_answered) {
        return;
    }
    if (t->size == t->room) {
        t->room = t->room ? t->room * 2 : 4096;
        t->latency_us = realloc(t->latency_us, t->room * sizeof *t->latency_us);
        if (!t->latency_us) {
            net_die("no memory for latencies");
        }
    }
    t->latency_us[t->size++] = latency_us > UINT32_MAX ? UINT32_MAX : (uint32_t)latency_us;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The smallest latency that at least this share of the requests did not exceed. */
static double percentile_ms(const struct tally *t, double share)
{
    if (!t->size) {
        return 0;
    }
    size_t rank = (size_t)(share * (double)t->size + 0.999999);
    return t->latency_us[rank ? rank - 1 : 0] / 1000.0;
}

void tally_print(struct tally *t, FILE *out)
{
    double sum = 0;
    qsort(t->latency_us, t->size, sizeof *t->latency_us, ascending);
    for (size_t i = 0; i < t->size; i++) {
        sum += t->latency_us[i];
    }
    for (int i = 0; i < TALLY_KINDS; i++) {
        fprintf(out, "\"%s\": %llu, ", names[i], (unsigned long long)t->counts[i]);
    }
    fprintf(
        out,
        "\"mean_ms\": %.3f, \"p50_ms\": %.3f, \"p90_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, "
        "\"max_ms\": %.3f",
        t->size ? sum / (double)t->size / 1000 : 0, percentile_ms(t, 0.5), percentile_ms(t, 0.9),
        percentile_ms(t, 0.99), percentile_ms(t, 0.999), percentile_ms(t, 1));
}
