/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/record/extended.h"

#include <stdbool.h>
#include <string.h>

#include "scoreboard.h"

#include "base/lock.h"
#include "stats/facts.h"
#include "stats/record/record.h"

/* Guards `needs` and, in a child, writes of ap_extended_status; taken for a page or a connection. */
static pthread_mutex_t lock = LOCK_INITIALIZER;
static unsigned needs; /* calls of record_extended_need() without their record_extended_done() */

/* Those that are for connections. Any thread. */
static _Atomic unsigned carriers;

/* httpd's code reads the variable on any thread, without a lock. */
static void set(bool on)
{
    MUST_HOLD(lock_is_mine(&lock));
    __atomic_store_n(&ap_extended_status, on, __ATOMIC_SEQ_CST);
}

void record_extended_child_init(void)
{
    record.extended = facts_get()->details == FACTS_DETAILS_HTTPD;
    if (record.extended) {
        pthread_mutex_lock(&lock);
        needs = 0;
        set(false);
        pthread_mutex_unlock(&lock);
    }
}

void record_extended_need(void)
{
    MUST_HOLD(record.extended);
    pthread_mutex_lock(&lock);
    if (needs++ == 0) {
        set(true);
    }
    pthread_mutex_unlock(&lock);
}

void record_extended_done(void)
{
    pthread_mutex_lock(&lock);
    MUST_HOLD(needs > 0);
    if (--needs == 0) {
        set(false);
    }
    pthread_mutex_unlock(&lock);
}

void record_extended_carries(record_conn_t *carrier)
{
    if (record.extended
        && !atomic_exchange_explicit(&carrier->extended, true, memory_order_relaxed)) {
        record_extended_need();
        atomic_fetch_add_explicit(&carriers, 1, memory_order_relaxed);
    }
}

void record_extended_closed(record_conn_t *conn)
{
    if (atomic_load_explicit(&conn->extended, memory_order_relaxed)) {
        atomic_fetch_sub_explicit(&carriers, 1, memory_order_relaxed);
        record_extended_done();
    }
}

bool record_extended_stays(void)
{
    return atomic_load_explicit(&carriers, memory_order_relaxed) != 0;
}

static apr_status_t done(void *data)
{
    (void)data;
    record_extended_done();
    return APR_SUCCESS;
}

/* The names that mod_status answers to. */
static bool is_mod_status(const char *handler)
{
    return strcmp(handler, "server-status") == 0
        || strcmp(handler, "application/x-httpd-status") == 0;
}

void record_extended_handler(request_rec *r)
{
    record_request_t *request;

    if (!is_mod_status(r->handler)) {
        return;
    }
    request = record_request_of(r);
    if (request != NULL && request->extended) {
        return;
    }
    record_extended_need();
    if (request != NULL) {
        request->extended = true;
    }
    else {
        apr_pool_cleanup_register(r->pool, NULL, done, apr_pool_cleanup_null);
    }
}

static apr_status_t give_back(void *data)
{
    record_conn_t *conn = data;

    conn->c->sbh = conn->sbh;
    return APR_SUCCESS;
}

/*
 * httpd runs log_transaction in a pre-cleanup of the request's pool: one that is registered there
 * runs next, with nothing but ap_increment_counts() in between. Where httpd runs the hook
 * elsewhere, it destroys the pool at once.
 */
void record_extended_hide(request_rec *r, record_conn_t *conn)
{
    if (record.extended && r->connection->sbh != NULL) {
        conn->sbh = r->connection->sbh;
        r->connection->sbh = NULL;
        apr_pool_pre_cleanup_register(r->pool, conn, give_back);
    }
}
