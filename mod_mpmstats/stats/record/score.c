/* SPDX-License-Identifier: Apache-2.0 */
/* Texts are cut to httpd's fields and NUL-terminated. */
#include "stats/record/score.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/times.h>

#include "apr_strings.h"
#include "http_core.h"
#include "http_main.h"
#include "http_protocol.h"
#include "scoreboard.h"

#include "stats/record/record.h"
#include "stats/request_line.h"

/* Microseconds between two reads of the CPU time of this process. */
#define TIMES_INTERVAL 1000000

/* When the next read is due; any thread advances it. */
static _Atomic int64_t times_due;

/*
 * The entry this thread wrote last, and the server in it: a new entry must be reset, and an
 * unchanged server is not written again. The initial-exec TLS model avoids a call per access.
 */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    worker_score *score;
    const server_rec *server;
    const char *protocol; /* from ap_get_protocol(): a constant, compared by address */
    apr_port_t port;
} mine;

static void begin_entry(worker_score *score)
{
    mine.score = score;
    mine.server = NULL;
    score->my_access_count = 0;
    score->my_bytes_served = 0;
}

static inline worker_score *mine_now(worker_score *score)
{
    if (__builtin_expect(score != NULL && score != mine.score, 0)) {
        begin_entry(score);
    }
    return score;
}

static worker_score *entry_of(const conn_rec *c)
{
    return mine_now(c->sbh != NULL ? ap_get_scoreboard_worker(c->sbh) : NULL);
}

/* The same, without a call where mpm_hybrid provides slot and worker. */
static inline worker_score *entry_that_runs(const record_conn_t *conn)
{
    const mpm_hybrid_times_t *times = conn->times;

    return times != NULL ? mine_now(&ap_scoreboard_image->servers[*times->slot][times->worker])
                         : entry_of(conn->c);
}

#define PUT(field, text) put((field), sizeof(field), (text))

static void put(char *field, size_t room, const char *text)
{
    size_t length = strnlen(text, room - 1);

    memcpy(field, text, length);
    field[length] = '\0';
}

/* The old, shorter field `client` gets a cut address. */
static inline void put_client(worker_score *score, const char client[SCORE_CLIENT])
{
    memcpy(score->client64, client, SCORE_CLIENT);
    memcpy(score->client, client, sizeof(score->client));
    score->client[sizeof(score->client) - 1] = '\0';
}

static void make_client(char client[SCORE_CLIENT], const char *ip)
{
    memset(client, 0, SCORE_CLIENT);
    put(client, SCORE_CLIENT, ip);
}

/*
 * The connection's client address, cached: it changes only if a module like mod_remoteip sets it.
 */
static inline const char *client_of(record_conn_t *conn)
{
    if (__builtin_expect(conn->client_ip != conn->c->client_ip, 0)) {
        conn->client_ip = conn->c->client_ip;
        make_client(conn->client, conn->client_ip);
    }
    return conn->client;
}

static __attribute__((cold, noinline)) void put_other_client(worker_score *score, const char *ip)
{
    char client[SCORE_CLIENT];

    make_client(client, ip);
    put_client(score, client);
}

const char *record_score_line(const request_rec *r, size_t room)
{
    const char *line = request_line(r);
    size_t length;

    return ap_mod_status_reqtail && (length = strlen(line)) >= room ? line + length - room + 1
                                                                    : line;
}

static void put_request(worker_score *score, const request_rec *r)
{
    PUT(score->request, record_score_line(r, sizeof(score->request)));
}

void record_score_cut(const request_rec *r)
{
    worker_score *score = r->connection->sbh != NULL ? ap_get_scoreboard_worker(r->connection->sbh)
                                                     : NULL;

    if (score != NULL) {
        memset(score->request, 0, sizeof(score->request));
        put_request(score, r);
    }
}

void record_score_cut_stream(const conn_rec *c)
{
    worker_score *score = ap_extended_status && c->sbh != NULL ? ap_get_scoreboard_worker(c->sbh)
                                                               : NULL;
    char *query = score != NULL && score->request[0] == '['
        ? memchr(score->request, '?', sizeof(score->request))
        : NULL;

    if (query != NULL) {
        memset(query + 1, 0, (size_t)(score->request + sizeof(score->request) - query - 1));
    }
}

static __attribute__((noinline)) void put_server(worker_score *score, const request_rec *r,
                                                 const char *protocol)
{
    mine.server = r->server;
    mine.protocol = protocol;
    mine.port = r->connection->local_addr->port;
    apr_snprintf(score->vhost, sizeof(score->vhost), "%s:%d", r->server->server_hostname,
                 mine.port);
    PUT(score->protocol, protocol);
}

void record_score_conn(record_conn_t *conn)
{
    worker_score *score = entry_of(conn->c);

    if (score != NULL) {
        mine.server = NULL;
        score->request[0] = '\0';
        score->vhost[0] = '\0';
        put_client(score, client_of(conn));
    }
}

void record_score_begin(request_rec *r, record_request_t *request)
{
    record_conn_t *conn = request->conn;
    worker_score *score = entry_that_runs(conn);

    request->score = score;
    if (score == NULL) {
        return;
    }
    if (conn->protocol == NULL) {
        conn->protocol = ap_get_protocol(r->connection);
    }
    score->start_time = score->last_used = r->request_time;
    if (r->useragent_ip == NULL || r->useragent_ip == conn->c->client_ip) {
        put_client(score, client_of(conn));
    }
    else {
        put_other_client(score, r->useragent_ip);
    }
    put_request(score, r);
    if (mine.server != r->server || mine.protocol != conn->protocol
        || mine.port != r->connection->local_addr->port) {
        put_server(score, r, conn->protocol);
    }
}

/*
 * Usually on the thread that wrote the begin; another thread that wrote the rest of the response
 * has an entry of its own.
 */
void record_score_end(const request_rec *r, const record_request_t *request, int64_t now)
{
    worker_score *score = request != NULL && request->score != NULL && request->score == mine.score
        ? mine.score
        : entry_of(r->connection);
    int64_t took = request != NULL ? now - request->dispatched : 0;
    record_conn_t *conn = record_conn_of(r->connection);
    bool head = r->method_number == M_GET && r->method != NULL && r->method[0] == 'H';
    apr_off_t bytes = head ? 0 : r->bytes_sent;

    if (score == NULL) {
        return;
    }
    if (record.logio && conn != NULL) {
        bytes = (apr_off_t)(conn->sent - conn->sent_told);
        conn->sent_told = conn->sent;
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
