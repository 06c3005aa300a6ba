/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/opened.h
 * @brief The inside of a view: private to segment/open.c, which fills it, and segment/read.c.
 *
 * Its contents are checked: every record of a section, and every known field of a record, lies
 * within `base` and at a multiple of 8.
 */
#ifndef MPMSTATS_SEGMENT_OPENED_H
#define MPMSTATS_SEGMENT_OPENED_H

#include "segment/read.h"

typedef struct {
    size_t offset;
    size_t size;  /* of a record */
    size_t count; /* 0: the segment lacks this section */
} segment_place_in_t;

/* The position of a field of this build in the segment's records. */
typedef struct {
    bool known;
    size_t offset;
    size_t count; /* bytes of a text, buckets of a histogram */
} segment_field_in_t;

struct segment_view_t {
    const char *base;
    size_t size;
    void *owned; /* the copy to free; NULL: borrowed */
    bool live;
    uint64_t created;
    unsigned sub_bits;
    segment_place_in_t sections[SEGMENT_SECTIONS];
    segment_field_in_t fields[SEGMENT_S_DESCRIBED][SEGMENT_VIEW_FIELDS];
};

#endif
