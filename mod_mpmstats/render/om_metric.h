/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  render/om_metric.h
 * @brief Families and samples of metrics from the lines of figures.def.
 *
 * Metrics whose names begin alike in one of some ways (closed_client, closed_server …) are one
 * family, connections_closed, with a label that says which. They stand next to each other in the
 * table.
 */
#ifndef MPMSTATS_RENDER_OM_METRIC_H
#define MPMSTATS_RENDER_OM_METRIC_H

#include "figures/metrics.h"
#include "render/om.h"

/** What every name begins with. */
#define OM_PREFIX "httpd_"

/** Whether the metric is a number. The others are no samples. */
int om_metric_is_number(const metric_t *metric);

/** Begins the family of @a metric, of @a scope. */
void om_metric_family(om_t *om, metrics_scope_e scope, const metric_t *metric);

/** Whether @a metric goes on with the family of @a before, which may be NULL. */
int om_metric_continues(const metric_t *before, const metric_t *metric);

/** Writes the label that tells a metric in a family of several from the others, if it is in one. */
void om_metric_label(om_t *om, const metric_t *metric);

/** Writes the value, known or not 0. */
void om_metric_value(om_t *om, const metric_t *metric, const void *record);

#endif
