/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/events.h
 * @brief An event of the segment as a line for people.
 */
#ifndef MPMSTATS_FIGURES_EVENTS_H
#define MPMSTATS_FIGURES_EVENTS_H

#include "apr_pools.h"
#include "segment/segment.h"

/**
 * Such as "Process 4711 crashed: SIGSEGV (11) after 3m 20s". May hold bytes a client sent: escape
 * it.
 */
const char *events_words(apr_pool_t *pool, const segment_event_t *event);

#endif
