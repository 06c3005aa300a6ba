/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl requests, and messages for their failures.
 */
#include "source/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "common/memory.h"
#include "gen/version.h"

/* A request in progress. */
typedef struct {
    const http_request_t *request;
    http_answer_t *answer;
    failure_t *failure;
    size_t head_bytes, room;
    bool too_large;
    char error[CURL_ERROR_SIZE];
} transfer_t;

static bool fits(transfer_t *transfer, size_t more)
{
    if (transfer->head_bytes + transfer->answer->length + more > HTTP_BYTES_MAX) {
        transfer->too_large = true;
    }
    return !transfer->too_large;
}

static size_t on_head(char *data, size_t size, size_t count, void *user)
{
    transfer_t *transfer = user;

    (void)data;
    if (!fits(transfer, size * count)) {
        return 0;
    }
    transfer->head_bytes += size * count;
    return size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    transfer_t *transfer = user;
    http_answer_t *answer = transfer->answer;
    size_t length = size * count;

    if (!fits(transfer, length)) {
        return 0;
    }
    if (answer->length + length + 1 > transfer->room) {
        transfer->room = (answer->length + length + 1) * 2;
        answer->data = memory_resize(answer->data, transfer->room, 1);
    }
    memcpy(answer->data + answer->length, data, length);
    answer->length += length;
    answer->data[answer->length] = '\0';
    return length;
}

static bool cannot_connect(const transfer_t *transfer, CURL *curl)
{
    const url_t *url = transfer->request->url;
    long error = 0;

    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
    if (url->socket != NULL) {
        return failure_set(
            transfer->failure, RC_UNREACHABLE,
            "%s: cannot connect to the socket%s%s; does the server listen on it, and may you use it?",
            url->shown, error != 0 ? ": " : "", error != 0 ? strerror((int)error) : "");
    }
    return failure_set(transfer->failure, RC_UNREACHABLE,
                       "%s: %s; does the server run and listen there?%s", url->shown,
                       error != 0 ? strerror((int)error) : transfer->error,
                       transfer->request->hint);
}

/* Reports an error of libcurl. */
static bool explain_transport(const transfer_t *transfer, CURL *curl, CURLcode code)
{
    const http_request_t *request = transfer->request;
    const char *shown = request->url->shown;
    const char *detail = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
    failure_t *failure = transfer->failure;

    if (transfer->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return failure_set(
            failure, RC_ANSWER,
            "%s: the answer is larger than %zu MiB; is this the address of SetHandler mpm-status?",
            shown, HTTP_BYTES_MAX >> 20);
    }
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return failure_set(failure, RC_UNREACHABLE, "%s: %s; check the name after --url", shown,
                           detail);
    case CURLE_COULDNT_CONNECT:
        return cannot_connect(transfer, curl);
    case CURLE_OPERATION_TIMEDOUT:
        return failure_set(
            failure, RC_TIMEOUT,
            "%s: no complete answer within %g s; the server may be saturated or a firewall in the way: try a longer --timeout",
            shown, request->timeout_s);
    case CURLE_PEER_FAILED_VERIFICATION:
        return failure_set(
            failure, RC_TLS,
            "%s: %s; name the certificate's issuer with --cacert FILE, or skip the check with --insecure",
            shown, detail);
    case CURLE_SSL_CACERT_BADFILE:
        return failure_set(failure, RC_LOCAL,
                           "cannot read certificates from %s; --cacert wants a readable PEM file",
                           request->cacert != NULL ? request->cacert : "the system's store");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return failure_set(failure, RC_TLS,
                           "%s: the TLS handshake failed (%s); does this port speak https?", shown,
                           detail);
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return failure_set(
            failure, RC_ANSWER,
            "%s: the answer is truncated (%s); try again, and see the server's error log", shown,
            detail);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return failure_set(failure, RC_ANSWER, "%s: the answer is not HTTP; check the port", shown);
    case CURLE_SEND_ERROR:
        return failure_set(failure, RC_UNREACHABLE,
                           "%s: %s; try again, and look into the server's error log", shown,
                           detail);
    default:
        return failure_set(failure, RC_UNREACHABLE, "%s: %s; check the address and the server",
                           shown, detail);
    }
}

