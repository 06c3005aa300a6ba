/* SPDX-License-Identifier: Apache-2.0 */
#include "base/query.h"

#include <stdbool.h>
#include <string.h>

#include "apr_strings.h"

/*
 * The question mark stays, to show that there was a query. The protocol after the query stays; in
 * an invalid line the last word may be part of the query.
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
