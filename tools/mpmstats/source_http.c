/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples from a server's status handler.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decode.h"
#include "http.h"
#include "memory.h"
#include "password.h"
#include "source.h"

#define TIMEOUT_S 5 /* when nobody says another */

typedef struct {
    url_t url;
    login_t login;
    http_request_t request;
} http_source_t;

static void source_http_close(void *state)
{
    http_source_t *source = state;

    password_free(&source->login);
    url_free(&source->url);
    free(source);
}

static void *source_http_open(const settings_t *settings, failure_t *failure)
{
    http_source_t *source = memory_get(1, sizeof(*source));
    const char *text = settings->url != NULL ? settings->url : URL_DEFAULT;

    if (!url_parse(&source->url, text, settings->unix_socket, failure)
        || !password_get(&source->login, settings->user, failure)) {
        source_http_close(source);
        return NULL;
    }
    source->request = (http_request_t){
        .url = &source->url,
        .timeout_s = settings->timeout_s > 0 ? settings->timeout_s : TIMEOUT_S,
        .insecure = settings->insecure,
        .cacert = settings->cacert,
        .user = source->login.name,
        .password = source->login.password,
        .hint = settings->url != NULL ? "" : " (the default address; another one is named with --url)",
    };
    return source;
}

/* Does what was sent claim to be something else, an error page say? */
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

    if (!http_get(&source->request, &answer, failure))
        return NULL;
    if (is_other_type(&answer))
        failure_set(failure, RC_ANSWER, "%s: the answer is %s, not JSON; is this the address of SetHandler mpm-status?",
                    source->url.shown, answer.type);
    else
        sample = decode_sample(answer.data, answer.length, source->url.shown, failure);
    http_answer_free(&answer);
    return sample;
}

static const char *source_http_name(void *state)
{
    const http_source_t *source = state;

    return source->url.shown;
}

const source_kind_t source_http = {
    .open = source_http_open,
    .take = source_http_take,
    .name = source_http_name,
    .close = source_http_close,
};
