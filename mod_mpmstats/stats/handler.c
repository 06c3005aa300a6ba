/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks the request, takes a snapshot and lets a renderer write it into the output
 * filters. Only the renderer's buffer is held in memory, whatever the size of the view.
 * The response to an aborted connection ends early.
 */
#include "stats/handler.h"

#include <stdbool.h>
#include <string.h>

#include "apr_base64.h"
#include "apr_buckets.h"
#include "apr_general.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "scoreboard.h"
#include "util_filter.h"

#include "figures/read.h"
#include "stats/config.h"
#include "stats/known_host.h"
#include "stats/modstatus.h"
#include "render/auto.h"
#include "stats/page/status_page.h"
#include "render/json.h"
#include "render/openmetrics.h"
#include "stats/record/board.h"
#include "stats/record/sample.h"
#include "stats/request_line.h"
#include "render/request_view.h"

APLOG_USE_MODULE(mpmstats);

#define NONCE_BYTES 16

/* The input of a renderer. */
typedef struct {
    request_rec *r;
    const view_t *view;
    const snapshot_t *snapshot;
    const char *nonce;
} answer_t;

static void write_page(out_t *out, const answer_t *answer)
{
    status_page(out, answer->snapshot, answer->view->parts, answer->nonce);
}

static void write_live(out_t *out, const answer_t *answer)
{
    unsigned more = answer->view->form == VIEW_LIVE_BUSY ? HTML_BUSY_ONLY : 0;

    status_page(out, answer->snapshot, answer->view->parts | more, NULL);
}

static void write_json(out_t *out, const answer_t *answer)
{
    render_json(out, answer->snapshot, answer->view->parts);
}

static void write_auto(out_t *out, const answer_t *answer)
{
    render_auto(out, answer->snapshot, modstatus_read(answer->r, answer->snapshot));
    out_flush(out);
    modstatus_run_hooks(answer->r);
    render_auto_more(out, answer->snapshot);
}

/* The parts that a form shows of those requested: only these are read. */
static unsigned parts_told(const view_t *view)
{
    switch (view->form) {
    case VIEW_PAGE:
    case VIEW_LIVE:
    case VIEW_LIVE_BUSY:
        return view->parts | VIEW_WORKERS; /* the scoreboard picture shows their requests */
    case VIEW_AUTO:
        return VIEW_TOTALS | VIEW_LIMITS;
    case VIEW_PROMETHEUS:
    case VIEW_OPENMETRICS:
        return view->parts & ~(unsigned)VIEW_WORKERS;
    case VIEW_JSON:
        break;
    }
    return view->parts;
}

static void write_metrics(out_t *out, const answer_t *answer)
{
    render_openmetrics(out, answer->snapshot, answer->view->parts,
                       answer->view->form == VIEW_OPENMETRICS);
}

/* By view_form_e. */
static const struct {
    const char *content_type;
    void (*write)(out_t *out, const answer_t *answer);
} forms[] = {
    [VIEW_PAGE] = { "text/html; charset=utf-8", write_page },
    [VIEW_LIVE] = { "text/html; charset=utf-8", write_live },
    [VIEW_LIVE_BUSY] = { "text/html; charset=utf-8", write_live },
    [VIEW_JSON] = { "application/json; charset=utf-8", write_json },
    /* mod_status's charset, in which any byte of a server's name is valid. */
    [VIEW_AUTO] = { "text/plain; charset=ISO-8859-1", write_auto },
    [VIEW_PROMETHEUS] = { "text/plain; version=0.0.4; charset=utf-8", write_metrics },
    [VIEW_OPENMETRICS] = { "application/openmetrics-text; version=1.0.0; charset=utf-8",
                           write_metrics },
};

/* Whether the handler is also configured for the path one segment up. */
static bool parent_is_status(request_rec *r, apr_size_t len)
{
    char *parent = apr_pstrmemdup(r->pool, r->uri, len);
    request_rec *lookup = ap_sub_req_lookup_uri(ap_escape_uri(r->pool, parent), r, NULL);
    bool is_status = lookup->handler != NULL && strcmp(lookup->handler, HANDLER_NAME) == 0;

    ap_destroy_sub_req(lookup);
    return is_status;
}

/*
 * Whether the URL is below the page's. path_info alone does not decide: the page itself
 * has one if <Location /a/b> is configured and no directory /a exists. But the parent of
 * a URL below the page is the page, or below it too.
 */
static bool is_below_page(request_rec *r)
{
    apr_size_t len = strlen(r->uri);

    if (r->path_info == NULL || r->path_info[0] == '\0') {
        return false;
    }
    while (len > 0 && r->uri[len - 1] == '/') {
        len--;
    }
    while (len > 0 && r->uri[len - 1] != '/') {
        len--;
    }
    return len > 1 ? parent_is_status(r, len - 1) : false;
}

static const char *make_nonce(request_rec *r)
{
    unsigned char bytes[NONCE_BYTES];
    char *nonce = apr_palloc(r->pool, (apr_size_t)apr_base64_encode_len(NONCE_BYTES));
    apr_status_t rv = apr_generate_random_bytes(bytes, sizeof(bytes));

    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      HANDLER_NAME ": no random bytes for the Content-Security-Policy");
        return NULL;
    }
    apr_base64_encode_binary(nonce, bytes, sizeof(bytes));
    return nonce;
}

