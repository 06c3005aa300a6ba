/* SPDX-License-Identifier: Apache-2.0 */
#include "base/query.h"

#include <stdbool.h>
#include <string.h>

#include "apr_strings.h"

/*
 * The question mark stays: there was a query. The protocol stays if it stands behind the query; in
 * a line that is no valid one the last word may be any other.
 */
const char *query_cut(apr_pool_t *pool, const char *line)
{
    const char *mark = strchr(line, '?');
    const char *space = mark != NULL ? strrchr(mark, ' ') : NULL;
    bool protocol = space != NULL && strncmp(space, " HTTP/", 6) == 0;

    return mark == NULL
        ? line
        : apr_pstrcat(pool, apr_pstrmemdup(pool, line, (apr_size_t)(mark - line) + 1),
                      protocol ? space : "", NULL);
}
