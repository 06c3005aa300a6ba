/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats events: recent restarts, crashes, saturation, full listen queues.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command.h"
#include "segment/segment.h"
#include "fields/figure.h"
#include "common/memory.h"
#include "fields/rows.h"
#include "source/source.h"
#include "term/table.h"
#include "common/terminal.h"
#include "common/text.h"
#include "view/view.h"

typedef struct {
    texts_t kinds;
    double since_us;
    long first;
} events_options_t;

#define AT(member) offsetof(events_options_t, member)

/* Filled by options_parse() before run(). */
static events_options_t given = { .since_us = -1, .first = LONG_MAX };

static const option_t options[] = {
    { .name = "kind",
      .letter = 'k',
      .arg = "KIND,...",
      .type = OPTION_LIST,
      .offset = AT(kinds),
      .help = "only these: start, graceful, restart, stop, crash, saturated, relieved, overflow" },
    { .name = "since",
      .arg = "TIME",
      .type = OPTION_SPAN,
      .offset = AT(since_us),
      .help = "only those of the last 10m, 2h, 1d" },
    { .name = "first",
      .arg = "COUNT",
      .type = OPTION_COUNT,
      .offset = AT(first),
      .least = 0,
      .most = 1e9,
      .help = "only so many, the latest" },
    { .name = NULL }
};

static bool is_known(const char *word, size_t length)
{
    for (uint64_t kind = 1; kind < SEGMENT_EVENT_AFTER_LAST; kind++) {
        const char *known = segment_event_word(kind);

        if (strlen(known) == length && strncasecmp(known, word, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool are_known(failure_t *failure)
{
    for (size_t i = 0; i < given.kinds.count; i++) {
        if (!rows_know("--kind", given.kinds.items[i], is_known,
                       "start, graceful, restart, stop, crash, saturated, relieved and overflow",
                       failure)) {
            return false;
        }
    }
    return true;
}

static bool has_kind(const snapshot_event_t *event)
{
    for (size_t i = 0; i < given.kinds.count; i++) {
        for (const char *word = given.kinds.items[i]; *word != '\0'; word += *word == ',') {
            size_t length = strcspn(word, ",");

            if (event->kind != NULL && strlen(event->kind) == length
                && strncasecmp(event->kind, word, length) == 0) {
                return true;
            }
            word += length;
        }
    }
    return given.kinds.count == 0;
}

static bool wanted(const void *record, const void *context)
{
    const snapshot_event_t *event = record;
    const snapshot_t *snap = context;

    if (given.since_us >= 0
        && (event->time_us == SNAPSHOT_UNKNOWN
            || (double)(snap->server.now_us - event->time_us) > given.since_us)) {
        return false;
    }
    return has_kind(event);
}

static style_e style_of(const snapshot_event_t *event)
{
    static const char *const alarms[] = { "crash", "saturated", "overflow" };

    for (size_t i = 0; event->kind != NULL && i < sizeof(alarms) / sizeof(alarms[0]); i++) {
        if (strcmp(event->kind, alarms[i]) == 0) {
            return STYLE_ALARM;
        }
    }
    return STYLE_PLAIN;
}

static char *age_of(const snapshot_event_t *event, const snapshot_t *snap)
{
    if (event->time_us == SNAPSHOT_UNKNOWN || snap->server.now_us == SNAPSHOT_UNKNOWN) {
        return NULL;
    }
    /* a dead server's last event may be later than its last clock value */
    return figure_span(fmax(0, (double)(snap->server.now_us - event->time_us)));
}

static void show(const rows_t *rows, const snapshot_t *snap)
{
    static const column_t columns[] = {
        { .title = "WHEN" },
        { .title = "AGO", .right = true, .drop = 1 },
        { .title = "KIND", .drop = 2 },
        { .title = "WHAT HAPPENED", .words = true, .least = 24 },
    };
    table_t *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));

    for (size_t i = 0; i < rows->count; i++) {
        const snapshot_event_t *event = rows->items[i];
        style_e style = style_of(event);

        table_cell(table,
                   event->time_us == SNAPSHOT_UNKNOWN ? NULL : figure_time((double)event->time_us),
                   STYLE_PLAIN);
        table_cell(table, age_of(event, snap), STYLE_PLAIN);
        table_cell(table, event->kind == NULL ? NULL : text_safe(event->kind), style);
        table_cell(table, event->words == NULL ? NULL : text_safe(event->words), style);
    }
    table_print(table, stdout, terminal_width());
    table_free(table);
}

static int show_rows(const settings_t *settings, const rows_t *rows, const sample_t *sample)
{
    if (settings->json != NULL) {
        return view_json_rows(rows, sample, settings->json);
    }
    if (rows->count == 0) {
        puts(sample->snap.event_count == 0 ? "Nothing has happened." : "No event matches.");
    }
    else {
        show(rows, &sample->snap);
    }
    return RC_OK;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;
    sample_t *sample;
    rows_t rows;
    int rc;

    if (!command_no_arguments(argc, argv, &failure) || !are_known(&failure)
        || (sample = source_once(settings, &failure)) == NULL) {
        return failure_report(&failure);
    }
    if (!sample_is_recorded(sample, &failure)) {
        return sample_end(sample, failure_report(&failure));
    }
    rows = rows_events(&sample->snap);
    rows_choose(&rows,
                &(rows_choice_t){
                    .wanted = wanted, .context = &sample->snap, .first = given.first });
    rc = show_rows(settings, &rows, sample);
    rows_free(&rows);
    return sample_end(sample, rc);
}

const command_t cmd_events = {
    .name = "events",
    .synopsis = "",
    .summary = "recent restarts, crashes, saturation, full listen queues",
    .details =
        "The latest first. The server keeps a limited number of events. With --json an array.\n",
    .examples = "  mpmstats events --kind crash,saturated --since 1d\n"
                "  mpmstats events --first 5\n"
                "  mpmstats events --json | jq -r '.[] | .words'\n",
    .options = options,
    .target = &given,
    .run = run,
};
