/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats vhosts: requests, traffic and latencies by virtual host or content handler.
 */
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "fields/figure.h"
#include "common/memory.h"
#include "fields/rows.h"
#include "source/source.h"
#include "term/table.h"
#include "common/terminal.h"
#include "view/view.h"

typedef struct {
    char *vhost, *sort;
    bool reverse, handlers;
    long first;
} vhosts_options_t;

#define AT(member) offsetof(vhosts_options_t, member)

/* Filled by options_parse() before run(). */
static vhosts_options_t given = { .first = LONG_MAX };

static const option_t options[] = {
    { .name = "vhost",
      .arg = "PATTERN",
      .type = OPTION_TEXT,
      .offset = AT(vhost),
      .help = "only names (with port) that match; * and ? as in the shell" },
    { .name = "handlers",
      .type = OPTION_FLAG,
      .offset = AT(handlers),
      .help = "content handlers instead of virtual hosts" },
    { .name = "sort",
      .arg = "COLUMN",
      .type = OPTION_TEXT,
      .offset = AT(sort),
      .help = "requests, in_flight, errors, sent_bytes, queue.p99, total.p99, ..." },
    { .name = "reverse",
      .letter = 'r',
      .type = OPTION_FLAG,
      .offset = AT(reverse),
      .help = "sort the other way round" },
    { .name = "first",
      .arg = "COUNT",
      .type = OPTION_COUNT,
      .offset = AT(first),
      .least = 0,
      .most = 1e9,
      .help = "only so many rows" },
    { .name = NULL }
};

typedef struct {
    const char *name;
    column_t column;
} shown_t;

static const shown_t shown_vhosts[] = {
    { "name", { .title = "VHOST", .least = 16 } },
    { "requests", { .title = "REQUESTS", .right = true } },
    { "in_flight", { .title = "NOW", .right = true } },
    { "in_flight_peak", { .title = "PEAK", .right = true, .drop = 6 } },
    { "responses_4xx", { .title = "4XX", .right = true, .drop = 3 } },
    { "responses_5xx", { .title = "5XX", .right = true } },
    { "aborted", { .title = "ABORTED", .right = true, .drop = 8 } },
    { "received_bytes", { .title = "IN", .right = true, .drop = 7 } },
    { "sent_bytes", { .title = "OUT", .right = true, .drop = 4 } },
    { "queue.p50", { .title = "QUEUE P50", .right = true, .drop = 9 } },
    { "queue.p99", { .title = "QUEUE P99", .right = true, .drop = 2 } },
    { "handler.p50", { .title = "HANDLER P50", .right = true, .drop = 10 } },
    { "handler.p99", { .title = "HANDLER P99", .right = true, .drop = 5 } },
    { "total.p50", { .title = "TOTAL P50", .right = true, .drop = 1 } },
    { "total.p99", { .title = "TOTAL P99", .right = true } },
};

static const shown_t shown_handlers[] = {
    { "name", { .title = "HANDLER", .least = 16 } },
    { "requests", { .title = "REQUESTS", .right = true } },
    { "busy", { .title = "BUSY", .right = true } },
    { "busy_peak", { .title = "PEAK", .right = true, .drop = 1 } },
    { "time_us", { .title = "TIME", .right = true } },
    { "longest_us", { .title = "LONGEST", .right = true } },
};

#define COLUMNS_MOST (sizeof(shown_vhosts) / sizeof(shown_vhosts[0]))

static void show(const rows_t *rows, const shown_t *shown, size_t count)
{
    column_t columns[COLUMNS_MOST];
    table_t *table;

    for (size_t i = 0; i < count; i++) {
        columns[i] = shown[i].column;
    }
    table = table_new(columns, count);
    for (size_t row = 0; row < rows->count; row++) {
        for (size_t i = 0; i < count; i++) {
            const field_t *field = field_find(rows->fields, shown[i].name);

            table_cell(table,
                       field_known(field, rows->items[row]) ? figure_field(field, rows->items[row])
                                                            : NULL,
                       STYLE_PLAIN);
        }
    }
    table_print(table, stdout, terminal_width());
    table_free(table);
}

/* Matches records of both kinds by name. */
static bool wanted(const void *record, const void *context)
{
    const char *name = field_string(field_find(context, "name"), record);

    return given.vhost == NULL || (name != NULL && fnmatch(given.vhost, name, FNM_CASEFOLD) == 0);
}

static int show_rows(const settings_t *settings, const rows_t *rows, const sample_t *sample)
{
    if (settings->json != NULL) {
        return view_json_rows(rows, sample, settings->json);
    }
    if (rows->count == 0) {
        puts(given.handlers ? "No content handler matches." : "No virtual host matches.");
    }
    else if (given.handlers) {
        show(rows, shown_handlers, sizeof(shown_handlers) / sizeof(shown_handlers[0]));
    }
    else {
        show(rows, shown_vhosts, COLUMNS_MOST);
    }
    return RC_OK;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    const field_t *fields = given.handlers ? fields_handler : fields_vhost, *sort = NULL;
    failure_t failure;
    sample_t *sample;
    rows_t rows;
    int rc;

    if (!command_no_arguments(argc, argv, &failure)
        || (given.sort != NULL && (sort = rows_sort_field(fields, given.sort, &failure)) == NULL)
        || (sample = source_once(settings, &failure)) == NULL) {
        return failure_report(&failure);
    }
    if (!sample_is_recorded(sample, &failure)) {
        return sample_end(sample, failure_report(&failure));
    }
    rows = given.handlers ? rows_handlers(&sample->snap) : rows_vhosts(&sample->snap);
    rows_choose(&rows,
                &(rows_choice_t){ .wanted = wanted,
                                  .context = fields,
                                  .sort = sort,
                                  .reverse = given.reverse,
                                  .first = given.first });
    rc = show_rows(settings, &rows, sample);
    rows_free(&rows);
    return sample_end(sample, rc);
}

const command_t cmd_vhosts = {
    .name = "vhosts",
    .synopsis = "",
    .summary = "virtual hosts with their requests, errors, traffic and times by phase",
    .details =
        "Values since the server's start. A wide terminal shows more columns; `other` stands for\n"
        "those beyond MPMStatsVHosts. With --json an array with all values.\n",
    .examples = "  mpmstats vhosts --sort total.p99 --first 10\n"
                "  mpmstats vhosts --vhost '*.example.org:443'\n"
                "  mpmstats vhosts --handlers --sort busy\n"
                "  mpmstats vhosts --json | jq '.[] | {name, p99: .latency.total.p99_us}'\n",
    .options = options,
    .target = &given,
    .run = run,
};
