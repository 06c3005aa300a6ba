/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html.h
 * @brief What the files of the page share: where it is written, and in which of its two forms.
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
