/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/openmetrics.h
 * @brief A snapshot as metrics for Prometheus and compatible systems.
 *
 * The families are the lines of figures.def: `httpd_`, the scope, the name, and the
 * unit if there is one; times are in seconds. The number of samples is bounded by the
 * configuration: nothing a client sends becomes a label.
 */
#ifndef MPMSTATS_RENDER_OPENMETRICS_H
#define MPMSTATS_RENDER_OPENMETRICS_H

#include <stdbool.h>

#include "render/out.h"
#include "figures/snapshot.h"

/** @a parts: see figures/parts.h; @a openmetrics 0: the older text format. */
void render_openmetrics(out_t *out, const snapshot_t *snapshot, unsigned parts, bool openmetrics);

#endif
