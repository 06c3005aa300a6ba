/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/place.h"

#include <stdbool.h>
#include <string.h>

#include "ap_expr.h"
#include "http_core.h"
#include "http_request.h"

#include "stats/config.h"

/*
 * A note on the request: an <If> in a .htaccess can replace the handler later.
 */
#define NOTE HANDLER_NAME

/* The handler of SetHandler, which is always an expression, even if it is a single word. */
static const char *handler_configured(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *error = NULL;
    const char *handler;

    if (core->expr_handler == NULL) {
        return NULL;
    }
    handler = ap_expr_str_exec(r, core->expr_handler, &error);
    return error == NULL ? handler : NULL;
}

static inline bool is_ours(const char *handler)
{
    return handler != NULL && handler[0] == HANDLER_NAME[0] && strcmp(handler, HANDLER_NAME) == 0;
}

int place_translate(request_rec *r)
{
    if (is_ours(handler_configured(r))) {
        apr_table_setn(r->notes, NOTE, "");
    }
    return DECLINED;
}

/* A page configured by a directory itself (SetHandler in a .htaccess) stays as it is. */
static __attribute__((noinline)) int keep_place(request_rec *r)
{
    ap_conf_vector_t *merged = r->per_dir_config;
    int status;

    r->per_dir_config = r->server->lookup_defaults;
    status = ap_location_walk(r);
    if (status != OK || !is_ours(handler_configured(r))) {
        r->per_dir_config = merged;
        return DECLINED;
    }
    status = ap_if_walk(r);
    if (status != OK) {
        return status;
    }
    r->handler = handler_configured(r);
    return DECLINED;
}

int place_fixups(request_rec *r)
{
    return is_ours(r->handler) || apr_table_get(r->notes, NOTE) != NULL ? keep_place(r) : DECLINED;
}
