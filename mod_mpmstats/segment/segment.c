/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kept lines of figures.def at run time, and functions shared by writers and readers.
 */
#include "segment/segment.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ENTRY_HOT(field) ENTRY, NUMBER, field, 1, false
#define ENTRY_NUMBER(field) ENTRY, NUMBER, field, 1, false
#define ENTRY_TOLD(field) ENTRY, NUMBER, field, 1, true
#define ENTRY_TEXT(field, size) ENTRY, TEXT, field, size, false
#define ENTRY_HISTOGRAM(field) ENTRY, HISTOGRAM, field, 1, false
#define ENTRY_MADE NO_ENTRY, , , ,

#define PLAIN_OFFSET_NUMBER(record, field) offsetof(record, field)
#define PLAIN_OFFSET_TEXT(record, field) offsetof(record, field)
#define PLAIN_OFFSET_HISTOGRAM(record, field) 0

/* `kept` expands to five arguments of KEPT_PUT, the first of which is the macro to use. */
#define KEPT(record, kept, kind, unit) KEPT_AS(record, kind, unit, ENTRY_##kept)
#define KEPT_AS(...) KEPT_PUT(__VA_ARGS__)
#define KEPT_PUT(record, kind, unit, put, store, field, size, told) \
    put(record, store, field, size, told, kind, unit)
