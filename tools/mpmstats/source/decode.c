/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON decoder, driven by the tables of fields.c. The input, from an address or
 * a file, is untrusted; jansson limits the nesting depth.
 */
#include "source/decode.h"

#include <stdio.h>
#include <string.h>

#include "fields/fields.h"

/* The current path for failures, e.g. "processes[3].". */
typedef struct {
    const char *origin;
    char at[64];
    failure_t *failure;
} place_t;

static const char *type_word(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return json_integer_value(value) < 0 ? "a negative number" : "an integer";
    case JSON_REAL:
        return "a fraction";
    case JSON_NULL:
        return "null";
    default:
        return "true or false";
    }
}

static bool mismatch(const place_t *place, const char *path, const char *wanted, const json_t *got)
{
    return failure_set(
        place->failure, RC_ANSWER,
        "%s: %s%s is %s, not %s; server and mpmstats do not fit, install the same version of both",
        place->origin, place->at, path, type_word(got), wanted);
}

/* The value at a dotted path below an object; NULL when any level is absent. */
static json_t *lookup(json_t *object, const char *path, bool *valid)
{
    const char *dot;

    *valid = true;
    while ((dot = strchr(path, '.')) != NULL) {
        object = json_object_getn(object, path, (size_t)(dot - path));
        if (object != NULL && !json_is_object(object)) {
            *valid = false;
            return object;
        }
        path = dot + 1;
    }
    return json_object_get(object, path);
}

static bool decode_field(const field_t *field, json_t *object, void *record, const place_t *place)
{
    char *at = (char *)record + field->offset;
    bool valid;
    json_t *value = lookup(object, field->path, &valid);

    if (value == NULL) {
        return true;
    }
    if (!valid) {
        return mismatch(place, field->path, "inside an object", value);
    }
    switch (field->kind) {
    case METRIC_TEXT:
    case METRIC_LETTER:
        if (!json_is_string(value)) {
            return mismatch(place, field->path, "a string", value);
        }
        *(const char **)(void *)at = json_string_value(value);
        return true;
    case METRIC_FLAG:
        if (!json_is_boolean(value)) {
            return mismatch(place, field->path, "true or false", value);
        }
        *(apr_int64_t *)(void *)at = json_is_true(value);
        return true;
    case METRIC_REAL:
        if (!json_is_number(value) || json_number_value(value) < 0) {
            return mismatch(place, field->path, "a number of zero or more", value);
        }
        *(double *)(void *)at = json_number_value(value);
        return true;
    default:
        if (!json_is_integer(value) || json_integer_value(value) < 0) {
            return mismatch(place, field->path, "an integer of zero or more", value);
        }
        *(apr_int64_t *)(void *)at = json_integer_value(value);
        return true;
    }
}

static bool decode_record(const field_t *table, json_t *object, void *record, const place_t *place)
{
    for (const field_t *field = table; field->name != NULL; field++) {
        if (field->compute == NULL && !decode_field(field, object, record, place)) {
            return false;
        }
    }
    return true;
}

/* Decodes one optional array into records of fixed size. */
static bool decode_rows(json_t *array, const char *name, const field_t *table, void *rows,
                        size_t size, place_t *place)
{
    size_t index;
    json_t *object;

    json_array_foreach(array, index, object)
    {
        snprintf(place->at, sizeof(place->at), "%s[%zu]", name, index);
        if (!json_is_object(object)) {
            return mismatch(place, "", "an object", object);
        }
        snprintf(place->at, sizeof(place->at), "%s[%zu].", name, index);
        if (!decode_record(table, object, (char *)rows + index * size, place)) {
            return false;
        }
    }
    return true;
}

static bool check_schema(json_t *document, const place_t *place)
{
    json_t *schema = json_object_get(document, "schema");

    if (schema == NULL) {
        return failure_set(
            place->failure, RC_ANSWER,
            "%s: JSON, but not from a status page; is this the address of SetHandler mpm-status?",
            place->origin);
    }
    if (!json_is_integer(schema)) {
        return mismatch(place, "schema", "an integer", schema);
    }
    if (json_integer_value(schema) != DECODE_SCHEMA) {
        return failure_set(
            place->failure, RC_ANSWER,
            "%s: schema %lld, this mpmstats reads schema %d; install the version of the server's mod_mpmstats",
            place->origin, (long long)json_integer_value(schema), DECODE_SCHEMA);
    }
    return true;
}

