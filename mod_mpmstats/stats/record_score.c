/* SPDX-License-Identifier: Apache-2.0 */
/* Names are cut to the fields httpd has for them, and end there. */
#include "stats/record_score.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/times.h>

#include "apr_strings.h"
#include "http_core.h"
#include "http_main.h"
#include "http_protocol.h"
#include "scoreboard.h"

/* Microseconds between two looks at the CPU time of this process. */
#define TIMES_INTERVAL 1000000

/* When that is due again; whichever thread comes by moves it on. */
static _Atomic int64_t times_due;

/* The entry this thread wrote last: another one was another worker's before. */
static _Thread_local worker_score *mine;

static worker_score *entry_of(const conn_rec *c)
{
    worker_score *score = c->sbh != NULL ? ap_get_scoreboard_worker(c->sbh) : NULL;

    if (score != NULL && score != mine) {
        mine = score;
        score->my_access_count = 0;
        score->my_bytes_served = 0;
    }
    return score;
}

#define PUT(field, text) put((field), sizeof(field), (text))

static void put(char *field, size_t room, const char *text)
{
    size_t length = strnlen(text, room - 1);

    memcpy(field, text, length);
    field[length] = '\0';
}

static void put_client(worker_score *score, const char *ip)
{
    PUT(score->client, ip);
    PUT(score->client64, ip);
}

/* The request line without the password of a forward proxy's client; its end where the administrator wants that. */
static void put_request(worker_score *score, request_rec *r)
{
    const char *line = r->the_request != NULL ? r->the_request : "";
    size_t length;

    if (r->parsed_uri.password != NULL) {
        line = apr_pstrcat(r->pool, r->method, " ", apr_uri_unparse(r->pool, &r->parsed_uri, APR_URI_UNP_OMITPASSWORD),
                           " ", r->protocol, NULL);
    }
    if (ap_mod_status_reqtail && (length = strlen(line)) >= sizeof(score->request)) {
        line += length - sizeof(score->request) + 1;
    }
    PUT(score->request, line);
}

/* The same for all requests of a connection to one virtual host. */
static void name_server(request_rec *r, record_conn_t *conn)
{
    if (conn->score_server != r->server) {
        conn->score_server = r->server;
        conn->score_vhost = apr_psprintf(conn->c->pool, "%s:%d", r->server->server_hostname, conn->c->local_addr->port);
        conn->score_protocol = ap_get_protocol(conn->c);
    }
}

void record_score_conn(conn_rec *c)
{
    worker_score *score = entry_of(c);

    if (score != NULL) {
        score->request[0] = '\0';
        score->vhost[0] = '\0';
        put_client(score, c->client_ip);
    }
}

void record_score_begin(request_rec *r, record_conn_t *conn)
{
    worker_score *score = entry_of(r->connection);

    if (score == NULL) {
        return;
    }
    name_server(r, conn);
    score->start_time = score->last_used = r->request_time;
    put_client(score, r->useragent_ip != NULL ? r->useragent_ip : r->connection->client_ip);
    put_request(score, r);
    PUT(score->vhost, conn->score_vhost);
    PUT(score->protocol, conn->score_protocol);
}

void record_score_end(const request_rec *r, int64_t took, int64_t now)
{
    worker_score *score = entry_of(r->connection);
    bool head = r->method_number == M_GET && r->method != NULL && r->method[0] == 'H';
    apr_off_t bytes = head ? 0 : r->bytes_sent;

    if (score == NULL) {
        return;
    }
    score->stop_time = score->last_used = r->request_time + took;
    score->duration += took;
    score->access_count++;
    score->my_access_count++;
    score->bytes_served += bytes;
    score->my_bytes_served += bytes;
    if (now >= atomic_load_explicit(&times_due, memory_order_relaxed)) {
        atomic_store_explicit(&times_due, now + TIMES_INTERVAL, memory_order_relaxed);
        times(&score->times);
    }
}
