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

#include "stats/record/extended.h"
#include "stats/record/record.h"
#include "stats/request_line.h"

/*
 * The entry this thread wrote last, and the server in it: a new entry must be reset, and an
 * unchanged server is not written again. The initial-exec TLS model avoids a call per access.
 */
static _Thread_local __attribute__((tls_model("initial-exec"))) struct {
    worker_score *score;
    const server_rec *server;
    const char *protocol; /* from ap_get_protocol(): a constant, compared by address */
    apr_port_t port;
    /* Sum of this entry. httpd may add a request's time once more (settle_duration()). */
    apr_time_t duration;
    /* What the entry's conn_bytes is while a request of this turn of the connection is served. */
    apr_off_t turn_bytes;
} mine;

static void begin_entry(worker_score *score)
{
    mine.score = score;
    mine.server = NULL;
    mine.duration = score->duration;
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

/* NULL: no worker serves the connection. Not for an HTTP/2 stream: it has its connection's. */
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

/*
 * Whether the worker is ready for other connections after each request, for which httpd's counts of
 * a connection begin anew; otherwise the connection keeps it until it ends.
 */
static inline bool leaves_worker(const conn_rec *c)
{
    return record.async && !c->clogging_input_filters;
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

/* As httpd shows it: a host name that a lookup has found, else the address. */
static inline const char *name_of(const conn_rec *c)
{
    return __builtin_expect(c->remote_host != NULL && c->remote_host[0] != '\0', 0) ? c->remote_host
                                                                                    : c->client_ip;
}

/* The connection's client, cached: it changes by a lookup, or if a module like mod_remoteip sets it. */
static inline const char *client_of(record_conn_t *conn)
{
    const char *name = name_of(conn->c);

    if (__builtin_expect(conn->client_ip != name, 0)) {
        conn->client_ip = name;
        make_client(conn->client, name);
    }
    return conn->client;
}

static __attribute__((cold, noinline)) void put_other_client(worker_score *score, const char *ip)
{
    char client[SCORE_CLIENT];

    make_client(client, ip);
    put_client(score, client);
}

/* Whether httpd may have written a query, right before, that must not stay there. */
static inline bool cuts_after_httpd(const request_rec *r)
{
    return __builtin_expect(config_of_server(r->server)->queries == CONFIG_QUERIES_CUT, 0)
        && record.extended;
}

const char *record_score_line(const request_rec *r, size_t room)
{
    const char *line = r->the_request != NULL ? request_line(r) : "NULL";
    size_t length;

    return ap_mod_status_reqtail && (length = strlen(line)) >= room ? line + length - room + 1
                                                                    : line;
}

static void put_request(worker_score *score, const request_rec *r)
{
    if (cuts_after_httpd(r)) {
        memset(score->request, 0, sizeof(score->request));
    }
    PUT(score->request, record_score_line(r, sizeof(score->request)));
}

void record_score_cut_stream(const conn_rec *c)
{
    worker_score *score = c->sbh != NULL ? ap_get_scoreboard_worker(c->sbh) : NULL;
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
    const char *protocol;

    if (score == NULL) {
        return;
    }
    mine.server = NULL;
    score->request[0] = '\0';
    score->vhost[0] = '\0';
    put_client(score, client_of(conn));
    protocol = ap_get_protocol(conn->c);
    PUT(score->protocol, protocol);
    if (leaves_worker(conn->c)) {
        score->conn_count = (unsigned short)conn->c->keepalives;
        score->conn_bytes = 0;
    }
}

static inline void put_user(worker_score *score, const request_rec *r, record_conn_t *conn)
{
    if (r->useragent_addr == NULL || r->useragent_addr == conn->c->client_addr) {
        put_client(score, client_of(conn));
    }
    else {
        put_other_client(score,
                         r->useragent_host != NULL && r->useragent_host[0] != '\0'
                             ? r->useragent_host
                             : r->useragent_ip);
    }
}

static inline void put_texts(worker_score *score, const request_rec *r, record_conn_t *conn)
{
    if (conn->protocol == NULL) {
        conn->protocol = ap_get_protocol(r->connection);
    }
    put_user(score, r, conn);
    put_request(score, r);
    if (mine.server != r->server || mine.protocol != conn->protocol
        || mine.port != r->connection->local_addr->port) {
        put_server(score, r, conn->protocol);
    }
}

/*
 * While ap_extended_status is 1 httpd adds the time of a request, too, some moments after it was
 * logged; only this thread writes the field.
 */
static inline void settle_duration(worker_score *score)
{
    score->duration = mine.duration;
}

/*
 * After a response httpd still knows the number of this request: the connection has more input in
 * its filters, which the worker serves without being ready for another connection in between.
 */
static inline void begin_turn(worker_score *score, const conn_rec *c)
{
    if (!c->data_in_input_filters) {
        mine.turn_bytes = 0;
    }
    score->conn_count = (unsigned short)(c->keepalives + 1);
    score->conn_bytes = mine.turn_bytes;
}

void record_score_begin(request_rec *r, record_request_t *request)
{
    record_conn_t *conn = request->conn;
    worker_score *score;

    if (conn->secondary || (score = entry_that_runs(conn)) == NULL) {
        return;
    }
    request->score = score;
    settle_duration(score);
    score->start_time = score->last_used = r->request_time;
    put_texts(score, r, conn);
    if (leaves_worker(conn->c)) {
        begin_turn(score, conn->c);
    }
}

/* ---- the end --------------------------------------------------------------------- */

/*
 * The CPU time of this process, in clock ticks, read at most once a tick: an entry has it as it was
 * at the end of its last request, or up to a tick before. Any thread.
 */
#define TIMES_INTERVAL 10000 /* microseconds */

static struct {
    _Atomic int64_t due;
    _Atomic clock_t user, system, children_user, children_system;
} cpu __attribute__((aligned(64)));

#define RELAXED memory_order_relaxed

static __attribute__((cold, noinline)) void read_times(void)
{
    struct tms now;

    times(&now);
    atomic_store_explicit(&cpu.user, now.tms_utime, RELAXED);
    atomic_store_explicit(&cpu.system, now.tms_stime, RELAXED);
    atomic_store_explicit(&cpu.children_user, now.tms_cutime, RELAXED);
    atomic_store_explicit(&cpu.children_system, now.tms_cstime, RELAXED);
}

static inline void put_times(worker_score *score, int64_t now)
{
    int64_t due = atomic_load_explicit(&cpu.due, RELAXED);

    if (now >= due
        && atomic_compare_exchange_strong_explicit(&cpu.due, &due, now + TIMES_INTERVAL, RELAXED,
                                                   RELAXED)) {
        read_times();
    }
    score->times.tms_utime = atomic_load_explicit(&cpu.user, RELAXED);
    score->times.tms_stime = atomic_load_explicit(&cpu.system, RELAXED);
    score->times.tms_cutime = atomic_load_explicit(&cpu.children_user, RELAXED);
    score->times.tms_cstime = atomic_load_explicit(&cpu.children_system, RELAXED);
}

/* mod_logio's; written by record_score_child_init() only. NULL: not loaded. */
static APR_OPTIONAL_FN_TYPE(ap_logio_get_last_bytes) * logio_last_bytes;

void record_score_child_init(void)
{
    logio_last_bytes = APR_RETRIEVE_OPTIONAL_FN(ap_logio_get_last_bytes);
}

/* As httpd counts them: with mod_logio received and sent, without it the bodies of responses. */
static inline apr_off_t bytes_of(const request_rec *r)
{
    if (logio_last_bytes != NULL) {
        return logio_last_bytes(r->connection);
    }
    return r->method_number == M_GET && r->method != NULL && r->method[0] == 'H' ? 0
                                                                                 : r->bytes_sent;
}

/* A stream's connection goes on: httpd resets its counts when the worker leaves it. */
static inline void count(worker_score *score, const conn_rec *c, apr_off_t bytes)
{
    score->access_count++;
    score->my_access_count++;
    score->bytes_served += bytes;
    score->my_bytes_served += bytes;
    if (c->master == NULL && leaves_worker(c)) {
        mine.turn_bytes += bytes;
        score->conn_count = 0;
        score->conn_bytes = 0;
    }
    else {
        score->conn_count++;
        score->conn_bytes += bytes;
    }
}

/* @param here  this thread took the request's begin: httpd adds its time next, if that is on */
static inline void note_time(worker_score *score, const request_rec *r, apr_time_t took, bool here)
{
    score->stop_time = score->last_used = r->request_time + took;
    mine.duration += took;
    if (!here || !record_extended_stays()) {
        settle_duration(score);
    }
}

/* Whether httpd calls ap_increment_counts(): not for a connection that sends no request line. */
static inline bool is_counted(const request_rec *r, const record_request_t *request)
{
    return request != NULL || r->the_request != NULL || r->status != HTTP_REQUEST_TIME_OUT;
}

static inline worker_score *entry_at_end(const request_rec *r, const record_request_t *request)
{
    const conn_rec *c = r->connection;

    return request != NULL && request->score != NULL && request->score == mine.score ? mine.score
        : c->master == NULL                                                          ? entry_of(c)
        : c->sbh != NULL ? ap_get_scoreboard_worker(c->sbh)
                         : NULL;
}

static inline void put_end(worker_score *score, const request_rec *r, record_conn_t *conn,
                           const record_request_t *request)
{
    bool here = request != NULL && request->score == score;
    int64_t now = request != NULL ? request->begun + request->total : record_clock();

    if (!here && !conn->secondary) {
        put_texts(score, r, conn);
    }
    else if (cuts_after_httpd(r)) {
        put_request(score, r);
    }
    if (request != NULL && request->score != NULL) {
        note_time(score, r, now - request->dispatched, here);
    }
    count(score, r->connection, bytes_of(r));
    put_times(score, now);
}

/*
 * Usually on the thread that wrote the begin; another thread that wrote the rest of the response
 * has an entry of its own.
 */
__attribute__((hot)) int record_score_logged(request_rec *r)
{
    record_conn_t *conn = record_conn_of(r->connection);
    const record_request_t *request;
    worker_score *score;

    if (!record.scores || record.segment == NULL || conn == NULL) {
        return DECLINED;
    }
    request = ap_get_module_config(r->request_config, &mpmstats_module);
    score = is_counted(r, request) ? entry_at_end(r, request) : NULL;
    if (score != NULL) {
        put_end(score, r, conn, request);
        record_extended_hide(r, conn);
    }
    return DECLINED;
}

/* The worker is ready for another connection when this one's pool is destroyed. */
void record_score_closed(const conn_rec *c)
{
    worker_score *score = c->sbh != NULL ? ap_get_scoreboard_worker(c->sbh) : NULL;

    if (score != NULL && score == mine.score && !leaves_worker(c)) {
        score->conn_count = 0;
        score->conn_bytes = 0;
        score->last_used = apr_time_now();
    }
}
