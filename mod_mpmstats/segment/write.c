/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying out a segment, and single values. Claimed records are in segment/claim.c, the file of a
 * segment in segment/file.c.
 */
#include "segment/write.h"

#include <string.h>

#define LINE 64 /* alignment of every section and record: a cache line */

typedef struct {
    segment_section_e section;
    uint64_t offset;
    uint64_t record_size;
    uint64_t record_count;
} place_t;

/* The layout: a function of the shape and this build only. */
typedef struct {
    place_t places[SEGMENT_SECTIONS];
    uint64_t sections_offset;
    uint64_t fields_offset;
    uint32_t field_count;
    uint64_t total;
} plan_t;

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

static uint64_t cell_row(const segment_shape_t *shape)
{
    return round_up(((uint64_t)shape->vhosts + shape->handlers) * sizeof(uint32_t), LINE);
}

static uint64_t record_size(const segment_shape_t *shape, segment_section_e section)
{
    switch (section) {
    case SEGMENT_S_CELLS:
        return cell_row(shape);
    case SEGMENT_S_BOARD_IMAGE:
        return round_up(shape->board_image, LINE);
    default:
        return segment_section(section)->shared_size;
    }
}

static uint64_t record_count(const segment_shape_t *shape, segment_section_e section)
{
    switch (section) {
    case SEGMENT_S_LISTENER:
        return shape->listeners;
    case SEGMENT_S_PROCESS:
    case SEGMENT_S_CELLS:
        return shape->processes;
    case SEGMENT_S_VHOST:
        return (uint64_t)shape->vhosts + 1; /* and the unnamed one: segment_vhost_gone() */
    case SEGMENT_S_HANDLER:
        return shape->handlers;
    case SEGMENT_S_EVENT:
        return shape->events;
    case SEGMENT_S_BOARD_FIELD:
        return shape->board_fields;
    case SEGMENT_S_WORKER:
        return shape->workers;
    case SEGMENT_S_STREAM:
        return (uint64_t)shape->streams * shape->processes;
    case SEGMENT_S_BOARD_IMAGE:
        return shape->board_image > 0 ? 1 : 0;
    default:
        return 1;
    }
}

static plan_t make_plan(const segment_shape_t *shape)
{
    plan_t plan;
    uint64_t at;

    plan.field_count = 0;
    for (int i = 0; i < SEGMENT_S_DESCRIBED; i++) {
        plan.field_count += segment_section((segment_section_e)i)->field_count;
    }
    plan.sections_offset = sizeof(segment_head_t);
    plan.fields_offset = plan.sections_offset + SEGMENT_SECTIONS * sizeof(segment_section_file_t);
    at = round_up(plan.fields_offset + plan.field_count * sizeof(segment_field_file_t), LINE);
    for (int i = 0; i < SEGMENT_SECTIONS; i++) {
        place_t *place = &plan.places[i];

        place->section = (segment_section_e)i;
        place->offset = at;
        place->record_size = record_size(shape, place->section);
        place->record_count = record_count(shape, place->section);
        at += place->record_size * place->record_count;
    }
    plan.total = at;
    return plan;
}

size_t segment_size(const segment_shape_t *shape)
{
    return (size_t)make_plan(shape).total;
}

static void *at(const segment_t *segment, const plan_t *plan, segment_section_e section)
{
    return (char *)segment->base + plan->places[section].offset;
}

void segment_bind(segment_t *segment, const segment_shape_t *shape, void *base)
{
    plan_t plan = make_plan(shape);

    memset(segment, 0, sizeof(*segment));
    segment->shape = *shape;
    segment->base = base;
    segment->size = (size_t)plan.total;
    segment->fd = -1;
    segment->head = base;
    segment->server = at(segment, &plan, SEGMENT_S_SERVER);
    segment->listener = at(segment, &plan, SEGMENT_S_LISTENER);
    segment->process = at(segment, &plan, SEGMENT_S_PROCESS);
    segment->vhost = at(segment, &plan, SEGMENT_S_VHOST);
    segment->handler = at(segment, &plan, SEGMENT_S_HANDLER);
    segment->event = at(segment, &plan, SEGMENT_S_EVENT);
    segment->board = at(segment, &plan, SEGMENT_S_BOARD);
    segment->board_field = at(segment, &plan, SEGMENT_S_BOARD_FIELD);
    segment->worker = at(segment, &plan, SEGMENT_S_WORKER);
    segment->stream = at(segment, &plan, SEGMENT_S_STREAM);
    segment->cells = at(segment, &plan, SEGMENT_S_CELLS);
    segment->cell_step = (size_t)(cell_row(shape) / sizeof(uint32_t));
    segment->board_image = shape->board_image > 0 ? at(segment, &plan, SEGMENT_S_BOARD_IMAGE)
                                                  : NULL;
}

/* ---- the description ------------------------------------------------------- */

static void describe_field(segment_field_file_t *to, const segment_field_t *field)
{
    strncpy(to->name, field->name, sizeof(to->name) - 1);
    to->store = field->store;
    to->kind = field->kind;
    to->unit = field->unit;
    to->count = field->store == SEGMENT_STORE_HISTOGRAM ? HISTOGRAM_BUCKETS : field->size;
    to->offset = field->shared_offset;
}

