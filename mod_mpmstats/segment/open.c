/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and validating a segment. The file is untrusted: every number from it is checked before
 * use, in a way that cannot overflow.
 */
#include "segment/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "segment/opened.h"

/* Attempts to read while names or the size of the file change, and the pause between them. */
#define TRIES 20
#define PAUSE_NS 500000

/* ---- validation -------------------------------------------------------------- */

/* Whether `count` items of `size` bytes each, from `offset` on, lie within `total` bytes. */
static bool fits(uint64_t offset, uint64_t size, uint64_t count, uint64_t total)
{
    return offset <= total && size > 0 && count <= (total - offset) / size;
}

static bool is_word(uint64_t n)
{
    return n % 8 == 0;
}

static bool is_name(const char *name, size_t size)
{
    return name[0] != '\0' && memchr(name, '\0', size) != NULL;
}

static segment_error_e corrupt(segment_failure_t *failure, const char *what)
{
    return segment_fail(failure, SEGMENT_CORRUPT, 0, "the segment is damaged: %s", what);
}

static segment_error_e check_head(const segment_head_t *head, uint64_t size,
                                  segment_failure_t *failure)
{
    if (memcmp(head->magic, SEGMENT_MAGIC, sizeof(head->magic)) != 0) {
        return segment_fail(failure, SEGMENT_FOREIGN, 0, "this is not a segment of mod_mpmstats");
    }
    if (head->endian != SEGMENT_ENDIAN) {
        return head->endian == __builtin_bswap32(SEGMENT_ENDIAN)
            ? segment_fail(
                failure, SEGMENT_BYTE_ORDER, 0,
                "the segment was written on a machine with another byte order; read it on one of that kind")
            : corrupt(failure, "its byte order mark is invalid");
    }
    if (head->version != SEGMENT_VERSION) {
        return segment_fail(failure, SEGMENT_NEWER, 0,
                            "the segment has layout version %u, this program reads version %d; "
                            "install mod_mpmstats and mpmstats of the same release",
                            head->version, SEGMENT_VERSION);
    }
    if (head->total_size > size) {
        return segment_fail(failure, SEGMENT_TRUNCATED, 0,
                            "the segment has been cut off: %llu bytes of %llu are there",
                            (unsigned long long)size, (unsigned long long)head->total_size);
    }
    if (head->total_size < size) {
        return corrupt(failure, "the file is longer than the segment");
    }
    return SEGMENT_OK;
}

static segment_error_e check_description(const segment_head_t *head, segment_failure_t *failure)
{
    uint64_t check;

    if (head->head_size < sizeof(*head) || head->section_size < sizeof(segment_section_file_t)
        || head->field_size < sizeof(segment_field_file_t)
        || head->section_count > SEGMENT_SECTIONS_MAX || head->field_count > SEGMENT_FIELDS_MAX
        || head->histogram_sub_bits > 16 || !is_word(head->sections_offset)
        || !is_word(head->fields_offset) || !is_word(head->section_size)
        || !is_word(head->field_size)) {
        return corrupt(failure, "its header contradicts itself");
    }
    if (!fits(head->sections_offset, head->section_size, head->section_count, head->total_size)
        || !fits(head->fields_offset, head->field_size, head->field_count, head->total_size)) {
        return corrupt(failure, "its description lies outside of it");
    }
    check = segment_check(SEGMENT_CHECK_START, head, offsetof(segment_head_t, check));
    check = segment_check(check, (const char *)head + head->sections_offset,
                          (size_t)head->section_size * head->section_count);
    check = segment_check(check, (const char *)head + head->fields_offset,
                          (size_t)head->field_size * head->field_count);
    return check == head->check ? SEGMENT_OK : corrupt(failure, "its description has changed");
}

/* ---- its description ---------------------------------------------------------- */

static const segment_section_file_t *section_in(const segment_head_t *head, uint32_t i)
{
    return (const void *)((const char *)head + head->sections_offset
                          + (size_t)head->section_size * i);
}

