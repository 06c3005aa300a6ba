/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats get: single values for scripts, and the list of all keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "fields/fields.h"
#include "fields/measure.h"
#include "common/memory.h"
#include "fields/sample.h"
#include "source/source.h"
#include "term/table.h"
#include "common/terminal.h"
#include "common/text.h"
#include "view/view.h"

typedef struct {
    bool list, names, vhost;
    char *otherwise;
} get_options_t;

/* Filled by options_parse() before run(). */
static get_options_t given;

static const option_t options[] = {
    { .name = "list",
      .letter = 'l',
      .type = OPTION_FLAG,
      .offset = offsetof(get_options_t, list),
      .help = "list every key with its kind, unit and meaning; reads no server" },
    { .name = "vhost",
      .type = OPTION_FLAG,
      .offset = offsetof(get_options_t, vhost),
      .help = "with --list: the keys of virtual hosts, to be written vhost[NAME].KEY" },
    { .name = "names",
      .letter = 'n',
      .type = OPTION_FLAG,
      .offset = offsetof(get_options_t, names),
      .help = "print KEY=VALUE instead of the value alone" },
    { .name = "default",
      .letter = 'd',
      .arg = "TEXT",
      .type = OPTION_TEXT,
      .offset = offsetof(get_options_t, otherwise),
      .help = "print this for values the server does not know, instead of failing" },
    { .name = NULL }
};

/* ---- --list ---- */

static const field_t *listed(void)
{
    return given.vhost ? fields_vhost : fields_server;
}

static json_t *list_entry(const field_t *field)
{
    const field_t *limit = field_limit(listed(), field);
    const char *shorter = field_short(field);
    json_t *entry = json_pack("{s:s, s:s, s:s, s:s}", "name", field->name, "kind",
                              field_kind_word(field), "unit", field_unit_word(field), "help",
                              field->help);

    if (shorter != NULL) {
        json_object_set_new(entry, "short", json_string(shorter));
    }
    if (limit != NULL) {
        json_object_set_new(entry, "limit", json_string(limit->name));
    }
    if (field->path[0] != '\0') {
        json_object_set_new(entry, "path", json_string(field->path));
    }
    return entry;
}

static int list_json(const char *style)
{
    json_t *list = json_array();
    int rc;

    for (const field_t *field = listed(); field->name != NULL; field++) {
        json_array_append_new(list, list_entry(field));
    }
    rc = view_json(list, style);
    json_decref(list);
    return rc;
}

static int list_table(void)
{
    static const column_t columns[] = {
        { .title = "KEY" },
        { .title = "OR", .drop = 2 },
        { .title = "KIND" },
        { .title = "UNIT" },
        { .title = "100%", .drop = 1 },
        { .title = "MEANING", .least = 24, .words = true },
    };
    table_t *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));

    for (const field_t *field = listed(); field->name != NULL; field++) {
        const field_t *limit = field_limit(listed(), field);
        const char *shorter = field_short(field);

        table_cell(table, memory_copy(field->name), STYLE_TITLE);
        table_cell(table, memory_copy(shorter != NULL ? shorter : ""), STYLE_PLAIN);
        table_cell(table, memory_copy(field_kind_word(field)), STYLE_PLAIN);
        table_cell(table, memory_copy(field_unit_word(field)), STYLE_PLAIN);
        table_cell(table, memory_copy(limit != NULL ? limit->name : ""), STYLE_PLAIN);
        table_cell(table, memory_copy(field->help), STYLE_PLAIN);
    }
    table_print(table, stdout, terminal_width());
    table_free(table);
    return RC_OK;
}

/* ---- values ---- */

static int print_json(const measure_t *measures, char **names, int count, const snapshot_t *snap,
                      const char *style)
{
    json_t *object = json_object();
    int rc;

    for (int i = 0; i < count; i++) {
        char *plain = measure_plain(&measures[i], snap);

        json_object_set_new(object, names[i],
                            plain != NULL ? measure_json(&measures[i], snap)
                                          : json_string(given.otherwise));
        free(plain);
    }
    rc = view_json(object, style);
    json_decref(object);
    return rc;
}