static void describe(const plan_t *plan, segment_section_file_t *sections,
                     segment_field_file_t *fields)
{
    uint32_t next = 0;

    for (int i = 0; i < SEGMENT_SECTIONS; i++) {
        const place_t *place = &plan->places[i];
        unsigned count = i < SEGMENT_S_DESCRIBED ? segment_section(place->section)->field_count : 0;

        strncpy(sections[i].name, segment_section_name(place->section),
                sizeof(sections[i].name) - 1);
        sections[i].offset = place->offset;
        sections[i].record_size = place->record_size;
        sections[i].record_count = place->record_count;
        sections[i].first_field = next;
        sections[i].field_count = count;
        for (unsigned k = 0; k < count; k++) {
            describe_field(&fields[next++], &segment_section(place->section)->fields[k]);
        }
    }
}

/*
 * Writes the header and the description, except what differs between segments of the same plan.
 */
static void write_head(const plan_t *plan, segment_head_t *head)
{
    memcpy(head->magic, SEGMENT_MAGIC, sizeof(head->magic));
    head->endian = SEGMENT_ENDIAN;
    head->version = SEGMENT_VERSION;
    head->head_size = sizeof(*head);
    head->section_size = sizeof(segment_section_file_t);
    head->section_count = SEGMENT_SECTIONS;
    head->field_size = sizeof(segment_field_file_t);
    head->field_count = plan->field_count;
    head->histogram_sub_bits = HISTOGRAM_SUB_BITS;
    head->total_size = plan->total;
    head->sections_offset = plan->sections_offset;
    head->fields_offset = plan->fields_offset;
    describe(plan, (segment_section_file_t *)((char *)head + plan->sections_offset),
             (segment_field_file_t *)((char *)head + plan->fields_offset));
}

static uint64_t check_of(const plan_t *plan, const segment_head_t *head)
{
    uint64_t check = segment_check(SEGMENT_CHECK_START, head, offsetof(segment_head_t, check));
    size_t end = plan->fields_offset + plan->field_count * sizeof(segment_field_file_t);

    return segment_check(check, (const char *)head + plan->sections_offset,
                         end - plan->sections_offset);
}

void segment_format(segment_t *segment, uint64_t created)
{
    plan_t plan = make_plan(&segment->shape);

    write_head(&plan, segment->head);
    segment->head->created = created;
    segment->head->check = check_of(&plan, segment->head);
    segment_set(&segment->server->counting_since, created);
    segment_set_text(segment->vhost[segment_vhost_other(segment)].name, "other");
    segment_set_text(segment->handler[segment->shape.handlers - 1].name, "other");
    segment_set(&segment->handler[segment->shape.handlers - 1].state, 2);
}

/* ---- single values --------------------------------------------------------- */

void segment_take(_Atomic uint64_t *number, uint64_t n)
{
    uint64_t old = segment_get(number);

    while (!atomic_compare_exchange_weak_explicit(number, &old, old > n ? old - n : 0,
                                                  memory_order_relaxed, memory_order_relaxed)) {
        continue;
    }
}

void segment_raise(_Atomic uint64_t *number, uint64_t value)
{
    uint64_t old = segment_get(number);

    while (value > old
           && !atomic_compare_exchange_weak_explicit(number, &old, value, memory_order_relaxed,
                                                     memory_order_relaxed)) {
        continue;
    }
}

/* Word i of a text in a field of `count` words: NUL-padded, the last byte of the field a NUL. */
static uint64_t word_of(const char *text, size_t len, size_t i, size_t count)
{
    char bytes[8] = { 0 };
    size_t from = i * sizeof(bytes), room = i + 1 == count ? sizeof(bytes) - 1 : sizeof(bytes);
    uint64_t word;

    if (from < len) {
        memcpy(bytes, text + from, len - from < room ? len - from : room);
    }
    memcpy(&word, bytes, sizeof(word));
    return word;
}

void segment_set_words(_Atomic uint64_t *words, size_t count, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < count; i++) {
        segment_set(&words[i], word_of(text, len, i, count));
    }
}

void segment_put_words(_Atomic uint64_t *words, size_t count, const char *text)
{
    size_t len = strnlen(text, count * 8 - 1), i;

    for (i = 0; i < len / 8; i++) {
        uint64_t word;

        memcpy(&word, text + i * 8, sizeof(word));
        segment_set(&words[i], word);
    }
    segment_set(&words[i], word_of(text, len, i, count));
}

bool segment_is_words(const _Atomic uint64_t *words, size_t count, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < count; i++) {
        if (segment_get(&words[i]) != word_of(text, len, i, count)) {
            return false;
        }
    }
    return true;
}

void segment_histogram_unknown(histogram_t *histogram)
{
    segment_set(&histogram->sum, SEGMENT_UNKNOWN);
}

bool segment_histogram_known(const histogram_t *histogram)
{
    return segment_get(&histogram->sum) != SEGMENT_UNKNOWN;
}

void segment_untold(segment_section_e section, void *record)
{
    const segment_section_t *about = segment_section(section);

    for (unsigned i = 0; i < about->field_count; i++) {
        if (about->fields[i].told) {
            segment_set((_Atomic uint64_t *)((char *)record + about->fields[i].shared_offset),
                        SEGMENT_UNKNOWN);
        }
    }
}
