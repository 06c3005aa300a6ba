/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html.h
 * @brief A snapshot as one self-contained HTML page.
 *
 * The text of the page is page/page.html with its style and script beside it;
 * html_*.c fill in the rest. Without script the page is complete and static, with
 * script it refreshes itself from the JSON.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_H
#define MPMSTATS_STATS_PAGE_HTML_H

#include "render/out.h"
#include "figures/snapshot.h"

/**
 * @a parts are those of parts.h; @a nonce is what the Content-Security-Policy of the response
 * allows.
 */
void render_html(out_t *out, const snapshot_t *snapshot, unsigned parts, const char *nonce);

#endif
