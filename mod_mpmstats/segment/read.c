/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading records of a segment. Opening and validating one is in segment/open.c.
 */
#include "segment/opened.h"

#include <stdlib.h>
#include <string.h>

static bool section_has(const segment_view_t *view, segment_section_e section, size_t index)
{
    return index < view->sections[section].count;
}

static const char *record_at(const segment_view_t *view, segment_section_e section, size_t index)
{
    const segment_place_in_t *place = &view->sections[section];

    return view->base + place->offset + index * place->size;
}

/* Acquire order, which events need; free on x86. */
static uint64_t word_at(const char *at)
{
    return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_ACQUIRE);
}

static void copy_text(char *to, size_t size, const char *from, size_t length)
{
    for (size_t i = 0; i < length && i < size; i += 8) {
        uint64_t word = word_at(from + i);

        memcpy(to + i, &word, 8);
    }
    to[(length < size ? length : size) - 1] = '\0';
}

static void copy_field(const segment_field_in_t *in, const char *record,
                       const segment_field_t *field, char *plain)
{
    char *to = plain + field->plain_offset;

    switch (field->store) {
    case SEGMENT_STORE_NUMBER:
        *(uint64_t *)(void *)to = in->known ? word_at(record + in->offset) : SEGMENT_UNKNOWN;
        break;
    case SEGMENT_STORE_TEXT:
        memset(to, 0, field->size);
        if (in->known) {
            copy_text(to, field->size, record + in->offset, in->count);
        }
        break;
    case SEGMENT_STORE_HISTOGRAM:
        break;
    }
}

static bool get_record(const segment_view_t *view, segment_section_e section, size_t index,
                       void *plain)
{
    static const segment_field_in_t nowhere = { false, 0, 0 };
    const segment_section_t *about = segment_section(section);
    bool there = section_has(view, section, index);
    const char *record = there ? record_at(view, section, index) : NULL;

    for (unsigned i = 0; i < about->field_count; i++) {
        copy_field(there ? &view->fields[section][i] : &nowhere, record, &about->fields[i], plain);
    }
    return there;
}

bool segment_get_server(const segment_view_t *view, segment_server_t *server)
{
    return get_record(view, SEGMENT_S_SERVER, 0, server);
}

bool segment_get_listener(const segment_view_t *view, size_t index, segment_listener_t *listener)
{
    return get_record(view, SEGMENT_S_LISTENER, index, listener);
}

bool segment_get_process(const segment_view_t *view, size_t index, segment_process_t *process)
{
    return get_record(view, SEGMENT_S_PROCESS, index, process);
}

bool segment_get_vhost(const segment_view_t *view, size_t index, segment_vhost_t *vhost)
{
    return get_record(view, SEGMENT_S_VHOST, index, vhost);
}

bool segment_get_handler(const segment_view_t *view, size_t index, segment_handler_t *handler)
{
    return get_record(view, SEGMENT_S_HANDLER, index, handler);
}

bool segment_get_board(const segment_view_t *view, segment_board_t *board)
{
    return get_record(view, SEGMENT_S_BOARD, 0, board);
}

bool segment_get_board_field(const segment_view_t *view, size_t index, segment_board_field_t *field)
{
    return get_record(view, SEGMENT_S_BOARD_FIELD, index, field);
}

bool segment_get_worker(const segment_view_t *view, size_t index, segment_worker_t *worker)
{
    return get_record(view, SEGMENT_S_WORKER, index, worker);
}

bool segment_get_stream(const segment_view_t *view, size_t index, segment_stream_t *stream)
{
    return get_record(view, SEGMENT_S_STREAM, index, stream);
}

size_t segment_streams_each(const segment_view_t *view)
{
    size_t processes = segment_records(view, SEGMENT_S_PROCESS);

    return processes > 0 ? segment_records(view, SEGMENT_S_STREAM) / processes : 0;
}

/* ---- events ------------------------------------------------------------------ */

/*
 * The fields are read in the order of figures.def: turn first, turn_again last. See segment/ring.c.
 */
