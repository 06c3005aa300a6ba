/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/om_metric.h
 * @brief Families and samples of metrics from the lines of figures.def.
 *
 * Metrics with a common prefix that is a FAMILY line of figures.def (closed_client,
 * closed_server …) are one family (connections_closed), distinguished by a label. They are adjacent
 * in the table.
 */
#ifndef MPMSTATS_RENDER_OM_METRIC_H
#define MPMSTATS_RENDER_OM_METRIC_H

#include <stdbool.h>

#include "figures/metrics.h"
#include "render/om.h"

/** The prefix of every name. */
#define OM_PREFIX "httpd_"

/** Whether the metric is a number; others have no samples. */
bool om_metric_is_number(const metric_t *metric);

/** Begins the family of @a metric, of @a scope. */
void om_metric_family(om_t *om, metrics_scope_e scope, const metric_t *metric);

/** Whether @a metric is of the same family as @a before, which may be NULL. */
bool om_metric_continues(const metric_t *before, const metric_t *metric);

/** Writes the label that distinguishes @a metric within a family of several. */
void om_metric_label(om_t *om, const metric_t *metric);

/** Writes the value, known or not 0. */
void om_metric_value(om_t *om, const metric_t *metric, const void *record);

#endif
