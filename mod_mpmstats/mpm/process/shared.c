/* SPDX-License-Identifier: Apache-2.0 */
/* The shared counters, and the optional functions that read them. */
#include "mpm/process/shared.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apr_strings.h"
#include "httpd.h"
#include "mpm/module.h"

/* Within this time a thread that read `mine` before a move has finished counting there. */
#define MOVE_TIME apr_time_from_msec(1)

static size_t size_of(int slots, int threads)
{
    return sizeof(shared_server_t)
        + (size_t)(slots + SHARED_EXTRA) * (sizeof(shared_process_t) + sizeof(shared_mail_t))
        + (size_t)slots * (size_t)threads * sizeof(shared_worker_t);
}

shared_t *shared_create(int slots, int threads)
{
    int records = slots + SHARED_EXTRA;
    shared_server_t *server = mmap(NULL, size_of(slots, threads), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared_t *shared;

    if (server == MAP_FAILED) {
        return NULL;
    }
    shared = ap_calloc(1, sizeof(*shared));
    shared->slots = records;
    shared->boards = slots;
    shared->threads = threads;
    shared->server = server;
    shared->process = (shared_process_t *)(server + 1);
    shared->mail = (shared_mail_t *)(shared->process + records);
    shared->worker = (shared_worker_t *)(shared->mail + records);
    return shared;
}

void shared_inherit(shared_t *shared, const shared_t *old)
{
    int i;

    shared_set(shared->server->saturations, shared_get(old->server->saturations));
    shared_set(shared->server->crashes, shared_get(old->server->crashes));
    shared_set(shared->server->stuck, shared_get(old->server->stuck));
    for (i = 0; i < MPM_HYBRID_SHORTAGES; i++) {
        shared_set(shared->server->shortages[i].count, shared_get(old->server->shortages[i].count));
    }
}

void shared_destroy(shared_t *shared)
{
    if (shared != NULL) {
        munmap(shared->server, size_of(shared->boards, shared->threads));
        free(shared);
    }
}

typedef apr_uint64_t __attribute__((may_alias)) word_t;

/* Copy a record, or zero it (NULL). Word by word, as other processes read it meanwhile. */
static void copy_record(shared_process_t *to, const shared_process_t *from)
{
    _Atomic word_t *words = (void *)to;
    const _Atomic word_t *source = (const void *)from;
    unsigned i;

    for (i = 0; i < sizeof(*to) / sizeof(word_t); i++) {
        shared_set(words[i], from != NULL ? shared_get(source[i]) : 0);
    }
}

void shared_begin(shared_t *shared, int slot, int generation)
{
    shared_process_t *p = &shared->process[slot];
    int i;

    for (i = 0; slot < shared->boards && i < shared->threads; i++) {
        shared_set(shared->worker[(size_t)slot * (size_t)shared->threads + (size_t)i].since, 0);
    }
    copy_record(p, NULL);
    shared_set(p->generation, generation);
    shared_set(p->started, apr_time_now());
}

/* Add to @a to what was counted in @a from since the copy @a seen was made. */
static void count_missed(shared_process_t *to, const shared_process_t *from,
                         const shared_process_t *seen)
{
    int i;

#define MISSED(field) shared_add(to->field, shared_get(from->field) - shared_get(seen->field))
    MISSED(workers);
    MISSED(workers_busy);
    MISSED(files);
    MISSED(idle_http2);
    MISSED(accepted);
    MISSED(dispatched);
    MISSED(promotions);
    MISSED(shed);
    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        MISSED(connections[i]);
    }
#undef MISSED
}

void shared_move(shared_process_t *_Atomic *mine, shared_process_t *to, int has_threads)
{
    shared_process_t *from = *mine;
    shared_process_t seen;

    if (to == from) {
        return;
    }
    copy_record(&seen, from);
    shared_set(seen.pid, 0);
    shared_set(seen.quiescing, 1);
    copy_record(to, &seen);
    *mine = to;
    shared_set(to->pid, (int)getpid());
    if (has_threads) {
        apr_sleep(MOVE_TIME);
        count_missed(to, from, &seen);
    }
}

unsigned shared_connections(const shared_process_t *p)
{
    unsigned n = 0;
    int i;

    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        n += shared_get(p->connections[i]);
    }
    return n;
}

/* @a n of @a most in per mille, at most 1000. */
static int per_mille(apr_uint64_t n, apr_uint32_t most)
{
    return n >= most ? 1000 : (int)(n * 1000 / most);
}

int shared_filled(const shared_process_t *p)
{
    apr_uint64_t n = shared_connections(p);
    int connections = per_mille(n, shared_get(p->most_connections));
    int files = per_mille(n + shared_get(p->files), shared_get(p->most_files));

    return connections > files ? connections : files;
}

bool shared_is_full(const shared_process_t *p)
{
    return shared_filled(p) == 1000;
}

