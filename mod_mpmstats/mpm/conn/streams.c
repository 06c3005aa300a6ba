/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 streams, ordered by age. */
#include "mpm/conn/streams.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/lock.h"
#include "mpm/process/child.h"

typedef struct stream_t {
    apr_time_t since; /* monotonic */
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
