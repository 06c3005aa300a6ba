/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment as another build might write it: sections and fields are put together by
 * hand, in any order, of any size. Also what the fuzz target's corpus was made with.
 */
#ifndef TESTS_SEGMENT_FOREIGN_H
#define TESTS_SEGMENT_FOREIGN_H

#include "segment/segment.h"

#include <stdlib.h>
#include <string.h>

enum { FOREIGN_SECTIONS = 16, FOREIGN_FIELDS = 64, FOREIGN_BYTES = 1 << 16 };

/*
 * All of `bytes` up to `size` is the segment; a test may change what it likes and call
 * foreign_seal().
 */
typedef struct {
    segment_section_file_t sections[FOREIGN_SECTIONS];
    segment_field_file_t fields[FOREIGN_FIELDS];
    uint32_t section_count, field_count, sub_bits;
    size_t size;
    _Alignas(8) unsigned char bytes[FOREIGN_BYTES];
} foreign_t;

static inline segment_head_t *foreign_head(foreign_t *f)
{
    return (segment_head_t *)(void *)f->bytes;
}

/* The fields that follow are this section's. */
static inline void foreign_section(foreign_t *f, const char *name, uint64_t record_size,
                                   uint64_t record_count)
{
    segment_section_file_t *s = &f->sections[f->section_count++];

    strncpy(s->name, name, sizeof(s->name) - 1);
    s->record_size = record_size;
    s->record_count = record_count;
    s->first_field = f->field_count;
}

static inline void foreign_field(foreign_t *f, const char *name, uint32_t store, uint64_t offset,
                                 uint32_t count)
{
    segment_field_file_t *field = &f->fields[f->field_count++];

    strncpy(field->name, name, sizeof(field->name) - 1);
    field->store = store;
    field->kind = SEGMENT_KIND_GAUGE;
    field->unit = SEGMENT_UNIT_NONE;
    field->offset = offset;
    field->count = count;
    f->sections[f->section_count - 1].field_count++;
}

/* Makes the check agree with what is there. */
static inline void foreign_seal(void *bytes, size_t size)
{
    segment_head_t *head = bytes;
    size_t sections, fields;
    uint64_t check;

    if (size < sizeof(*head)) {
        return;
    }
    sections = (size_t)head->section_size * head->section_count;
    fields = (size_t)head->field_size * head->field_count;
    if (head->sections_offset > size || sections > size - head->sections_offset
        || head->fields_offset > size || fields > size - head->fields_offset) {
        return;
    }
    check = segment_check(SEGMENT_CHECK_START, head, offsetof(segment_head_t, check));
    check = segment_check(check, (char *)head + head->sections_offset, sections);
    head->check = segment_check(check, (char *)head + head->fields_offset, fields);
}

/* Lays out head, description and empty sections. */
static inline void foreign_finish(foreign_t *f)
{
    segment_head_t *head = foreign_head(f);
    size_t at = sizeof(*head);

    memcpy(head->magic, SEGMENT_MAGIC, 8);
    head->endian = SEGMENT_ENDIAN;
    head->version = SEGMENT_VERSION;
    head->head_size = sizeof(*head);
    head->section_size = sizeof(segment_section_file_t);
    head->section_count = f->section_count;
    head->field_size = sizeof(segment_field_file_t);
    head->field_count = f->field_count;
    head->histogram_sub_bits = f->sub_bits;
    head->sections_offset = at;
    at += f->section_count * sizeof(segment_section_file_t);
    head->fields_offset = at;
    at += f->field_count * sizeof(segment_field_file_t);
    for (uint32_t i = 0; i < f->section_count; i++) {
        f->sections[i].offset = at;
        at += (size_t)(f->sections[i].record_size * f->sections[i].record_count);
    }
    head->total_size = f->size = at;
    memcpy(f->bytes + head->sections_offset, f->sections,
           f->section_count * sizeof(f->sections[0]));
    memcpy(f->bytes + head->fields_offset, f->fields, f->field_count * sizeof(f->fields[0]));
    foreign_seal(f->bytes, f->size);
}

static inline void foreign_put(foreign_t *f, unsigned section, size_t record, size_t offset,
                               const void *data, size_t len)
{
    memcpy(f->bytes + f->sections[section].offset + record * f->sections[section].record_size
               + offset,
           data, len);
}

static inline void foreign_put_number(foreign_t *f, unsigned section, size_t record, size_t offset,
                                      uint64_t number)
{
    foreign_put(f, section, record, offset, &number, sizeof(number));
}

/*
 * A small build: other sizes, other order, a field and a section nobody here knows, histograms of 4
 * buckets a power of two.
 */
