/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of events.
 *
 * Event n (from 1) lies in record (n - 1) modulo the number of records. Its writer sets `turn` to
 * 2n - 1 and `turn_again` to 0, writes the rest, then sets `turn_again` and `turn` to 2n. A reader
 * that reads `turn`, the rest and `turn_again` in this order and finds 2n both times has a complete
 * event: a later writer that began during the read would have changed `turn_again`. The same holds
 * for a copy of the memory made in ascending order of addresses.
 *
 * The words in between are written with release and read with acquire order, so they cannot move
 * past either turn, without a fence.
 */
#include "segment/ring.h"

#define TEXT_WORDS (sizeof(((segment_event_rec_t *)0)->text) / 8)

_Static_assert(offsetof(segment_event_rec_t, turn) == 0, "turn must be the first word");
_Static_assert(offsetof(segment_event_rec_t, turn_again) > offsetof(segment_event_rec_t, text),
               "turn_again must be the last word");

static void put(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static bool claim(segment_event_rec_t *record, uint64_t number)
{
    uint64_t turn = segment_get(&record->turn);

    return turn < 2 * number - 1 && turn % 2 == 0
        && atomic_compare_exchange_strong_explicit(&record->turn, &turn, 2 * number - 1,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

static void put_text(segment_event_rec_t *record, const char *text)
{
    _Atomic uint64_t words[TEXT_WORDS];

    segment_set_text(words, text);
    for (size_t i = 0; i < TEXT_WORDS; i++) {
        put(&record->text[i], segment_get(&words[i]));
    }
}

void segment_ring_put(segment_t *segment, segment_event_e kind, uint64_t time, uint64_t pid,
                      uint64_t a, uint64_t b, const char *text)
{
    uint64_t number = atomic_fetch_add_explicit(&segment->server->events, 1, memory_order_relaxed)
        + 1;
    segment_event_rec_t *record = &segment->event[(number - 1) % segment->shape.events];

    if (!claim(record, number)) {
        segment_add(&segment->server->events_lost, 1);
        return;
    }
    put(&record->turn_again, 0);
    put(&record->time, time);
    put(&record->kind, kind);
    put(&record->pid, pid);
    put(&record->a, a);
    put(&record->b, b);
    put_text(record, text);
    put(&record->turn_again, 2 * number);
    put(&record->turn, 2 * number);
}
