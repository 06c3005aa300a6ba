/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that are claimed: virtual hosts (by the parent, at each configuration), handlers (by the
 * first thread that needs one), processes (by each child), HTTP/2 streams (by their threads).
 */
#include "segment/write.h"

#include <string.h>

#include "base/must_hold.h"

/* Sets all fields of a record to 0, except unknown ones. */
static void reset_record(segment_section_e section, void *record)
{
    const segment_section_t *about = segment_section(section);

    for (unsigned i = 0; i < about->field_count; i++) {
        const segment_field_t *field = &about->fields[i];
        _Atomic uint64_t *words = (_Atomic uint64_t *)((char *)record + field->shared_offset);
        size_t count = field->store == SEGMENT_STORE_HISTOGRAM ? sizeof(histogram_t) / 8
                                                               : (field->size + 7) / 8;

        if (segment_get(&words[0]) == SEGMENT_UNKNOWN && field->store != SEGMENT_STORE_TEXT) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            segment_set(&words[k], 0);
        }
    }
}

static bool is_empty(const _Atomic uint64_t *text)
{
    return segment_get(text) == 0;
}

/* ---- virtual hosts --------------------------------------------------------- */

static uint64_t add_known(uint64_t value)
{
    return value == SEGMENT_UNKNOWN ? 0 : value;
}

/* Adds the counters and histograms of a record to another of its kind; not gauges and peaks. */
static void pour_counters(segment_section_e section, const void *from, void *to)
{
    const segment_section_t *about = segment_section(section);
    histogram_counts_t counts;

    for (unsigned i = 0; i < about->field_count; i++) {
        const segment_field_t *field = &about->fields[i];
        const char *source = (const char *)from + field->shared_offset;
        char *target = (char *)to + field->shared_offset;

        if (field->kind == SEGMENT_KIND_COUNTER) {
            segment_add((_Atomic uint64_t *)target,
                        add_known(segment_get((const _Atomic uint64_t *)source)));
        }
        else if (field->kind == SEGMENT_KIND_SPREAD
                 && segment_histogram_known((const histogram_t *)source)) {
            histogram_read((const histogram_t *)source, &counts);
            histogram_pour((histogram_t *)target, &counts);
        }
    }
}

static unsigned find_name(const segment_t *segment, const char *name)
{
    unsigned other = segment_vhost_other(segment);

    for (unsigned i = 0; i < other; i++) {
        if (segment_is_text(segment->vhost[i].name, name)) {
            return i;
        }
    }
    return other;
}

/* The oldest config generation of any process; UINT64_MAX: no process. */
static uint64_t oldest_generation(const segment_t *segment)
{
    uint64_t oldest = UINT64_MAX;

    for (unsigned i = 0; i < segment->shape.processes; i++) {
        const segment_process_rec_t *process = &segment->process[i];

        if (segment_get(&process->pid) != 0 && segment_get(&process->config_generation) < oldest) {
            oldest = segment_get(&process->config_generation);
        }
    }
    return oldest;
}

/* A record that is unused, or retired and no longer written to; `other` if there is none. */
static unsigned find_place(segment_t *segment, uint64_t oldest)
{
    unsigned other = segment_vhost_other(segment);

    for (unsigned i = 0; i < other; i++) {
        if (is_empty(segment->vhost[i].name)) {
            return i;
        }
    }
    for (unsigned i = 0; i < other; i++) {
        segment_vhost_rec_t *vhost = &segment->vhost[i];
        uint64_t retired = segment_get(&vhost->retired);

        if (retired != 0 && retired <= oldest && segment_get(&vhost->in_flight) == 0) {
            pour_counters(SEGMENT_S_VHOST, vhost, &segment->vhost[segment_vhost_gone(segment)]);
            reset_record(SEGMENT_S_VHOST, vhost);
            return i;
        }
    }
    return other;
}

static void retire_all(segment_t *segment, uint64_t config_generation)
{
    for (unsigned i = 0; i < segment_vhost_other(segment); i++) {
        segment_vhost_rec_t *vhost = &segment->vhost[i];

        if (!is_empty(vhost->name) && segment_get(&vhost->retired) == 0) {
            segment_set(&vhost->retired, config_generation);
        }
    }
}

/*
 * Names that keep their record are found first, so that no record of theirs is given away.
 */
static void find_known(const segment_t *segment, const char *const *names, unsigned count,
                       const bool *yields, unsigned *rows)
{
    unsigned other = segment_vhost_other(segment);

    for (unsigned i = 0; i < count; i++) {
        rows[i] = find_name(segment, names[i]);
        if (rows[i] != other
            && ((yields != NULL && yields[i])
                || segment_get(&segment->vhost[rows[i]].retired) != 0)) {
            rows[i] = other;
        }
    }
}

