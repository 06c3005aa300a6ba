/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/status_page.h
 * @brief The status page: the template page.html filled with a snapshot.
 *
 * The same code writes two forms: the whole page, and the live form, which has only the elements
 * that can change, with the numbers behind their texts. page.js fetches the live form every second
 * and replaces the page's elements by its own.
 */
#ifndef MPMSTATS_STATS_PAGE_STATUS_PAGE_H
#define MPMSTATS_STATS_PAGE_STATUS_PAGE_H

#include "figures/snapshot.h"
#include "render/out.h"
#include "stats/page/html.h"

/** Writes @a parts of @a snapshot as the page, or live if @a nonce is NULL. */
void status_page(out_t *out, const snapshot_t *snapshot, unsigned parts, const char *nonce);

#endif