/* On every response, including the core's error documents. */
static void set_common_headers(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_mergen(r->err_headers_out, "Vary", "Accept");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->err_headers_out, "Referrer-Policy", "no-referrer");
    apr_table_setn(r->err_headers_out, "Cross-Origin-Resource-Policy", "same-origin");
}

static void set_policy(request_rec *r, const char *nonce)
{
    const char *policy = apr_pstrcat(r->pool, "default-src 'none'; style-src 'nonce-", nonce,
                                     "'; script-src 'nonce-", nonce,
                                     "'; connect-src 'self'; img-src data:; base-uri 'none'; "
                                     "form-action 'none'; frame-ancestors 'none'; "
                                     "require-trusted-types-for 'script'; trusted-types 'none'",
                                     NULL);

    apr_table_setn(r->headers_out, "Content-Security-Policy", policy);
}

/* An out_pass_fn: `receiver` is the request. */
static apr_status_t pass_on(void *receiver, const char *data, apr_size_t len)
{
    request_rec *r = receiver;
    apr_bucket_alloc_t *alloc = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade;
    apr_status_t rv;

    if (r->connection->aborted) {
        return APR_ECONNABORTED;
    }
    brigade = apr_brigade_create(r->pool, alloc);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_transient_create(data, len, alloc));
    rv = ap_pass_brigade(r->output_filters, brigade);
    apr_brigade_destroy(brigade);
    return rv;
}

/* Name and port that the client used. */
static const char *name_of(request_rec *r)
{
    return apr_psprintf(r->pool, "%s:%u", ap_get_server_name_for_url(r),
                        (unsigned int)ap_get_server_port(r));
}

/* The current state of the server, by the reader shared with the CLI; NULL: no scoreboard. */
static const snapshot_t *snapshot_for(request_rec *r, unsigned parts)
{
    snapshot_t *snapshot = apr_palloc(r->pool, sizeof(*snapshot));
    segment_view_t *view;
    board_t *board;

    if (record.segment == NULL || !ap_exists_scoreboard_image()) {
        return NULL;
    }
    record_sample_refresh();
    view = segment_view(record.segment);
    board = view != NULL ? record_board_open() : NULL;
    if (board != NULL) {
        read_snapshot(snapshot, r->pool, view, board, parts);
        snapshot->server.name = name_of(r);
    }
    else {
        snapshot = NULL;
    }
    board_close(board);
    segment_close(view);
    return snapshot;
}

static int send_view(request_rec *r, const view_t *view)
{
    answer_t answer = { r, view, NULL, make_nonce(r) };
    out_t out;

    if (answer.nonce == NULL) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_set_content_type(r, forms[view->form].content_type);
    set_policy(r, answer.nonce);
    if (r->header_only) {
        return OK;
    }
    answer.snapshot = snapshot_for(r, parts_told(view));
    if (answer.snapshot == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      HANDLER_NAME ": this server has no scoreboard to show");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    out_init(&out, pass_on, r);
    forms[view->form].write(&out, &answer);
    if (out_finish(&out) != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, out.status, r,
                      HANDLER_NAME ": the client did not take the answer");
    }
    return OK;
}

static int refuse(request_rec *r, int status, const char *why)
{
    r->status = status;
    ap_set_content_type(r, "text/plain; charset=utf-8");
    ap_rputs(why, r);
    return OK;
}

/*
 * httpd does not repeat access control after an internal redirect within the same configuration.
 * With an ErrorDocument 403 that is the page, which a .htaccess may set, refused clients would get
 * it. 0: the request was not refused.
 */
static int refused_before(const request_rec *r)
{
    for (r = r->prev; r != NULL; r = r->prev) {
        if (r->status == HTTP_FORBIDDEN || r->status == HTTP_UNAUTHORIZED) {
            return r->status;
        }
    }
    return 0;
}

/* Kept out of handler_run(), which every request calls. */
static __attribute__((noinline)) int serve(request_rec *r)
{
    const char *wrong;
    int refused = refused_before(r);
    view_t view;

    set_common_headers(r);
    if (refused != 0) {
        return refused;
    }
    if (!known_host(r)) {
        apr_table_t *headers = request_line_cut_referer(r);

        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      HANDLER_NAME ": refused, no host of this server is called '%s' "
                                   "(MPMStatsAllowHost)",
                      r->hostname);
        r->headers_in = headers;
        return refuse(
            r, HTTP_FORBIDDEN,
            "403: no host of this server has the name in this request.\n"
            "Use an address, localhost, a ServerName or a ServerAlias; or add the name with MPMStatsAllowHost.\n");
    }
    ap_allow_methods(r, REPLACE_ALLOW, "GET", "HEAD", NULL);
    if (r->method_number != M_GET) {
        return HTTP_METHOD_NOT_ALLOWED;
    }
    if (is_below_page(r)) {
        return HTTP_NOT_FOUND;
    }
    wrong = view_parse(&view, r->args, apr_table_get(r->headers_in, "Accept"));
    return wrong == NULL ? send_view(r, &view) : refuse(r, HTTP_BAD_REQUEST, wrong);
}

/* Called for every request of the server. */
int handler_run(request_rec *r)
{
    if (r->handler == NULL || r->handler[0] != HANDLER_NAME[0]
        || strcmp(r->handler, HANDLER_NAME) != 0) {
        return DECLINED;
    }
    return serve(r);
}
