/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/page/html.h
 * @brief Shared state of the page's files: the output, and which of the two forms is written.
 */
#ifndef MPMSTATS_STATS_PAGE_HTML_H
#define MPMSTATS_STATS_PAGE_HTML_H

#include <stdbool.h>

#include "figures/snapshot.h"
#include "render/out.h"

/** Flag in `parts`: omit the rows of idle workers. */
#define HTML_BUSY_ONLY 0x10000u

typedef struct {
    out_t *out;
    const snapshot_t *snapshot;
    unsigned parts;    /**< see figures/parts.h; and HTML_BUSY_ONLY */
    const char *nonce; /**< of the style and the script in the page; NULL: the live form */
    int skipping;      /**< depth of conditions inside a false one; 0: none is false */
} html_t;

static inline bool html_is_live(const html_t *html)
{
    return html->nonce == NULL;
}

/** Writes constant text, which the live form omits. */
static inline void html_frame(const html_t *html, const char *text)
{
    if (!html_is_live(html)) {
        out_raw(html->out, text);
    }
}

#endif