static const segment_field_file_t *field_in(const segment_head_t *head, uint32_t i)
{
    return (const void *)((const char *)head + head->fields_offset + (size_t)head->field_size * i);
}

static uint64_t length_of(const segment_field_file_t *field)
{
    switch (field->store) {
    case SEGMENT_STORE_TEXT:
        return field->count;
    case SEGMENT_STORE_HISTOGRAM:
        return 16 + (uint64_t)field->count * 8;
    default:
        return 8;
    }
}

/* A field that is stored differently than in this build counts as unknown. */
static segment_error_e take_field(segment_view_t *view, segment_section_e section,
                                  const segment_field_file_t *field, segment_failure_t *failure)
{
    segment_field_in_t *in;
    int index;

    if (!is_name(field->name, sizeof(field->name)) || !is_word(field->offset)
        || !fits(field->offset, length_of(field), 1, view->sections[section].size)
        || (field->store == SEGMENT_STORE_TEXT && (field->count == 0 || !is_word(field->count)))) {
        return corrupt(failure, "a field lies outside of its record");
    }
    index = segment_field_find(section, field->name);
    if (index < 0
        || segment_section(section)->fields[index].store != (segment_store_e)field->store) {
        return SEGMENT_OK;
    }
    in = &view->fields[section][index];
    in->known = true;
    in->offset = (size_t)field->offset;
    in->count = field->count;
    return SEGMENT_OK;
}

static segment_error_e take_fields(segment_view_t *view, const segment_head_t *head,
                                   segment_section_e section, const segment_section_file_t *in,
                                   segment_failure_t *failure)
{
    if (in->first_field > head->field_count
        || in->field_count > head->field_count - in->first_field) {
        return corrupt(failure, "a section's fields are not in the list");
    }
    for (uint32_t i = 0; i < in->field_count; i++) {
        segment_error_e code = take_field(view, section, field_in(head, in->first_field + i),
                                          failure);

        if (code != SEGMENT_OK) {
            return code;
        }
    }
    return SEGMENT_OK;
}

static int section_number(const char *name)
{
    for (int i = 0; i < SEGMENT_SECTIONS; i++) {
        if (strcmp(segment_section_name((segment_section_e)i), name) == 0) {
            return i;
        }
    }
    return -1;
}

static segment_error_e take_section(segment_view_t *view, const segment_head_t *head,
                                    const segment_section_file_t *in, segment_failure_t *failure)
{
    int number;

    if (!is_name(in->name, sizeof(in->name))) {
        return corrupt(failure, "a section has no name");
    }
    number = section_number(in->name);
    if (in->record_count == 0 || number < 0 || view->sections[number].count != 0) {
        return SEGMENT_OK;
    }
    if (!is_word(in->offset) || !is_word(in->record_size) || in->offset < head->head_size
        || !fits(in->offset, in->record_size, in->record_count, head->total_size)) {
        return corrupt(failure, "a section lies outside of it");
    }
    view->sections[number].offset = (size_t)in->offset;
    view->sections[number].size = (size_t)in->record_size;
    view->sections[number].count = (size_t)in->record_count;
    return number < SEGMENT_S_DESCRIBED
        ? take_fields(view, head, (segment_section_e)number, in, failure)
        : SEGMENT_OK;
}

static segment_error_e take_description(segment_view_t *view, segment_failure_t *failure)
{
    const segment_head_t *head = (const void *)view->base;

    view->created = head->created;
    view->sub_bits = head->histogram_sub_bits;
    for (uint32_t i = 0; i < head->section_count; i++) {
        segment_error_e code = take_section(view, head, section_in(head, i), failure);

        if (code != SEGMENT_OK) {
            return code;
        }
    }
    if (view->sections[SEGMENT_S_SERVER].count == 0) {
        return corrupt(failure, "it does not describe a server");
    }
    return SEGMENT_OK;
}