bool segment_get_event(const segment_view_t *view, size_t index, segment_event_t *event)
{
    return get_record(view, SEGMENT_S_EVENT, index, event) && event->turn != 0
        && event->turn != SEGMENT_UNKNOWN && event->turn % 2 == 0
        && event->turn == event->turn_again;
}

static int by_turn(const void *a, const void *b)
{
    uint64_t x = ((const segment_event_t *)a)->turn, y = ((const segment_event_t *)b)->turn;

    return x < y ? -1 : x > y;
}

/*
 * The place for an event: a free one, or that of the oldest event if that is older; NULL: the new
 * one is the oldest.
 */
static segment_event_t *place_for(segment_event_t *events, size_t count, size_t room, uint64_t turn)
{
    segment_event_t *oldest = events;

    if (count < room) {
        return &events[count];
    }
    for (size_t i = 1; i < room; i++) {
        oldest = events[i].turn < oldest->turn ? &events[i] : oldest;
    }
    return oldest->turn < turn ? oldest : NULL;
}

size_t segment_get_events(const segment_view_t *view, segment_event_t *events, size_t room)
{
    size_t count = 0, records = segment_records(view, SEGMENT_S_EVENT);
    segment_event_t event = { 0 };

    for (size_t i = 0; i < records && room > 0; i++) {
        segment_event_t *place;

        if (!segment_get_event(view, i, &event)) {
            continue;
        }
        place = place_for(events, count, room, event.turn);
        if (place != NULL) {
            *place = event;
            count += count < room;
        }
    }
    qsort(events, count, sizeof(*events), by_turn);
    return count;
}

/* ---- histograms -------------------------------------------------------------- */

static const segment_field_in_t *histogram_at(const segment_view_t *view, segment_section_e section,
                                              size_t shared_offset)
{
    const segment_section_t *about = segment_section(section);

    for (unsigned i = 0; i < about->field_count; i++) {
        if (about->fields[i].shared_offset == shared_offset
            && about->fields[i].store == SEGMENT_STORE_HISTOGRAM) {
            return &view->fields[section][i];
        }
    }
    return NULL;
}

static void import_counts(const segment_view_t *view, const char *at, size_t buckets,
                          histogram_counts_t *counts)
{
    histogram_foreign_t foreign = {
        .sum = word_at(at),
        .max = word_at(at + 8),
        .sub_bits = view->sub_bits,
        .buckets = buckets,
        .bucket = (const _Atomic uint64_t *)(const void *)(at + 16),
    };

    histogram_import(counts, &foreign);
}

bool segment_get_counts(const segment_view_t *view, segment_section_e section, size_t shared_offset,
                        size_t index, histogram_counts_t *counts)
{
    const segment_field_in_t *in = histogram_at(view, section, shared_offset);
    const char *at;

    at = in != NULL && in->known && section_has(view, section, index)
        ? record_at(view, section, index) + in->offset
        : NULL;
    if (at == NULL || word_at(at) == SEGMENT_UNKNOWN) {
        memset(counts, 0, sizeof(*counts));
        return false;
    }
    import_counts(view, at, in->count, counts);
    return true;
}

/* ---- the rest ---------------------------------------------------------------- */

uint64_t segment_created(const segment_view_t *view)
{
    return view->created;
}

bool segment_live(const segment_view_t *view)
{
    return view->live;
}

size_t segment_records(const segment_view_t *view, segment_section_e section)
{
    return view->sections[section].count;
}

uint64_t segment_number_in(const void *plain, const segment_field_t *field)
{
    return *(const uint64_t *)(const void *)((const char *)plain + field->plain_offset);
}

const char *segment_text_in(const void *plain, const segment_field_t *field)
{
    return (const char *)plain + field->plain_offset;
}

const void *segment_board_image(const segment_view_t *view, size_t *size)
{
    const segment_place_in_t *place = &view->sections[SEGMENT_S_BOARD_IMAGE];

    if (place->count == 0) {
        *size = 0;
        return NULL;
    }
    *size = place->size;
    return view->base + place->offset;
}
