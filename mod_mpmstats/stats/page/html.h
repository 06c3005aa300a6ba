/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html.h
 * @brief The status page: the template page.html filled with a snapshot.
 *
 * Written in two forms by the same code: as a whole, and live, which is the elements that may have
 * changed since, with the numbers behind their texts. page.js fetches the live form each second and
 * puts its elements in the place of those it has.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_H
#define MPMSTATS_STATS_PAGE_HTML_H

#include <stdbool.h>

#include "figures/snapshot.h"
#include "render/out.h"

/** Among the parts: no rows of workers that are idle. */
#define HTML_BUSY_ONLY 0x10000u

typedef struct {
    out_t *out;
    const snapshot_t *snapshot;
    unsigned parts;    /**< see render/request_view.h; and HTML_BUSY_ONLY */
    const char *nonce; /**< of the style and the script in the page; NULL: the live form */
    int skipping;      /**< depth inside conditions of which the outermost does not hold */
} html_t;

/** Writes @a parts of @a snapshot as the page, or live if @a nonce is NULL. */
void render_html(out_t *out, const snapshot_t *snapshot, unsigned parts, const char *nonce);

static inline bool html_is_live(const html_t *html)
{
    return html->nonce == NULL;
}

/** Text of our own that never changes: not in the live form. */
static inline void html_frame(const html_t *html, const char *text)
{
    if (!html_is_live(html)) {
        out_raw(html->out, text);
    }
}

#endif