#define NO_ENTRY(record, store, field, size, told, kind, unit)
#define ENTRY(record, store, field, size, told, kind, unit) \
    { #field, \
      SEGMENT_STORE_##store, \
      SEGMENT_KIND_##kind, \
      SEGMENT_UNIT_##unit, \
      told, \
      size, \
      offsetof(segment_##record##_rec_t, field), \
      PLAIN_OFFSET_##store(segment_##record##_t, field) },

static const segment_field_t server_fields[] = {
#define SERVER_KEPT(kept, kind, unit, help) KEPT(server, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t listener_fields[] = {
#define LISTENER_KEPT(kept, kind, unit, help) KEPT(listener, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t process_fields[] = {
#define PROCESS_KEPT(kept, kind, unit, help) KEPT(process, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t vhost_fields[] = {
#define VHOST_KEPT(kept, kind, unit, help) KEPT(vhost, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t handler_fields[] = {
#define HANDLER_KEPT(kept, kind, unit, help) KEPT(handler, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t event_fields[] = {
#define EVENT_KEPT(kept, kind, unit, help) KEPT(event, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t board_fields[] = {
#define BOARD_KEPT(kept, kind, unit, help) KEPT(board, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t board_field_fields[] = {
#define BOARD_FIELD_KEPT(kept, kind, unit, help) KEPT(board_field, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t worker_fields[] = {
#define WORKER_KEPT(kept, kind, unit, help) KEPT(worker, kept, kind, unit)
#include "figures/figures.def"
};

static const segment_field_t stream_fields[] = {
#define STREAM_KEPT(kept, kind, unit, help) KEPT(stream, kept, kind, unit)
#include "figures/figures.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECTION(name) \
    { \
#name, name##_fields, COUNT(name##_fields), sizeof(segment_##name##_rec_t), \
            sizeof(segment_##name##_t) \
    }

static const segment_section_t sections[SEGMENT_S_DESCRIBED] = {
    [SEGMENT_S_SERVER] = SECTION(server),   [SEGMENT_S_LISTENER] = SECTION(listener),
    [SEGMENT_S_PROCESS] = SECTION(process), [SEGMENT_S_VHOST] = SECTION(vhost),
    [SEGMENT_S_HANDLER] = SECTION(handler), [SEGMENT_S_EVENT] = SECTION(event),
    [SEGMENT_S_BOARD] = SECTION(board),     [SEGMENT_S_BOARD_FIELD] = SECTION(board_field),
    [SEGMENT_S_WORKER] = SECTION(worker),   [SEGMENT_S_STREAM] = SECTION(stream),
};

/* Programs of other builds read the file: these sizes are part of the format. */
_Static_assert(sizeof(segment_head_t) == 128 && sizeof(segment_section_file_t) == 56
                   && sizeof(segment_field_file_t) == 56,
               "the format has changed: raise SEGMENT_VERSION");
_Static_assert(COUNT(server_fields) <= SEGMENT_VIEW_FIELDS
                   && COUNT(process_fields) <= SEGMENT_VIEW_FIELDS
                   && COUNT(vhost_fields) <= SEGMENT_VIEW_FIELDS,
               "raise SEGMENT_VIEW_FIELDS");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && sizeof(_Atomic uint32_t) == 4,
               "atomics must be plain words");

/*
 * The fields that every request writes share a cache line: each further line costs as much again.
 */
#define SAME_LINE(record, one, other) \
    _Static_assert(offsetof(record, one) / 64 == offsetof(record, other) / 64, \
                   #one " and " #other " must share a line")
SAME_LINE(segment_server_rec_t, requests_in_flight, requests_in_flight_peak);
SAME_LINE(segment_server_rec_t, requests_in_flight, connections_reused);
SAME_LINE(segment_server_rec_t, requests_in_flight, max_request_workers);
SAME_LINE(segment_server_rec_t, requests_in_flight, threads_per_child);
SAME_LINE(segment_process_rec_t, requests_in_flight, requests);
SAME_LINE(segment_process_rec_t, requests_in_flight, connections);
SAME_LINE(segment_process_rec_t, requests_in_flight, streams_running);
SAME_LINE(segment_process_rec_t, requests_in_flight, connections_accepted);
SAME_LINE(segment_vhost_rec_t, in_flight, in_flight_peak);
SAME_LINE(segment_vhost_rec_t, in_flight, responses_2xx);
SAME_LINE(segment_vhost_rec_t, in_flight, method_get);
SAME_LINE(segment_vhost_rec_t, in_flight, bytes_in);
SAME_LINE(segment_vhost_rec_t, in_flight, sent);
SAME_LINE(segment_handler_rec_t, requests, busy);
SAME_LINE(segment_handler_rec_t, requests, busy_peak);
SAME_LINE(segment_handler_rec_t, requests, time);
SAME_LINE(segment_handler_rec_t, requests, longest);
SAME_LINE(segment_handler_rec_t, requests, state);

_Static_assert(sizeof(histogram_t) % 64 == 0, "a histogram must fill its cache lines");

const segment_section_t *segment_section(segment_section_e section)
{
    return &sections[section];
}

const char *segment_section_name(segment_section_e section)
{
    switch (section) {
    case SEGMENT_S_CELLS:
        return "cells";
    case SEGMENT_S_BOARD_IMAGE:
        return "board_image";
    default:
        return sections[section].name;
    }
}

int segment_field_find(segment_section_e section, const char *name)
{
    for (unsigned i = 0; i < sections[section].field_count; i++) {
        if (strcmp(sections[section].fields[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- events ---------------------------------------------------------------- */

#define EVENT_TEXT(name, word, number, a, b, text) [number] = text,
#define EVENT_WORD(name, word, number, a, b, text) [number] = word,

static const char *const event_texts[SEGMENT_EVENT_AFTER_LAST] = { SEGMENT_EVENTS(EVENT_TEXT) };
static const char *const event_words[SEGMENT_EVENT_AFTER_LAST] = { SEGMENT_EVENTS(EVENT_WORD) };

static bool event_known(uint64_t kind)
{
    return kind < SEGMENT_EVENT_AFTER_LAST && event_texts[kind] != NULL;
}

const char *segment_event_text(uint64_t kind)
{
    return event_known(kind) ? event_texts[kind] : "unknown event";
}

const char *segment_event_word(uint64_t kind)
{
    return event_known(kind) ? event_words[kind] : "unknown";
}

/* ---- the rest -------------------------------------------------------------- */

uint64_t segment_check(uint64_t start, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i++) {
        start = (start ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return start;
}

segment_error_e segment_fail(segment_failure_t *failure, segment_error_e code, int error,
                             const char *format, ...)
{
    va_list args;

    failure->code = code;
    failure->error = error;
    va_start(args, format);
    vsnprintf(failure->text, sizeof(failure->text), format, args);
    va_end(args);
    return code;
}
