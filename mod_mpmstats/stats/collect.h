/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/collect.h
 * @brief Takes a snapshot of the running httpd.
 */
#ifndef MPMSTATS_COLLECT_H
#define MPMSTATS_COLLECT_H

#include "httpd.h"
#include "stats/snapshot.h"

/**
 * The server as it is now, allocated from r->pool; NULL if this httpd keeps no
 * scoreboard. Any worker thread may call it; it takes no lock, so two figures of
 * one snapshot may be some microseconds apart.
 */
const snapshot_t *collect_snapshot(request_rec *r);

#endif
