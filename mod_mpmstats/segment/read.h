/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/read.h
 * @brief Reading a segment, from an untrusted file or from this process's own mapping.
 *
 * A file is read into memory, not mapped: truncating it cannot crash the reader. Every offset and
 * size in it is checked before use. Fields are found by name in the segment's description, so a
 * segment of another build is readable as far as both builds have the same fields. A missing field
 * is SEGMENT_UNKNOWN, an empty text or an unknown histogram; a missing section has no records.
 *
 * Words are copied one by one while others write them: each is consistent by itself, two of them
 * need not match exactly. Texts are NUL-terminated; they may come from clients and need not be
 * UTF-8: escape them (base/escape.h).
 *
 * Ownership: a view owns its copy of the file until segment_close(); a view of a mapping borrows
 * the mapping. Threads: a view is constant; any thread may read it.
 */
#ifndef MPMSTATS_SEGMENT_READ_H
#define MPMSTATS_SEGMENT_READ_H

#include "segment/segment.h"
#include "segment/write.h"

typedef struct segment_view_t segment_view_t;

/**
 * Reads the segment in file @a path. Retries for some milliseconds while names change.
 * @return NULL and @a failure if there is none or it is invalid
 */
segment_view_t *segment_open(const char *path, segment_failure_t *failure);

/** Opens a copy of @a size bytes that the caller has read. */
segment_view_t *segment_open_bytes(const void *bytes, size_t size, segment_failure_t *failure);

/**
 * A live view of the segment that this process has mapped: each call reads current values. NULL:
 * no memory.
 */
segment_view_t *segment_view(const segment_t *segment);

/** May be NULL. */
void segment_close(segment_view_t *view);

/** When the segment was created, microseconds since the epoch. */
uint64_t segment_created(const segment_view_t *view);

/**
 * Whether the server that writes it is alive, by its lock on the file; true for a view of a
 * mapping, false for bytes.
 */
bool segment_live(const segment_view_t *view);

/** Records in a section; 0 if the segment has no such section. */
size_t segment_records(const segment_view_t *view, segment_section_e section);

/*
 * Copies the known fields of record `index`. False, and all fields unknown, past the last record.
 * A process, virtual host, listener or scoreboard field without a pid, name or address is unused:
 * the caller checks. An event is returned only if it is completely written.
 */
bool segment_get_server(const segment_view_t *view, segment_server_t *server);
bool segment_get_listener(const segment_view_t *view, size_t index, segment_listener_t *listener);
bool segment_get_process(const segment_view_t *view, size_t index, segment_process_t *process);
bool segment_get_vhost(const segment_view_t *view, size_t index, segment_vhost_t *vhost);
bool segment_get_handler(const segment_view_t *view, size_t index, segment_handler_t *handler);
bool segment_get_event(const segment_view_t *view, size_t index, segment_event_t *event);
bool segment_get_board(const segment_view_t *view, segment_board_t *board);
bool segment_get_worker(const segment_view_t *view, size_t index, segment_worker_t *worker);
bool segment_get_stream(const segment_view_t *view, size_t index, segment_stream_t *stream);
bool segment_get_board_field(const segment_view_t *view, size_t index,
                             segment_board_field_t *field);

/**
 * Copies a histogram: SEGMENT_COUNTS(view, vhost, VHOST, total, i, &counts). False, and @a counts
 * empty, if it is unknown.
 * @param shared_offset  of the field in segment_NAME_rec_t
 */
bool segment_get_counts(const segment_view_t *view, segment_section_e section, size_t shared_offset,
                        size_t index, histogram_counts_t *counts);
#define SEGMENT_COUNTS(view, name, SECTION, field, index, counts) \
    segment_get_counts((view), SEGMENT_S_##SECTION, offsetof(segment_##name##_rec_t, field), \
                       (index), (counts))

/**
 * Copies the latest events, at most @a room, oldest first. @return their number
 */
size_t segment_get_events(const segment_view_t *view, segment_event_t *events, size_t room);

/** The `stream` records of each process record: those of record p begin at p times this. */
size_t segment_streams_each(const segment_view_t *view);

/** The value of a field in a copy of a record, for callers that walk segment_section()'s list. */
uint64_t segment_number_in(const void *plain, const segment_field_t *field);
const char *segment_text_in(const void *plain, const segment_field_t *field);

/** httpd's scoreboard inside the segment; NULL: it is elsewhere or nowhere. */
const void *segment_board_image(const segment_view_t *view, size_t *size);

#endif
