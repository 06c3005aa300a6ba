/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/gauge.h
 * @brief The bars of `status` and `top`: workers, processes and connections against their limits.
 *
 * Values only: the caller draws, with the columns and the colour of each part.
 */
#ifndef MPMSTATS_CLI_FIELDS_GAUGE_H
#define MPMSTATS_CLI_FIELDS_GAUGE_H

#include <stdbool.h>
#include <stddef.h>

#include "figures/snapshot.h"
#include "common/terminal.h"

typedef struct {
    const char *label;
    double taken, ready, limit; /**< NAN: unknown */
    bool alarm;
    char *notes; /**< text after the bar */
} gauge_t;

#define GAUGES 3

/** Fills @a gauges; free with gauges_free(). Skip a gauge whose taken is NAN. */
void gauges_of(const snapshot_t *snap, gauge_t gauges[GAUGES]);

void gauges_free(gauge_t gauges[GAUGES]);

/** True when the limit is known, so a bar can be drawn. */
bool gauge_has_bar(const gauge_t *gauge);

/** Splits a bar of @a columns: returns the columns taken, @a ready receives those ready. */
size_t gauge_share(const gauge_t *gauge, size_t columns, size_t *ready);

/** Colour of the taken part. */
style_e gauge_style(const gauge_t *gauge);

#endif
