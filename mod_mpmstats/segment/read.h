/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/read.h
 * @brief Reading a segment, from a file that nobody vouches for or from this process's own mapping.
 *
 * A file is read into memory, never mapped: whoever cuts it off under our eyes cannot make us
 * crash. Every offset and size in it is checked before it is used. Fields are found by name in the
 * description the segment carries, so that a segment of another build is read as far as both know
 * the same fields: what it does not have is SEGMENT_UNKNOWN, an empty text, an unknown histogram, a
 * section without records.
 *
 * Words are copied one by one while others write them: each is true by itself, two of them need not
 * fit exactly. Texts are NUL-terminated; what they hold may come from clients and may not be UTF-8:
 * escape it (base/escape.h).
 *
 * Ownership: a view owns its copy of the file until segment_close(). A view of a mapping borrows
 * that. Threads: a view is constant; any thread may ask it.
 */
#ifndef MPMSTATS_SEGMENT_READ_H
#define MPMSTATS_SEGMENT_READ_H

#include "segment/segment.h"
#include "segment/write.h"

typedef struct segment_view_t segment_view_t;

/**
 * Reads the segment in file @a path. Waits for nothing; tries a few times, for some milliseconds,
 * while names change.
 * @return NULL and @a failure when there is none, or what is there cannot be one
 */
segment_view_t *segment_open(const char *path, segment_failure_t *failure);

/** The same of @a size bytes that somebody has read; they are copied. */
segment_view_t *segment_open_bytes(const void *bytes, size_t size, segment_failure_t *failure);

/**
 * A view of the segment that this process has mapped, of what is there at the moment of each
 * question. NULL: no memory.
 */
segment_view_t *segment_view(const segment_t *segment);

/** May be NULL. */
void segment_close(segment_view_t *view);

/** When the segment was made, microseconds since the epoch. */
uint64_t segment_created(const segment_view_t *view);

/**
 * Whether the server that writes it is alive, as far as its lock tells; true for a view of a
 * mapping, false for bytes.
 */
bool segment_live(const segment_view_t *view);

/** Records in a section; 0 if the segment has no such section. */
size_t segment_records(const segment_view_t *view, segment_section_e section);

/*
 * Copies record number `index`, as far as it is known. False, and all unknown, past the last
 * record. Of a process, virtual host, listener or scoreboard field the caller looks whether the
 * record is used: one without a pid, name or address is not. An event is given only when it is
 * whole.
 */
bool segment_get_server(const segment_view_t *view, segment_server_t *server);
bool segment_get_listener(const segment_view_t *view, size_t index, segment_listener_t *listener);
bool segment_get_process(const segment_view_t *view, size_t index, segment_process_t *process);
bool segment_get_vhost(const segment_view_t *view, size_t index, segment_vhost_t *vhost);
bool segment_get_handler(const segment_view_t *view, size_t index, segment_handler_t *handler);
bool segment_get_event(const segment_view_t *view, size_t index, segment_event_t *event);
bool segment_get_board(const segment_view_t *view, segment_board_t *board);
bool segment_get_worker(const segment_view_t *view, size_t index, segment_worker_t *worker);
bool segment_get_board_field(const segment_view_t *view, size_t index,
                             segment_board_field_t *field);

/**
 * Copies a histogram: SEGMENT_COUNTS(view, vhost, VHOST, total, i, &counts). False, and @a counts
 * empty, when it is not known.
 * @param shared_offset  of the field in segment_NAME_rec_t
 */
bool segment_get_counts(const segment_view_t *view, segment_section_e section, size_t shared_offset,
                        size_t index, histogram_counts_t *counts);
#define SEGMENT_COUNTS(view, name, SECTION, field, index, counts) \
    segment_get_counts((view), SEGMENT_S_##SECTION, offsetof(segment_##name##_rec_t, field), \
                       (index), (counts))

/**
 * The events there are, oldest first, at most @a room of them (then the latest). @return how many
 */
size_t segment_get_events(const segment_view_t *view, segment_event_t *events, size_t room);

/** A value of a record's copy by its field, for those who walk segment_section()'s list. */
uint64_t segment_number_in(const void *plain, const segment_field_t *field);
const char *segment_text_in(const void *plain, const segment_field_t *field);

/** httpd's scoreboard as the segment has it; NULL: not in here. */
const void *segment_board_image(const segment_view_t *view, size_t *size);

#endif