/* Takes ownership of `bytes`, from malloc(): they become the view's, or are freed. */
static segment_view_t *view_of(void *bytes, size_t size, segment_failure_t *failure)
{
    segment_view_t *view = calloc(1, sizeof(*view));
    segment_error_e code;

    if (view == NULL) {
        free(bytes);
        segment_fail(failure, SEGMENT_SYSTEM, ENOMEM, "out of memory");
        return NULL;
    }
    view->base = view->owned = bytes;
    view->size = size;
    code = size < sizeof(segment_head_t)
        ? segment_fail(failure, SEGMENT_FOREIGN, 0, "this is not a segment of mod_mpmstats")
        : check_head(bytes, size, failure);
    if (code == SEGMENT_OK) {
        code = check_description(bytes, failure);
    }
    if (code == SEGMENT_OK) {
        code = take_description(view, failure);
    }
    if (code != SEGMENT_OK) {
        segment_close(view);
        return NULL;
    }
    return view;
}

segment_view_t *segment_open_bytes(const void *bytes, size_t size, segment_failure_t *failure)
{
    void *copy;

    memset(failure, 0, sizeof(*failure));
    if (size > SEGMENT_BYTES_MAX) {
        corrupt(failure, "it is too large");
        return NULL;
    }
    copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        segment_fail(failure, SEGMENT_SYSTEM, ENOMEM, "out of memory");
        return NULL;
    }
    memcpy(copy, bytes, size);
    return view_of(copy, size, failure);
}

/* ---- from a file --------------------------------------------------------------- */