/* Sections that every status document contains, under any MPM. */
static bool check_sections(json_t *document, const place_t *place)
{
    static const char *const sections[] = { "server", "limits", "totals", "processes", "workers" };

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        json_t *section = json_object_get(document, sections[i]);
        bool rows = i > 2;

        if (section == NULL) {
            return failure_set(
                place->failure, RC_ANSWER,
                "%s: no \"%s\" in the answer; server and mpmstats do not fit, install the same version of both",
                place->origin, sections[i]);
        }
        if (rows ? !json_is_array(section) : !json_is_object(section)) {
            return mismatch(place, sections[i], rows ? "an array" : "an object", section);
        }
    }
    return true;
}

/* An optional array: a server that does not record it does not send it. */
static json_t *optional_rows(json_t *document, const char *name, bool *valid, const place_t *place)
{
    json_t *rows = json_object_get(document, name);

    if (rows != NULL && !json_is_array(rows)) {
        *valid = mismatch(place, name, "an array", rows);
    }
    return rows;
}

typedef struct {
    const char *name;
    const field_t *table;
    json_t *rows;
    void *records;
    size_t size;
} section_t;

static bool decode_sections(const section_t *sections, size_t count, place_t *place)
{
    for (size_t i = 0; i < count; i++) {
        if (!decode_rows(sections[i].rows, sections[i].name, sections[i].table, sections[i].records,
                         sections[i].size, place)) {
            return false;
        }
    }
    return true;
}

#define SECTION(word, fields) \
    { \
#word, fields, json_##word, snap->word, sizeof(*snap->word) \
    }

static bool decode_lists(json_t *document, sample_t *sample, place_t *place)
{
    snapshot_t *snap = &sample->snap;
    bool valid = true;
    json_t *json_processes = json_object_get(document, "processes"),
           *json_workers = json_object_get(document, "workers");
    json_t *json_vhosts = optional_rows(document, "vhosts", &valid, place);
    json_t *json_handlers = optional_rows(document, "handlers", &valid, place);
    json_t *json_listeners = optional_rows(document, "listeners", &valid, place);
    json_t *json_events = optional_rows(document, "events", &valid, place);
    const sample_counts_t counts = {
        json_array_size(json_processes), json_array_size(json_workers),
        json_array_size(json_vhosts),    json_array_size(json_handlers),
        json_array_size(json_listeners), json_array_size(json_events)
    };

    if (!valid) {
        return false;
    }
    sample_rows(sample, &counts);
    sample->recorded = json_vhosts != NULL;

    const section_t sections[] = {
        SECTION(processes, fields_process),  SECTION(workers, fields_worker),
        SECTION(vhosts, fields_vhost),       SECTION(handlers, fields_handler),
        SECTION(listeners, fields_listener), SECTION(events, fields_event)
    };

    return decode_sections(sections, sizeof(sections) / sizeof(sections[0]), place);
}

static bool decode_document(json_t *document, sample_t *sample, place_t *place)
{
    if (!json_is_object(document)) {
        return failure_set(
            place->failure, RC_ANSWER,
            "%s: JSON, but not from a status page; is this the address of SetHandler mpm-status?",
            place->origin);
    }
    return check_schema(document, place) && check_sections(document, place)
        && decode_record(fields_server, document, &sample->snap, place)
        && decode_lists(document, sample, place);
}

sample_t *decode_sample(const char *text, size_t length, const char *origin, failure_t *failure)
{
    place_t place = { .origin = origin, .failure = failure };
    json_error_t error;
    sample_t *sample = sample_new();

    sample->document = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (sample->document == NULL) {
        failure_set(
            failure, RC_ANSWER,
            "%s: not valid JSON (line %d: %s); is this the address of SetHandler mpm-status?",
            origin, error.line, error.text);
    }
    else if (decode_document(sample->document, sample, &place)) {
        return sample;
    }
    sample_free(sample);
    return NULL;
}