static void keep_known(segment_t *segment, const unsigned *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (rows[i] != segment_vhost_other(segment)) {
            segment_set(&segment->vhost[rows[i]].retired, 0);
        }
    }
}

/* The number of records of names in the configuration. */
static unsigned count_current(const segment_t *segment)
{
    unsigned current = 0;

    for (unsigned i = 0; i < segment_vhost_other(segment); i++) {
        current += !is_empty(segment->vhost[i].name)
            && segment_get(&segment->vhost[i].retired) == 0;
    }
    return current;
}

/* Gives a record to a name without one: its earlier one, or another. */
static unsigned give_record(segment_t *segment, const char *name, unsigned most, uint64_t oldest)
{
    unsigned other = segment_vhost_other(segment), row = find_name(segment, name);

    if (row != other && segment_get(&segment->vhost[row].retired) == 0) {
        return row; /* the same name a second time */
    }
    if (count_current(segment) >= most) {
        return other;
    }
    if (row == other) {
        row = find_place(segment, oldest);
        if (row != other) {
            segment_set_text(segment->vhost[row].name, name);
        }
        return row;
    }
    segment_set(&segment->vhost[row].retired, 0);
    return row;
}

void segment_vhosts_update(segment_t *segment, const char *const *names, unsigned count,
                           const segment_rank_t *rank, unsigned most, uint64_t config_generation,
                           unsigned *rows)
{
    unsigned other = segment_vhost_other(segment);
    uint64_t oldest = oldest_generation(segment);
    uint64_t turn = segment_get(&segment->head->table_turn) | 1;

    /* An exchange, because later writes must not become visible before it, unlike with a store. */
    atomic_exchange_explicit(&segment->head->table_turn, turn, memory_order_acq_rel);
    find_known(segment, names, count, rank != NULL ? rank->yields : NULL, rows);
    retire_all(segment, config_generation);
    keep_known(segment, rows, count);
    for (unsigned k = 0; k < count; k++) {
        unsigned i = rank != NULL ? rank->order[k] : k;

        if (rows[i] == other && names[i][0] != '\0') {
            rows[i] = give_record(segment, names[i], most, oldest);
        }
    }
    atomic_store_explicit(&segment->head->table_turn, turn + 1, memory_order_release);
}

/* ---- handlers -------------------------------------------------------------- */

/* Claims a record that was seen free. False: another thread was faster. */
static bool handler_claim(segment_handler_rec_t *handler, const char *name)
{
    uint64_t state = SEGMENT_HANDLER_FREE;

    if (!atomic_compare_exchange_strong_explicit(&handler->state, &state, SEGMENT_HANDLER_CLAIMED,
                                                 memory_order_acquire, memory_order_acquire)) {
        return false;
    }
    segment_set_text(handler->name, name);
    atomic_store_explicit(&handler->state, SEGMENT_HANDLER_USED, memory_order_release);
    return true;
}

/*
 * Open addressing. A record that another thread is claiming counts as another name's; if the names
 * are equal the name has two records, which readers add up. That costs a record in a rare race, and
 * saves waiting for a thread that may be stopped at that point.
 */
unsigned segment_handler_row(segment_t *segment, const char *name)
{
    unsigned other = segment->shape.handlers - 1;
    unsigned from = (unsigned)(segment_check(SEGMENT_CHECK_START, name, strlen(name)) >> 32)
        % other;

    for (unsigned i = 0; i < other; i++) {
        unsigned row = (from + i) % other;
        segment_handler_rec_t *handler = &segment->handler[row];
        uint64_t state = atomic_load_explicit(&handler->state, memory_order_acquire);

        if (state == SEGMENT_HANDLER_FREE && handler_claim(handler, name)) {
            return row;
        }
        state = atomic_load_explicit(&handler->state, memory_order_acquire);
        if (state == SEGMENT_HANDLER_USED && segment_is_text(handler->name, name)) {
            return row;
        }
    }
    return other;
}

/* ---- processes ------------------------------------------------------------- */

static segment_self_t self_of(segment_t *segment, unsigned i)
{
    segment_self_t self = {
        .record = &segment->process[i],
        .vhost_cells = segment->cells + i * segment->cell_step,
        .handler_cells = segment->cells + i * segment->cell_step + segment->shape.vhosts,
        .streams = segment->stream + (size_t)i * segment->shape.streams,
    };

    return self;
}