/* Reads in ascending order, on which the ring of events relies. -1: a system error. */
static ssize_t read_all(int fd, char *to, size_t size)
{
    size_t at = 0;

    while (at < size) {
        ssize_t n = pread(fd, to + at, size - at, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        at += (size_t)n;
    }
    return (ssize_t)at;
}

static uint64_t turn_in(int fd)
{
    uint64_t turn = 1;
    ssize_t n = pread(fd, &turn, sizeof(turn), offsetof(segment_head_t, table_turn));

    return n == sizeof(turn) ? turn : 1;
}

/* Whether `bytes` is the whole file, read while no names changed. */
static bool settled(int fd, const char *bytes, size_t size)
{
    const segment_head_t *head = (const void *)bytes;
    uint64_t turn = segment_get(&head->table_turn);

    return lseek(fd, 0, SEEK_END) == (off_t)size && turn % 2 == 0 && turn == turn_in(fd);
}

/* Checks the header, before the whole file is read. */
static bool looks_like_one(int fd, size_t *size, segment_failure_t *failure)
{
    segment_head_t head;
    off_t end = lseek(fd, 0, SEEK_END);
    ssize_t got = read_all(fd, (char *)&head, sizeof(head));

    if (end < 0 || got < 0) {
        segment_fail(failure, SEGMENT_SYSTEM, errno, "it cannot be read: %s", strerror(errno));
        return false;
    }
    if (got == 0) {
        segment_fail(failure, SEGMENT_TRUNCATED, 0, "the file is empty");
        return false;
    }
    if ((size_t)got < sizeof(head)) {
        segment_fail(failure, SEGMENT_FOREIGN, 0, "this is not a segment of mod_mpmstats");
        return false;
    }
    if ((uint64_t)end > SEGMENT_BYTES_MAX) {
        corrupt(failure, "it is too large");
        return false;
    }
    *size = (size_t)end;
    return check_head(&head, *size, failure) == SEGMENT_OK;
}

/* One attempt. NULL: failed, and `failure` is filled unless a retry makes sense. */
static char *read_once(int fd, size_t *size, bool last, segment_failure_t *failure)
{
    char *bytes;
    ssize_t got;

    if (!looks_like_one(fd, size, failure)) {
        return NULL;
    }
    bytes = malloc(*size);
    got = bytes != NULL ? read_all(fd, bytes, *size) : -1;
    if (got < 0) {
        segment_fail(failure, SEGMENT_SYSTEM, errno, "it cannot be read: %s", strerror(errno));
    }
    else if ((size_t)got == *size && settled(fd, bytes, *size)) {
        return bytes;
    }
    /* The writer may have died while it changed names: then they stay so. */
    else if (last && (size_t)got == *size && !segment_has_writer(fd)) {
        return bytes;
    }
    free(bytes);
    return NULL;
}

static char *read_file(int fd, size_t *size, segment_failure_t *failure)
{
    static const struct timespec pause = { 0, PAUSE_NS };

    for (int i = 1; i <= TRIES; i++) {
        char *bytes = read_once(fd, size, i == TRIES, failure);

        if (bytes != NULL || failure->code != SEGMENT_OK) {
            return bytes;
        }
        nanosleep(&pause, NULL);
    }
    segment_fail(failure, SEGMENT_CHANGING, 0,
                 "the file keeps changing; is something else writing to it?");
    return NULL;
}

/* Puts the file's name in front of the failure's text. */
static void name_file(segment_failure_t *failure, const char *path)
{
    char text[sizeof(failure->text)];

    memcpy(text, failure->text, sizeof(text));
    segment_fail(failure, failure->code, failure->error, "%s: %.400s", path, text);
}

segment_view_t *segment_open(const char *path, segment_failure_t *failure)
{
    segment_view_t *view = NULL;
    size_t size;
    char *bytes;
    bool live;
    int fd;

    memset(failure, 0, sizeof(*failure));
    fd = segment_open_regular(path, O_RDONLY, failure);
    if (fd < 0) {
        return NULL;
    }
    bytes = read_file(fd, &size, failure);
    live = segment_has_writer(fd);
    close(fd);
    if (bytes != NULL) {
        view = view_of(bytes, size, failure);
    }
    if (view == NULL) {
        name_file(failure, path);
        return NULL;
    }
    view->live = live;
    return view;
}

/* ---- from this process's mapping ----------------------------------------------- */

static void place(segment_view_t *view, segment_section_e section, const void *at, size_t size,
                  size_t count)
{
    view->sections[section].offset = (size_t)((const char *)at - view->base);
    view->sections[section].size = size;
    view->sections[section].count = count;
}

#define PLACE(view, segment, SECTION, member, count) \
    place((view), SEGMENT_S_##SECTION, (segment)->member, sizeof((segment)->member[0]), (count))

/* By the handle, not by the description in the mapping, which any child could have overwritten. */
segment_view_t *segment_view(const segment_t *segment)
{
    segment_view_t *view = calloc(1, sizeof(*view));
    const segment_shape_t *shape = &segment->shape;

    if (view == NULL) {
        return NULL;
    }
    view->base = segment->base;
    view->size = segment->size;
    view->live = true;
    view->created = segment->head->created;
    view->sub_bits = HISTOGRAM_SUB_BITS;
    PLACE(view, segment, SERVER, server, 1);
    PLACE(view, segment, LISTENER, listener, shape->listeners);
    PLACE(view, segment, PROCESS, process, shape->processes);
    PLACE(view, segment, VHOST, vhost, (size_t)shape->vhosts + 1);
    PLACE(view, segment, HANDLER, handler, shape->handlers);
    PLACE(view, segment, EVENT, event, shape->events);
    PLACE(view, segment, BOARD, board, 1);
    PLACE(view, segment, BOARD_FIELD, board_field, shape->board_fields);
    PLACE(view, segment, WORKER, worker, shape->workers);
    PLACE(view, segment, STREAM, stream, (size_t)shape->streams * shape->processes);
    if (segment->board_image != NULL) {
        place(view, SEGMENT_S_BOARD_IMAGE, segment->board_image, shape->board_image, 1);
    }
    for (int s = 0; s < SEGMENT_S_DESCRIBED; s++) {
        const segment_section_t *about = segment_section((segment_section_e)s);

        for (unsigned i = 0; i < about->field_count; i++) {
            const segment_field_t *field = &about->fields[i];

            view->fields[s][i].known = true;
            view->fields[s][i].offset = field->shared_offset;
            view->fields[s][i].count = field->store == SEGMENT_STORE_HISTOGRAM ? HISTOGRAM_BUCKETS
                                                                               : field->size;
        }
    }
    return view;
}

void segment_close(segment_view_t *view)
{
    if (view != NULL) {
        free(view->owned);
        free(view);
    }
}
