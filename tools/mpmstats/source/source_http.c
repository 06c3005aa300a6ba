/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples from a server's status handler.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "source/decode.h"
#include "source/http.h"
#include "common/memory.h"
#include "source/password.h"
#include "source/source.h"

#define TIMEOUT_S 5 /* default */

typedef struct {
    url_t url;
    login_t login;
    http_request_t request;
    char *hint; /* NULL: none */
} http_source_t;

static void source_http_close(void *state)
{
    http_source_t *source = state;

    password_free(&source->login);
    url_free(&source->url);
    free(source->hint);
    free(source);
    http_end();
}

static void *source_http_open(const settings_t *settings, failure_t *failure)
{
    http_source_t *source = memory_get(1, sizeof(*source));
    const char *named = settings->url != NULL ? settings->url : settings->url_usual;

    http_begin();
    if (!url_parse(&source->url, named != NULL ? named : URL_DEFAULT, settings->unix_socket,
                   failure)
        || !password_get(&source->login, settings->user, failure)) {
        source_http_close(source);
        return NULL;
    }
    if (named == NULL) {
        source->hint = settings->closed != NULL
            ? memory_format(
                " (the default address, because %s is not readable: be root or a member of its group, or name another with --url)",
                settings->closed)
            : memory_copy(" (the default address; another one is named with --url)");
    }
    source->request = (http_request_t){
        .url = &source->url,
        .timeout_s = settings->timeout_s > 0 ? settings->timeout_s : TIMEOUT_S,
        .insecure = settings->insecure,
        .cacert = settings->cacert,
        .user = source->login.name,
        .password = source->login.password,
        .hint = source->hint != NULL ? source->hint : "",
    };
    return source;
}

/* True when Content-Type declares something else, e.g. an error page. */
static bool is_other_type(const http_answer_t *answer)
{
    return answer->type != NULL && strcasestr(answer->type, "json") == NULL
        && strcasestr(answer->type, "octet-stream") == NULL
        && strncasecmp(answer->type, "text/plain", 10) != 0;
}

static sample_t *source_http_take(void *state, failure_t *failure)
{
    http_source_t *source = state;
    http_answer_t answer;
    sample_t *sample = NULL;

    if (!http_get(&source->request, &answer, failure)) {
        return NULL;
    }
    if (is_other_type(&answer)) {
        failure_set(failure, RC_ANSWER,
                    "%s: the answer is %s, not JSON; is this the address of SetHandler mpm-status?",
                    source->url.shown, answer.type);
    }
    else {
        sample = decode_sample(answer.data, answer.length, source->url.shown, failure);
    }
    http_answer_free(&answer);
    if (sample != NULL) {
        sample_still(sample, NULL);
    }
    return sample;
}

/* The server renders the metrics; an older one ignores the query, so check the type. */
static char *source_http_metrics(void *state, bool openmetrics, source_fate_t *fate,
                                 failure_t *failure)
{
    http_source_t *source = state;
    http_request_t request = source->request;
    http_answer_t answer;
    char *text = NULL;

    (void)fate;
    url_set_query(&source->url, "openmetrics");
    request.accept = openmetrics ? "application/openmetrics-text" : "text/plain";
    if (!http_get(&request, &answer, failure)) {
        return NULL;
    }
    if (answer.type != NULL
        && strstr(answer.type, openmetrics ? "openmetrics-text" : "version=0.0.4") != NULL) {
        text = memory_copy(answer.data);
    }
    else {
        failure_set(
            failure, RC_ANSWER,
            "%s: the answer is %s, not metrics; is this the address of SetHandler mpm-status?",
            source->url.shown, answer.type != NULL ? answer.type : "of no type");
    }
    http_answer_free(&answer);
    return text;
}

static const char *source_http_name(void *state)
{
    const http_source_t *source = state;

    return source->url.shown;
}

const source_kind_t source_http = {
    .open = source_http_open,
    .take = source_http_take,
    .metrics = source_http_metrics,
    .name = source_http_name,
    .close = source_http_close,
};