static bool explain_refusal(const transfer_t *transfer, long status)
{
    const http_request_t *request = transfer->request;
    const char *shown = request->url->shown;

    if (status == 403) {
        return failure_set(
            transfer->failure, RC_DENIED,
            "%s: forbidden (HTTP 403); allow this machine with Require in the <Location> of mpm-status, or ask on the server itself",
            shown);
    }
    if (status == 407) {
        return failure_set(
            transfer->failure, RC_DENIED,
            "%s: the proxy wants a password (HTTP 407); set it in http_proxy, or name the host in no_proxy",
            shown);
    }
    if (request->user == NULL) {
        return failure_set(transfer->failure, RC_DENIED,
                           "%s: a user name and password are needed (HTTP 401); give --user NAME",
                           shown);
    }
    return failure_set(transfer->failure, RC_DENIED,
                       "%s: user %s or the password was not accepted (HTTP 401); check both", shown,
                       request->user);
}

/* Reports an HTTP status other than 200. */
static bool explain_status(const transfer_t *transfer, CURL *curl, long status)
{
    const char *shown = transfer->request->url->shown;
    failure_t *failure = transfer->failure;
    char *target = NULL;

    if (status == 401 || status == 403 || status == 407) {
        return explain_refusal(transfer, status);
    }
    if (status >= 300 && status < 400) {
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target);
        return failure_set(failure, RC_HTTP,
                           "%s: redirected (HTTP %ld) to %s; if you trust that, give it to --url",
                           shown, status, target != NULL ? target : "nowhere");
    }
    if (status == 404) {
        return failure_set(
            failure, RC_HTTP,
            "%s: not found (HTTP 404); enable mod_mpmstats, or give the path of SetHandler mpm-status to --url",
            shown);
    }
    if (status >= 500) {
        return failure_set(failure, RC_HTTP,
                           "%s: the server failed (HTTP %ld); look into its error log", shown,
                           status);
    }
    return failure_set(failure, RC_HTTP, "%s: HTTP %ld instead of 200; check the address", shown,
                       status);
}

static bool explain(const transfer_t *transfer, CURL *curl, CURLcode code)
{
    long status = 0;

    /* an early close may break the transfer after the status is known */
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK && (status < 300 || transfer->too_large)) {
        return explain_transport(transfer, curl, code);
    }
    explain_status(transfer, curl, status);
    transfer->failure->http_status = (int)status;
    return false;
}

static void set_target(CURL *curl, const http_request_t *request)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url->full);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (request->url->socket != NULL) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request->url->socket);
    }
    if (request->url->loopback) {
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    if (request->cacert != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->cacert);
    }
    if (request->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (request->user != NULL) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, request->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD,
                         request->password != NULL ? request->password : "");
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
    }
}

static void set_bounds(CURL *curl, const http_request_t *request, transfer_t *transfer)
{
    long timeout_ms = (long)(request->timeout_s * 1000);

    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HTTP_BYTES_MAX);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "mpmstats/" MPM_VERSION);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
}

static bool transfer_run(transfer_t *transfer, CURL *curl)
{
    const char *type_wanted = transfer->request->accept != NULL ? transfer->request->accept
                                                                : "application/json";
    char *accept = memory_format("Accept: %s", type_wanted);
    struct curl_slist *headers = curl_slist_append(NULL, accept);
    char *type = NULL;
    long status = 0;
    CURLcode code;

    set_target(curl, transfer->request);
    set_bounds(curl, transfer->request, transfer);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    free(accept);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) {
        return explain(transfer, curl, code);
    }
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    transfer->answer->type = type == NULL ? NULL : memory_copy(type);
    return true;
}

/* Expensive (half the time of sampling a local server), so only for the HTTP source. */
void http_begin(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void http_end(void)
{
    curl_global_cleanup();
}

bool http_get(const http_request_t *request, http_answer_t *answer, failure_t *failure)
{
    transfer_t transfer = { .request = request, .answer = answer, .failure = failure };
    CURL *curl = curl_easy_init();
    bool done;

    memset(answer, 0, sizeof(*answer));
    answer->data = memory_get(1, 1);
    transfer.room = 1;
    if (curl == NULL) {
        failure_set(failure, RC_LOCAL, "libcurl cannot be initialised; check its installation");
        done = false;
    }
    else {
        done = transfer_run(&transfer, curl);
        curl_easy_cleanup(curl);
    }
    if (!done) {
        http_answer_free(answer);
    }
    return done;
}

void http_answer_free(http_answer_t *answer)
{
    free(answer->data);
    free(answer->type);
    memset(answer, 0, sizeof(*answer));
}
