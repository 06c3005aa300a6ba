/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 streams, ordered by age. A stream is in the list until its request's pool is destroyed,
 * which may be long after its thread has run it: the rest of the answer waits in mod_http2's
 * buffers for the client. Its thread has run it once mod_http2 has set the state of the stream's
 * connection, which is the MPM's, to CONN_STATE_WRITE_COMPLETION.
 */
#include "mpm/conn/streams.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lock.h"
#include "mpm/module.h"
#include "mpm/process/child.h"

typedef struct stream_t {
    apr_time_t since; /* monotonic */
    /* constant, and valid while it is in the list: the strings live in pools of the request */
    const conn_rec *c;
    const char *method, *target, *vhost, *client;
    const char *_Atomic handler; /* NULL: none yet */
    _Atomic bool tunnel;         /* lasts as long as a connection */
    bool told;                   /* reported as hung; the ticker's */
    struct stream_t *older, *younger;
} stream_t;

static pthread_mutex_t lock = LOCK_INITIALIZER; /* a leaf */
/* guarded by lock; the list is in the order of `since` */
static stream_t *youngest;

/* With lock. */
static void note_youngest(void)
{
    MUST_HOLD(lock_is_mine(&lock));
    shared_set(child.stats->stream_since,
               youngest != NULL ? SHARED_SINCE(youngest->since, SHARED_NEEDS_ALL) : 0);
}

static apr_status_t end(void *data)
{
    stream_t *s = data;

    pthread_mutex_lock(&lock);
    if (s->older != NULL) {
        s->older->younger = s->younger;
    }
    if (s->younger != NULL) {
        s->younger->older = s->older;
    }
    else {
        youngest = s->older;
        note_youngest();
    }
    pthread_mutex_unlock(&lock);
    return APR_SUCCESS;
}

void streams_begin(request_rec *r)
{
    stream_t *s = apr_pcalloc(r->pool, sizeof(*s));

    s->c = r->connection;
    s->method = r->method;
    s->target = r->unparsed_uri;
    s->vhost = r->server->server_hostname;
    s->client = r->useragent_ip;
    ap_set_module_config(r->request_config, &mpm_hybrid_module, s);
    pthread_mutex_lock(&lock);
    s->since = clock_now();
    s->older = youngest;
    if (youngest != NULL) {
        youngest->younger = s;
    }
    youngest = s;
    note_youngest();
    pthread_mutex_unlock(&lock);
    apr_pool_cleanup_register(r->pool, s, end, apr_pool_cleanup_null);
}

void streams_note_handler(const request_rec *r)
{
    stream_t *s;

    while (r->prev != NULL) {
        r = r->prev;
    }
    s = ap_get_module_config(r->request_config, &mpm_hybrid_module);
    if (s != NULL) {
        atomic_store_explicit(&s->handler, r->handler, memory_order_release);
    }
}

void streams_note_tunnel(const request_rec *r)
{
    stream_t *s = ap_get_module_config(r->request_config, &mpm_hybrid_module);

    if (s != NULL) {
        atomic_store_explicit(&s->tunnel, true, memory_order_relaxed);
    }
}

static bool runs(const stream_t *s)
{
    return __atomic_load_n(&s->c->cs->state, __ATOMIC_RELAXED) != CONN_STATE_WRITE_COMPLETION;
}

/* The query is left out, as mod_mpmstats may have been told to keep it to itself. */
static void tell(const stream_t *s, apr_time_t now)
{
    const char *target = s->target != NULL ? s->target : "";
    const char *handler = atomic_load_explicit(&s->handler, memory_order_acquire);

    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "child %d, HTTP/2 stream has been running for %d seconds: vhost \"%s\", request "
                 "\"%s %.*s\", handler \"%s\", client %s",
                 (int)getpid(), (int)apr_time_sec(now - s->since), s->vhost, s->method,
                 (int)strcspn(target, "?"), target, handler != NULL ? handler : "",
                 s->client != NULL ? s->client : "-");
}

streams_t streams_look(apr_time_t now, apr_interval_time_t limit)
{
    streams_t seen = { 0, 0 };

    pthread_mutex_lock(&lock);
    for (stream_t *s = youngest; s != NULL; s = s->older) {
        if (!runs(s)) {
            continue;
        }
        seen.running++;
        if (limit <= 0 || now - s->since < limit
            || atomic_load_explicit(&s->tunnel, memory_order_relaxed)) {
            continue;
        }
        seen.hung++;
        if (!s->told) {
            s->told = true;
            tell(s, now);
        }
    }
    pthread_mutex_unlock(&lock);
    return seen;
}