static inline void foreign_small(foreign_t *f)
{
    memset(f, 0, sizeof(*f));
    f->sub_bits = 2;
    foreign_section(f, "novelty", 24, 2);
    foreign_field(f, "sparkle", 77, 8, 9);
    foreign_section(f, "vhost", 8 + 32 + 16 + 40 * 8, 3);
    foreign_field(f, "total", SEGMENT_STORE_HISTOGRAM, 40, 40);
    foreign_field(f, "responses_2xx", SEGMENT_STORE_NUMBER, 0, 1);
    foreign_field(f, "name", SEGMENT_STORE_TEXT, 8, 32);
    foreign_section(f, "server", 64, 1);
    foreign_field(f, "mpm", SEGMENT_STORE_TEXT, 0, 8);
    foreign_field(f, "glitter", SEGMENT_STORE_NUMBER, 8, 1);
    foreign_field(f, "pid", SEGMENT_STORE_NUMBER, 16, 1);
    foreign_field(f, "version", SEGMENT_STORE_NUMBER, 24, 1);
    foreign_section(f, "event", 64, 4);
    foreign_field(f, "turn_again", SEGMENT_STORE_NUMBER, 40, 1);
    foreign_field(f, "turn", SEGMENT_STORE_NUMBER, 32, 1);
    foreign_field(f, "kind", SEGMENT_STORE_NUMBER, 0, 1);
    foreign_section(f, "board", 120, 1);
    foreign_field(f, "path", SEGMENT_STORE_TEXT, 0, 16);
    foreign_field(f, "length", SEGMENT_STORE_NUMBER, 16, 1);
    foreign_field(f, "server_limit", SEGMENT_STORE_NUMBER, 24, 1);
    foreign_field(f, "thread_limit", SEGMENT_STORE_NUMBER, 32, 1);
    foreign_field(f, "global_offset", SEGMENT_STORE_NUMBER, 40, 1);
    foreign_field(f, "process_offset", SEGMENT_STORE_NUMBER, 48, 1);
    foreign_field(f, "process_step", SEGMENT_STORE_NUMBER, 56, 1);
    foreign_field(f, "worker_offset", SEGMENT_STORE_NUMBER, 64, 1);
    foreign_field(f, "worker_step", SEGMENT_STORE_NUMBER, 72, 1);
    foreign_field(f, "offset", SEGMENT_STORE_NUMBER, 80, 1);
    foreign_section(f, "board_field", 64, 3);
    foreign_field(f, "record", SEGMENT_STORE_TEXT, 0, 8);
    foreign_field(f, "name", SEGMENT_STORE_TEXT, 8, 16);
    foreign_field(f, "offset", SEGMENT_STORE_NUMBER, 24, 1);
    foreign_field(f, "length", SEGMENT_STORE_NUMBER, 32, 1);
    foreign_field(f, "type", SEGMENT_STORE_NUMBER, 40, 1);
    foreign_section(f, "board_image", 200, 1);
    foreign_finish(f);
    foreign_put_number(f, 1, 0, 0, 41);
    foreign_put(f, 1, 0, 8, "example.org:443", 16);
    foreign_put_number(f, 1, 0, 40, 5000);
    foreign_put_number(f, 1, 0, 48, 3000);
    foreign_put_number(f, 1, 0, 40 + 16 + 8 * 31, 2);
    foreign_put(f, 1, 1, 8, "not ended, and longer than its own field", 32);
    foreign_put(f, 2, 0, 0, "elastic!", 8);
    foreign_put_number(f, 2, 0, 16, 4711);
    for (unsigned i = 0; i < 4; i++) {
        foreign_put_number(f, 3, i, 0, SEGMENT_EVENT_CRASH);
        foreign_put_number(f, 3, i, 32, i == 1 ? 13 : 10 - 2 * i);
        foreign_put_number(f, 3, i, 40, i == 2 ? 8 : 10 - 2 * i);
    }
    foreign_put_number(f, 4, 0, 16, 200);
    foreign_put_number(f, 4, 0, 24, 2);
    foreign_put_number(f, 4, 0, 32, 3);
    foreign_put_number(f, 4, 0, 48, 8);
    foreign_put_number(f, 4, 0, 56, 16);
    foreign_put_number(f, 4, 0, 64, 40);
    foreign_put_number(f, 4, 0, 72, 24);
    foreign_put(f, 5, 0, 0, "process", 8);
    foreign_put(f, 5, 0, 8, "pid", 4);
    foreign_put_number(f, 5, 0, 24, 4);
    foreign_put_number(f, 5, 0, 32, 4);
    foreign_put_number(f, 5, 0, 40, 2);
    foreign_put(f, 5, 1, 0, "worker", 7);
    foreign_put(f, 5, 1, 8, "status", 7);
    foreign_put_number(f, 5, 1, 24, 23);
    foreign_put_number(f, 5, 1, 32, 1);
    foreign_put_number(f, 5, 1, 40, 1);
    foreign_put(f, 5, 2, 0, "worker", 7);
    foreign_put(f, 5, 2, 8, "request", 8);
    foreign_put_number(f, 5, 2, 24, 0);
    foreign_put_number(f, 5, 2, 32, 16);
    foreign_put_number(f, 5, 2, 40, 3);
}

#endif
