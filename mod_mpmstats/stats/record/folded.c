/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/record/folded.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "apr_hash.h"
#include "apr_time.h"

/* A host without requests for this time yields its record to a busier one. */
#define LONG_TIME apr_time_from_sec(24 * 3600)

static uint64_t requests_of(const segment_vhost_rec_t *vhost)
{
    return segment_get(&vhost->responses_1xx) + segment_get(&vhost->responses_2xx)
        + segment_get(&vhost->responses_3xx) + segment_get(&vhost->responses_4xx)
        + segment_get(&vhost->responses_5xx) + segment_get(&vhost->responses_other);
}

/* Updates `seen` and `since` of all records; without memory no record counts as idle. */
static void note_records(folded_t *folded, const segment_t *segment, apr_time_t now)
{
    unsigned records = segment_vhost_other(segment);

    if (folded->seen == NULL) {
        folded->seen = calloc(records, sizeof(*folded->seen));
        folded->since = calloc(records, sizeof(*folded->since));
    }
    for (unsigned i = 0; folded->seen != NULL && folded->since != NULL && i < records; i++) {
        uint64_t requests = requests_of(&segment->vhost[i]);

        if (requests != folded->seen[i] || folded->since[i] == 0) {
            folded->seen[i] = requests;
            folded->since[i] = now;
        }
    }
}

static bool is_idle(const folded_t *folded, const segment_t *segment, unsigned row, apr_time_t now)
{
    const segment_vhost_rec_t *vhost = &segment->vhost[row];

    return segment_get(&vhost->in_flight) == 0
        && (requests_of(vhost) == 0
            || (folded->seen != NULL && folded->since != NULL
                && now - folded->since[row] >= LONG_TIME));
}

typedef struct {
    unsigned number;
    unsigned rank; /* lowest first */
    uint64_t requests;
} place_t;

enum { BACK, BUSY, YIELDS, REST };

static int compare(const void *a, const void *b)
{
    const place_t *one = a, *two = b;

    if (one->rank != two->rank) {
        return one->rank < two->rank ? -1 : 1;
    }
    if (one->requests != two->requests) {
        return one->requests > two->requests ? -1 : 1;
    }
    return one->number < two->number ? -1 : one->number > two->number;
}

static unsigned row_named(const segment_t *segment, const char *name)
{
    unsigned row = 0;

    while (row < segment_vhost_other(segment) && !segment_is_text(segment->vhost[row].name, name)) {
        row++;
    }
    return row;
}

static void rank_one(const folded_t *folded, const segment_t *segment, const char *name,
                     apr_hash_t *before, apr_time_t now, place_t *place)
{
    const _Atomic uint64_t *counter = apr_hash_get(before, name, APR_HASH_KEY_STRING);
    unsigned row = row_named(segment, name);
    bool has = row != segment_vhost_other(segment);

    place->rank = REST;
    if (counter != NULL) {
        place->requests = segment_get(counter);
        place->rank = place->requests > 0 ? BUSY : REST;
    }
    else if (has && segment_get(&segment->vhost[row].retired) != 0) {
        place->rank = BACK;
    }
    else if (has && is_idle(folded, segment, row, now)) {
        place->rank = YIELDS;
    }
}

segment_rank_t folded_rank(folded_t *folded, const segment_t *segment, const char *const *names,
                           unsigned count, apr_pool_t *ptemp)
{
    place_t *places = apr_pcalloc(ptemp, count * sizeof(*places));
    unsigned *order = apr_palloc(ptemp, count * sizeof(*order));
    bool *yields = apr_pcalloc(ptemp, count * sizeof(*yields));
    apr_hash_t *before = apr_hash_make(ptemp);
    apr_time_t now = apr_time_now();
    const char *name = folded->names;

    note_records(folded, segment, now);
    for (unsigned i = 0; i < folded->count; i++) {
        apr_hash_set(before, name, APR_HASH_KEY_STRING, &folded->requests[i]);
        name += strlen(name) + 1;
    }
    for (unsigned i = 0; i < count; i++) {
        places[i].number = i;
        rank_one(folded, segment, names[i], before, now, &places[i]);
        yields[i] = places[i].rank == YIELDS;
    }
    qsort(places, count, sizeof(*places), compare);
    for (unsigned i = 0; i < count; i++) {
        order[i] = places[i].number;
    }
    return (segment_rank_t){ order, yields };
}

static void forget(folded_t *folded)
{
    if (folded->requests != NULL) {
        munmap(folded->requests, folded->count * sizeof(*folded->requests));
    }
    free(folded->names);
    folded->names = NULL;
    folded->requests = NULL;
    folded->count = 0;
}

/* False: no memory, so nothing is counted and the records stay as they are. */
static bool make_room(folded_t *folded, unsigned count, size_t names_bytes)
{
    void *memory = mmap(NULL, count * sizeof(*folded->requests), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *names = malloc(names_bytes);

    if (memory == MAP_FAILED || names == NULL) {
        if (memory != MAP_FAILED) {
            munmap(memory, count * sizeof(*folded->requests));
        }
        free(names);
        return false;
    }
    folded->names = names;
    folded->requests = memory;
    folded->count = count;
    return true;
}

void folded_begin(folded_t *folded, const segment_t *segment, const char *const *names,
                  const unsigned *rows, unsigned count, _Atomic uint64_t **counters,
                  apr_pool_t *ptemp)
{
    apr_hash_t *known = apr_hash_make(ptemp);
    size_t names_bytes = 0;
    unsigned next = 0;
    char *end;

    forget(folded);
    for (unsigned i = 0; i < count; i++) {
        if (rows[i] == segment_vhost_other(segment)
            && apr_hash_get(known, names[i], APR_HASH_KEY_STRING) == NULL) {
            apr_hash_set(known, names[i], APR_HASH_KEY_STRING, names[i]);
            names_bytes += strlen(names[i]) + 1;
        }
    }
    if (names_bytes == 0 || !make_room(folded, apr_hash_count(known), names_bytes)) {
        return;
    }
    apr_hash_clear(known);
    end = folded->names;
    for (unsigned i = 0; i < count; i++) {
        if (rows[i] != segment_vhost_other(segment)) {
            continue;
        }
        counters[i] = apr_hash_get(known, names[i], APR_HASH_KEY_STRING);
        if (counters[i] == NULL) {
            end = stpcpy(end, names[i]) + 1;
            counters[i] = &folded->requests[next++];
            apr_hash_set(known, names[i], APR_HASH_KEY_STRING, counters[i]);
        }
    }
}