static void print_lines(const measure_t *measures, char **names, int count, const snapshot_t *snap)
{
    for (int i = 0; i < count; i++) {
        char *plain = measure_plain(&measures[i], snap);
        char *safe = text_safe(plain != NULL ? plain : given.otherwise);

        if (given.names) {
            printf("%s=", names[i]);
        }
        puts(safe);
        free(safe);
        free(plain);
    }
}

/* Prints all values or none: a missing line would assign values to the wrong variables. */
static bool all_known(const measure_t *measures, char **names, int count, const snapshot_t *snap,
                      failure_t *failure)
{
    for (int i = 0; i < count && given.otherwise == NULL; i++) {
        char *plain = measure_plain(&measures[i], snap);

        free(plain);
        if (plain == NULL) {
            return failure_set(
                failure, RC_NOVALUE,
                measure_record(&measures[i], snap) == NULL && snap->vhost_count > 0
                    ? "there is no virtual host for '%s' (MPM %s); mpmstats vhosts lists them"
                    : "the server does not report '%s' (MPM %s); give a --default, or leave it out",
                names[i], snap->server.mpm != NULL ? snap->server.mpm : "not known");
        }
    }
    return true;
}

static bool parse_keys(measure_t *measures, int count, char **names, failure_t *failure)
{
    if (count == 0) {
        return failure_set(failure, RC_USAGE, "which key? get --list shows all");
    }
    for (int i = 0; i < count; i++) {
        if (!measure_parse(&measures[i], names[i], strlen(names[i]), failure)) {
            return false;
        }
    }
    return true;
}

static int get_values(const settings_t *settings, const measure_t *measures, int count,
                      char **names)
{
    failure_t failure;
    sample_t *sample = source_once(settings, &failure);
    int rc = RC_OK;

    if (sample == NULL) {
        return failure_report(&failure);
    }
    if (!all_known(measures, names, count, &sample->snap, &failure)) {
        rc = failure_report(&failure);
    }
    else if (settings->json != NULL) {
        rc = print_json(measures, names, count, &sample->snap, settings->json);
    }
    else {
        print_lines(measures, names, count, &sample->snap);
    }
    return sample_end(sample, rc);
}

static int run(const settings_t *settings, int argc, char **argv)
{
    measure_t *measures;
    failure_t failure;
    int rc;

    if (given.list) {
        if (!command_no_arguments(argc, argv, &failure)) {
            return failure_report(&failure);
        }
        return settings->json != NULL ? list_json(settings->json) : list_table();
    }
    if (given.vhost) {
        failure_set(&failure, RC_USAGE,
                    "--vhost belongs to --list; a value is written vhost[NAME].KEY");
        return failure_report(&failure);
    }
    measures = memory_get((size_t)argc, sizeof(*measures));
    rc = parse_keys(measures, argc, argv, &failure) ? get_values(settings, measures, argc, argv)
                                                    : failure_report(&failure);
    for (int i = 0; i < argc; i++) {
        measure_free(&measures[i]);
    }
    free(measures);
    return rc;
}

const command_t cmd_get = {
    .name = "get",
    .synopsis = "KEY...",
    .summary = "single values, one per line, for scripts",
    .details = "KEY% gives the percentage of the key's limit. Texts are made printable,\n"
               "flags are 0 or 1, times are in the unit shown by --list.\n",
    .examples = "  mpmstats get busy\n"
                "  mpmstats get busy% idle --names\n"
                "  mpmstats get queue.p99 'vhost[www.example.org].errors%'\n"
                "  test \"$(mpmstats get saturated)\" = 0 || echo 'no worker is left'\n"
                "  mpmstats get --list\n",
    .options = options,
    .target = &given,
    .run = run,
};
