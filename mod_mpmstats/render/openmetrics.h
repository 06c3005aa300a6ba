/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/openmetrics.h
 * @brief A snapshot as metrics for Prometheus and its relatives.
 *
 * The families are the lines of figures.def: `httpd_`, the scope, the name, and the
 * unit where there is one; times are in seconds. How many samples there are is bounded:
 * the one label with many values is the scoreboard slot of a process, and nothing a
 * client sends becomes a label.
 */
#ifndef MPMSTATS_RENDER_OPENMETRICS_H
#define MPMSTATS_RENDER_OPENMETRICS_H

#include "render/out.h"
#include "figures/snapshot.h"

/** @a parts are those of parts.h; @a openmetrics: or the older text format. */
void render_openmetrics(out_t *out, const snapshot_t *snapshot, unsigned parts, int openmetrics);

#endif
