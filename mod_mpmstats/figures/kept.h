/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/kept.h
 * @brief Copies the figures that figures.def keeps in the segment into the snapshot.
 *
 * Any thread; @a record is the caller's.
 */
#ifndef MPMSTATS_FIGURES_KEPT_H
#define MPMSTATS_FIGURES_KEPT_H

#include <stdbool.h>

#include "apr_pools.h"
#include "figures/metrics.h"
#include "figures/snapshot.h"

/**
 * Fills the unknown kept figures of @a record, a record of @a scope, from @a plain, a copy of a
 * record of the scope's section. With @a joins known numbers are joined (kept_join()). Texts are
 * copied into @a pool.
 */
void kept_take(metrics_scope_e scope, void *record, const void *plain, apr_pool_t *pool,
               bool joins);

/**
 * Joins @a more, the same figure of another record, to @a number: by @a kind the sum, the maximum,
 * or for a flag the logical and.
 */
void kept_join(metric_kind_e kind, apr_int64_t *number, apr_int64_t more);

/** Adds the SERVED figures (figures.def) of a virtual host to the totals. */
void kept_sum(snapshot_totals_t *totals, const snapshot_vhost_t *vhost);

#endif