void shared_end(shared_t *shared, int slot)
{
    shared_set(shared->process[slot].pid, 0);
}

/* NULL: out of range. */
static shared_worker_t *worker_record(int slot, int thread)
{
    const shared_t *shared = hybrid_retained ? hybrid_retained->shared : NULL;

    if (shared == NULL || slot < 0 || slot >= shared->boards || thread < 0
        || thread >= shared->threads) {
        return NULL;
    }
    return &shared->worker[(size_t)slot * (size_t)shared->threads + (size_t)thread];
}

/* Word by word: a concurrent reader gets a mixture at worst. */
void shared_note_handler(int slot, int thread, const char *name)
{
    shared_worker_t *w = worker_record(slot, thread);
    union {
        char text[SHARED_HANDLER_WORDS * 8];
        apr_uint64_t words[SHARED_HANDLER_WORDS];
    } copy;
    int i;

    if (w == NULL) {
        return;
    }
    memset(&copy, 0, sizeof(copy));
    memcpy(copy.text, name, strnlen(name, sizeof(copy.text)));
    for (i = 0; i < SHARED_HANDLER_WORDS; i++) {
        shared_set(w->handler[i], copy.words[i]);
    }
}

void shared_note_since(int slot, int thread, apr_time_t since)
{
    shared_worker_t *w = worker_record(slot, thread);

    if (w != NULL) {
        atomic_store_explicit(&w->since, SHARED_SINCE(since, SHARED_NEEDS_ALL),
                              memory_order_release);
    }
}

void shared_note_needs(int slot, int thread, shared_needs_e needs)
{
    shared_worker_t *w = worker_record(slot, thread);
    apr_time_t since = w == NULL ? 0 : shared_get(w->since);

    if (since != 0 && SHARED_SINCE_NEEDS(since) != needs) {
        shared_set(w->since, SHARED_SINCE(since, needs));
    }
}

apr_time_t shared_since(int slot, int thread)
{
    const shared_worker_t *w = worker_record(slot, thread);

    return w == NULL ? 0 : atomic_load_explicit(&w->since, memory_order_acquire);
}

apr_status_t shared_handler(int slot, int thread, char *name, apr_size_t size)
{
    const shared_worker_t *w = worker_record(slot, thread);
    union {
        char text[SHARED_HANDLER_WORDS * 8 + 1];
        apr_uint64_t words[SHARED_HANDLER_WORDS];
    } copy;
    int i;

    if (w == NULL) {
        return APR_ENOENT;
    }
    for (i = 0; i < SHARED_HANDLER_WORDS; i++) {
        copy.words[i] = shared_get(w->handler[i]);
    }
    copy.text[sizeof(copy.text) - 1] = '\0';
    apr_cpystrn(name, copy.text, size);
    return APR_SUCCESS;
}

apr_status_t mpm_hybrid_process_get(int slot, mpm_hybrid_process_t *out)
{
    const shared_t *shared = hybrid_retained ? hybrid_retained->shared : NULL;
    shared_process_t *p;
    int i;

    if (shared == NULL || slot < 0 || slot >= shared->slots) {
        return APR_ENOENT;
    }
    p = &hybrid_retained->shared->process[slot];
    out->pid = shared_get(p->pid);
    out->generation = shared_get(p->generation);
    out->quiescing = shared_get(p->quiescing);
    out->not_accepting = shared_get(p->not_accepting);
    out->started = shared_get(p->started);
    out->workers = shared_get(p->workers);
    out->workers_busy = shared_get(p->workers_busy);
    out->workers_peak = shared_get(p->workers_peak);
    for (i = 0; i < MPM_HYBRID_CONN_KINDS; i++) {
        out->connections[i] = shared_get(p->connections[i]);
    }
    out->accepted = shared_get(p->accepted);
    out->requests_dispatched = shared_get(p->dispatched);
    out->promotions = shared_get(p->promotions);
    out->shed = shared_get(p->shed);
    out->workers_hung = shared_get(p->hung);
    out->head_bytes = shared_get(p->head_bytes);
    out->ticked = shared_get(p->ticked);
    return APR_SUCCESS;
}

apr_status_t mpm_hybrid_events_get(mpm_hybrid_events_t *out)
{
    const shared_t *shared = hybrid_retained ? hybrid_retained->shared : NULL;
    int i;

    if (shared == NULL) {
        return APR_ENOENT;
    }
    for (i = 0; i < MPM_HYBRID_SHORTAGES; i++) {
        out->shortages[i] = shared_get(shared->server->shortages[i].count);
    }
    out->saturations = shared_get(shared->server->saturations);
    out->crashes = shared_get(shared->server->crashes);
    out->stuck = shared_get(shared->server->stuck);
    out->suspected = shared_get(shared->server->suspected);
    return APR_SUCCESS;
}
