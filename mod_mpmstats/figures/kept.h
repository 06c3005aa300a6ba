/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/kept.h
 * @brief Copies from a record of the segment to the snapshot what figures.def says is kept there.
 *
 * Any thread; @a record is the caller's.
 */
#ifndef MPMSTATS_FIGURES_KEPT_H
#define MPMSTATS_FIGURES_KEPT_H

#include "apr_pools.h"
#include "figures/metrics.h"
#include "figures/snapshot.h"

/**
 * Fills in of @a record, which is one of @a scope, what is kept and not known yet; @a plain is a
 * copy of a record of the scope's section. With @a joins numbers are joined to those known. Texts
 * are copied into @a pool.
 */
void kept_take(metrics_scope_e scope, void *record, const void *plain, apr_pool_t *pool, int joins);

/** What @a number becomes when @a more, the same of another record, joins it. */
void kept_join(metric_kind_e kind, apr_int64_t *number, apr_int64_t more);

/** Adds to the totals what figures.def calls SERVED of a virtual host. */
void kept_sum(snapshot_totals_t *totals, const snapshot_vhost_t *vhost);

#endif