/* A free record is clean: segment_process_gone() clears it. */
segment_self_t segment_process_claim(segment_t *segment, pid_t pid)
{
    segment_self_t none = { NULL, NULL, NULL, NULL };

    for (unsigned i = 0; i < segment->shape.processes; i++) {
        uint64_t unused = 0;

        if (atomic_compare_exchange_strong_explicit(&segment->process[i].pid, &unused,
                                                    (uint64_t)pid, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
            return self_of(segment, i);
        }
    }
    return none;
}

/* Subtracts the cells of a process from the gauges and clears them. */
static uint64_t take_back(segment_t *segment, const segment_self_t *self)
{
    uint64_t requests = 0;

    for (unsigned i = 0; i < segment->shape.vhosts; i++) {
        uint32_t n = atomic_exchange_explicit(&self->vhost_cells[i], 0, memory_order_relaxed);

        if (n != 0) {
            segment_take(&segment->vhost[i].in_flight, n);
            requests += n;
        }
    }
    segment_take(&segment->server->requests_in_flight, requests);
    for (unsigned i = 0; i < segment->shape.handlers; i++) {
        uint32_t n = atomic_exchange_explicit(&self->handler_cells[i], 0, memory_order_relaxed);

        if (n != 0) {
            segment_take(&segment->handler[i].busy, n);
        }
    }
    return requests;
}

void segment_process_settle(segment_t *segment, const segment_self_t *self)
{
    take_back(segment, self);
    segment_set(&self->record->requests_in_flight, 0);
}

/* Clears all fields but the pid, which keeps others from claiming the record. */
static void clear_process(segment_process_rec_t *record)
{
    const segment_section_t *about = segment_section(SEGMENT_S_PROCESS);

    for (unsigned i = 0; i < about->field_count; i++) {
        _Atomic uint64_t *number = (_Atomic uint64_t *)((char *)record
                                                        + about->fields[i].shared_offset);

        if (number != &record->pid) {
            segment_set(number, 0);
        }
    }
}

/* Its threads are gone, and nobody else writes its records. */
static void free_streams(const segment_t *segment, const segment_self_t *self)
{
    for (unsigned i = 0; i < segment->shape.streams; i++) {
        segment_set(&self->streams[i].state, SEGMENT_STREAM_FREE);
    }
}

segment_gone_t segment_process_gone(segment_t *segment, pid_t pid)
{
    segment_gone_t gone = { false, false, 0, 0, 0 };

    for (unsigned i = 0; i < segment->shape.processes; i++) {
        segment_process_rec_t *record = &segment->process[i];
        segment_self_t self;

        if (atomic_load_explicit(&record->pid, memory_order_acquire) != (uint64_t)pid) {
            continue;
        }
        self = self_of(segment, i);
        gone.known = true;
        gone.left = segment_get(&record->left) != 0;
        gone.started = segment_get(&record->started);
        gone.connections = add_known(segment_get(&record->connections));
        gone.requests = take_back(segment, &self);
        if (!gone.left || segment_get(&record->streams_running) != 0) {
            free_streams(segment, &self);
        }
        clear_process(record);
        atomic_store_explicit(&record->pid, 0, memory_order_release);
        return gone;
    }
    return gone;
}

/* ---- HTTP/2 streams --------------------------------------------------------- */

segment_stream_rec_t *segment_stream_claim(const segment_t *segment, const segment_self_t *self,
                                           unsigned *hint)
{
    unsigned records = segment->shape.streams;

    if (__builtin_expect(self->record == NULL, 0)) {
        return NULL;
    }
    segment_up(&self->record->streams_running, NULL);
    for (unsigned i = 0; i < records; i++) {
        unsigned at = *hint < records ? *hint : 0;
        segment_stream_rec_t *stream = &self->streams[at];
        uint64_t unused = SEGMENT_STREAM_FREE;

        if (segment_get(&stream->state) == SEGMENT_STREAM_FREE
            && atomic_compare_exchange_strong_explicit(&stream->state, &unused,
                                                       SEGMENT_STREAM_CLAIMED, memory_order_acquire,
                                                       memory_order_relaxed)) {
            *hint = at;
            return stream;
        }
        *hint = at + 1;
    }
    return NULL;
}

void segment_stream_release(const segment_t *segment, const segment_self_t *self,
                            segment_stream_rec_t *stream)
{
    MUST_HOLD(stream == NULL
              || (stream >= self->streams && stream < self->streams + segment->shape.streams));
    (void)segment;
    if (__builtin_expect(self->record == NULL, 0)) {
        return;
    }
    segment_down(&self->record->streams_running);
    if (stream != NULL) {
        atomic_store_explicit(&stream->state, SEGMENT_STREAM_FREE, memory_order_release);
    }
}
