/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wait of a stream is known only when it starts to run, so the number of waiting streams cannot
 * be sampled. The sum of their waits in a window, divided by its length, is their average number
 * (Little's law). Only the part of a wait within the window counts, so the average never exceeds
 * the number of streams.
 */
#include "stats/record/streams.h"

#include "stats/record/record.h"

/*
 * Microseconds: the minimum window of the average, and the time of continuous waits that counts as
 * saturation.
 */
#define WINDOW UINT64_C(1000000)
#define LASTING UINT64_C(3000000)

/* Resets the figures when a restart has loaded mod_http2. */
static void begin(void)
{
    segment_server_rec_t *server = record.segment->server;

    segment_set(&server->streams_queued_peak, 0);
    segment_set(&server->streams_queued_since, 0);
    segment_set(&server->streams_saturated, 0);
    segment_set(&server->streams_queued, 0);
}

void record_streams_ran(int64_t now, int64_t waited)
{
    segment_head_t *head = record.segment->head;
    int64_t window = now - (int64_t)segment_get(&head->streams_clock);

    if (waited > window) {
        waited = window;
    }
    if (__builtin_expect(segment_get(&record.segment->server->streams_queued) == SEGMENT_UNKNOWN,
                         0)) {
        begin();
    }
    if (waited > 0) {
        segment_add(&head->streams_waited, (uint64_t)waited);
    }
}

static void tell(segment_server_rec_t *server, uint64_t queued, uint64_t window)
{
    uint64_t now = (uint64_t)apr_time_now(), since = segment_get(&server->streams_queued_since);

    if (queued == 0) {
        since = 0;
    }
    else if (since == 0) {
        since = now - window;
    }
    segment_set(&server->streams_queued, queued);
    segment_raise(&server->streams_queued_peak, queued);
    segment_set(&server->streams_queued_since, since);
    segment_set(&server->streams_saturated, since != 0 && now - since >= LASTING);
}

void record_streams_look(int64_t now)
{
    segment_head_t *head = record.segment->head;
    uint64_t begun = segment_get(&head->streams_clock);
    uint64_t waited;

    if (segment_get(&record.segment->server->streams_queued) == SEGMENT_UNKNOWN
        || (uint64_t)now < begun + WINDOW
        || !atomic_compare_exchange_strong_explicit(&head->streams_clock, &begun, (uint64_t)now,
                                                    memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    waited = atomic_exchange_explicit(&head->streams_waited, 0, memory_order_relaxed);
    if (begun != 0) {
        tell(record.segment->server, waited / ((uint64_t)now - begun), (uint64_t)now - begun);
    }
}
