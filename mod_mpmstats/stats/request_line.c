/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/request_line.h"

#include <string.h>

#include "apr_strings.h"
#include "apr_uri.h"
#include "base/query.h"
#include "stats/config.h"

static __attribute__((cold, noinline)) const char *without_password(const request_rec *r)
{
    return apr_pstrcat(r->pool, r->method, " ",
                       apr_uri_unparse(r->pool, &r->parsed_uri, APR_URI_UNP_OMITPASSWORD), " ",
                       r->protocol, NULL);
}

const char *request_line(const request_rec *r)
{
    const char *line = r->the_request != NULL ? r->the_request : "";

    if (__builtin_expect(r->parsed_uri.password != NULL, 0)) {
        line = without_password(r);
    }
    return __builtin_expect(config_of_server(r->server)->queries == CONFIG_QUERIES_CUT, 0)
        ? query_cut(r->pool, line)
        : line;
}

apr_table_t *request_line_cut_referer(request_rec *r)
{
    apr_table_t *whole = r->headers_in;
    const char *referer = config_of_server(r->server)->queries == CONFIG_QUERIES_CUT
        ? apr_table_get(whole, "Referer")
        : NULL;
    const char *mark = referer != NULL ? strchr(referer, '?') : NULL;

    if (mark != NULL) {
        r->headers_in = apr_table_copy(r->pool, whole);
        apr_table_setn(r->headers_in, "Referer",
                       apr_pstrmemdup(r->pool, referer, (apr_size_t)(mark - referer) + 1));
    }
    return whole;
}
