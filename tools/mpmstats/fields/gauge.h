/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  fields/gauge.h
 * @brief The bars of status and top: workers, processes and connections beside their limits.
 *
 * What they show, not how: who draws asks for the columns and colour of each part.
 */
#ifndef MPMSTATS_CLI_FIELDS_GAUGE_H
#define MPMSTATS_CLI_FIELDS_GAUGE_H

#include <stdbool.h>
#include <stddef.h>

#include "figures/snapshot.h"
#include "common/terminal.h"

typedef struct {
    const char *label;
    double taken, ready, limit; /**< NAN: not known */
    bool alarm;
    char *notes; /**< what stands behind the bar */
} gauge_t;

#define GAUGES 3

/** Fills @a gauges; end with gauges_free(). One whose taken is NAN is not to be shown. */
void gauges_of(const snapshot_t *snap, gauge_t gauges[GAUGES]);

void gauges_free(gauge_t gauges[GAUGES]);

/** Is there a limit to draw a bar to? */
bool gauge_has_bar(const gauge_t *gauge);

/** Columns of the taken part of a bar of @a columns; @a ready receives those of the ready part. */
size_t gauge_share(const gauge_t *gauge, size_t columns, size_t *ready);

/** Colour of the taken part. */
style_e gauge_style(const gauge_t *gauge);

#endif
