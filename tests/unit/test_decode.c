/* SPDX-License-Identifier: Apache-2.0 */
/* source/decode: a status document becomes a sample; what is absent is unknown, what is of another kind names its place. */
#include "source/decode.h"

#include <stdio.h>
#include <string.h>

#include "fields/fields.h"
#include "unit.h"

static sample_t *sample;
static failure_t failure;

static void stop(void)
{
    if (sample != NULL) {
        sample_free(sample);
    }
    sample = NULL;
}

static bool decode_bytes(const char *text, size_t length)
{
    stop();
    memset(&failure, 0, sizeof(failure));
    sample = decode_sample(text, length, "here", &failure);
    return sample != NULL;
}

static bool decode(const char *text)
{
    return decode_bytes(text, strlen(text));
}

/* The least document, with @a more: members of its own or instead of its own. */
static bool decode_with(const char *member, const char *value)
{
    static const char *const least[][2] = { { "schema", "1" },     { "server", "{}" },
                                            { "limits", "{}" },    { "totals", "{}" },
                                            { "processes", "[]" }, { "workers", "[]" } };
    char text[4000] = "{";
    bool given = false;

    for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
        bool mine = strcmp(least[i][0], member) == 0;

        given |= mine;
        if (!mine || value != NULL) {
            sprintf(text + strlen(text), "%s\"%s\": %s", text[1] != '\0' ? ", " : "", least[i][0],
                    mine ? value : least[i][1]);
        }
    }
    if (!given) {
        sprintf(text + strlen(text), ", \"%s\": %s", member, value);
    }
    strcat(text, "}");
    return decode(text);
}

static void check_refused(const char *member, const char *value, const char *why)
{
    ck_assert_msg(!decode_with(member, value), "%s: %s is taken", member, value);
    ck_assert_int_eq(failure.rc, RC_ANSWER);
    ck_assert_msg(strncmp(failure.text, "here: ", 6) == 0 && strstr(failure.text, why) != NULL,
                  "%s: %s: %s", member, value, failure.text);
}

START_TEST(what_is_absent_or_new_is_unknown_and_no_failure)
{
    ck_assert_msg(decode_with("novelty", "{\"a\": [null, -1]}"), "%s", failure.text);
    for (const field_t *field = fields_server; field->name != NULL; field++) {
        ck_assert_msg(field->compute != NULL || !field_known(field, &sample->snap), "%s",
                      field->name);
    }
    ck_assert_int_eq(sample->snap.process_count + sample->snap.worker_count
                         + sample->snap.vhost_count,
                     0);
    ck_assert(!sample->recorded);
    ck_assert(decode_with("vhosts", "[]") && sample->recorded);
}
END_TEST

/* One value at the path of each field of a table, which says which one it is. */
static json_t *value_for(const field_t *field, int number)
{
    char text[20];

    switch (field->kind) {
    case METRIC_TEXT:
    case METRIC_LETTER:
        snprintf(text, sizeof(text), "t%d", number);
        return json_string(text);
    case METRIC_FLAG:
        return json_true();
    case METRIC_REAL:
        return json_real(number + 0.25);
    default:
        return json_integer(number);
    }
}

static void put(json_t *object, const char *path, json_t *value)
{
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL) {
        char level[64];
        json_t *below;

        snprintf(level, sizeof(level), "%.*s", (int)(dot - path), path);
        below = json_object_get(object, level);
        if (below == NULL) {
            below = json_object();
            json_object_set_new(object, level, below);
        }
        object = below;
        path = dot + 1;
    }
    json_object_set_new(object, path, value);
}

static json_t *object_of(const field_t *table, int from)
{
    json_t *object = json_object();

    for (const field_t *field = table; field->name != NULL; field++, from++) {
        if (field->compute == NULL && json_object_get(object, field->path) == NULL) {
            put(object, field->path, value_for(field, from));
        }
    }
    return object;
}

/* Fields of two names keep the later one's value in the document, so values are compared with the document's. */
static void check_record(const field_t *table, json_t *object, const void *record)
{
    for (const field_t *field = table; field->name != NULL; field++) {
        json_t *value = object;
        char path[128], *rest = path, *level;

        if (field->compute != NULL) {
            continue;
        }
        snprintf(path, sizeof(path), "%s", field->path);
        while ((level = strsep(&rest, ".")) != NULL) {
            value = json_object_get(value, level);
        }
        if (field_is_text(field)) {
            ck_assert_str_eq(field_string(field, record), json_string_value(value));
        }
        else {
            ck_assert_msg(field_number(field, record)
                              == (json_is_true(value) ? 1 : json_number_value(value)),
                          "%s", field->path);
        }
    }
}

START_TEST(each_field_of_each_table_is_read)
{
    static const struct {
        const char *name;
        const field_t *table;
    } lists[] = { { "processes", fields_process },  { "workers", fields_worker },
                  { "vhosts", fields_vhost },       { "handlers", fields_handler },
                  { "listeners", fields_listener }, { "events", fields_event } };
    json_t *document = object_of(fields_server, 1000);
    char *text;

    json_object_set_new(document, "schema", json_integer(DECODE_SCHEMA));
    for (size_t i = 0; i < 6; i++) {
        json_t *rows = json_array();

        json_array_append_new(rows, object_of(lists[i].table, 2000));
        json_array_append_new(rows, object_of(lists[i].table, 3000));
        json_object_set_new(document, lists[i].name, rows);
    }
    text = json_dumps(document, 0);
    ck_assert_msg(decode(text), "%s", failure.text);
    check_record(fields_server, document, &sample->snap);
    for (size_t row = 0; row < 2; row++) {
        const void *records[] = { &sample->snap.processes[row], &sample->snap.workers[row],
                                  &sample->snap.vhosts[row],    &sample->snap.handlers[row],
                                  &sample->snap.listeners[row], &sample->snap.events[row] };

        for (size_t i = 0; i < 6; i++) {
            check_record(lists[i].table,
                         json_array_get(json_object_get(document, lists[i].name), row), records[i]);
        }
    }
    ck_assert_int_eq(sample->snap.event_count, 2);
    free(text);
    json_decref(document);
}
END_TEST

START_TEST(each_field_refuses_what_is_of_another_kind)
{
    static const char *const wrong[] = { "null", "[]", "{}", "-1", "1.5", "true", "\"t\"", "-0.5" };

    for (const field_t *field = fields_process; field->name != NULL; field++) {
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            json_t *object = json_object(), *value = json_loads(wrong[i], JSON_DECODE_ANY, NULL);
            bool fits = field_is_text(field) ? json_is_string(value)
                : field->kind == METRIC_FLAG ? json_is_boolean(value)
                : field->kind == METRIC_REAL ? json_is_real(value) && json_real_value(value) >= 0
                                             : false;
            char *text, rows[400];

            put(object, field->path, value);
            text = json_dumps(object, 0);
            snprintf(rows, sizeof(rows), "[{}, %s]", text);
            if (fits) {
                ck_assert_msg(decode_with("processes", rows), "%s: %s", rows, failure.text);
            }
            else {
                char place[100];

                snprintf(place, sizeof(place), "processes[1].%s is ", field->path);
                check_refused("processes", rows, place);
            }
            free(text);
            json_decref(object);
        }
    }
}
END_TEST

START_TEST(whole_numbers_keep_every_digit)
{
    ck_assert(decode_with("totals",
                          "{\"requests\": 9223372036854775807, \"sent_bytes\": 9007199254740993}"));
    ck_assert_int_eq(sample->snap.totals.requests, APR_INT64_MAX);
    ck_assert_int_eq(sample->snap.totals.sent_bytes, 9007199254740993);
    check_refused("totals", "{\"requests\": 9223372036854775808}", "not valid JSON");
    check_refused("totals", "{\"requests\": 1e3}",
                  "totals.requests is a fraction, not an integer of zero or more");
    check_refused("totals", "{\"requests\": -1}", "totals.requests is a negative number");
}
END_TEST

START_TEST(a_section_that_is_missing_or_of_another_kind_is_named)
{
    static const char *const sections[] = { "server", "limits", "totals", "processes", "workers" };

    for (size_t i = 0; i < 5; i++) {
        char why[100];

        snprintf(why, sizeof(why), "no \"%s\" in the answer", sections[i]);
        check_refused(sections[i], NULL, why);
        snprintf(why, sizeof(why), "%s is %s, not %s", sections[i],
                 i > 2 ? "an object" : "an array", i > 2 ? "an array" : "an object");
        check_refused(sections[i], i > 2 ? "{}" : "[]", why);
    }
    check_refused("vhosts", "{}", "vhosts is an object, not an array");
    check_refused("vhosts", "null", "vhosts is null, not an array");
    check_refused("workers", "[{}, 7]", "workers[1] is an integer, not an object");
    check_refused("totals", "{\"connections_by_state\": 7}", "is an integer, not inside an object");
    check_refused("latency", "[]", "is an array, not inside an object");
}
END_TEST

START_TEST(another_schema_is_told_from_another_document)
{
    check_refused("schema", "2", "schema 2, this mpmstats reads schema 1");
    check_refused("schema", "0", "schema 0");
    check_refused("schema", "\"1\"", "schema is a string, not an integer");
    check_refused("schema", NULL, "not from a status page");
    ck_assert(!decode("[]") && strstr(failure.text, "not from a status page") != NULL);
    ck_assert(!decode("7") && failure.text[0] != '\0');
}
END_TEST

START_TEST(what_is_no_json_is_told_with_its_line)
{
    char deep[5000];

    ck_assert(!decode("") && strstr(failure.text, "not valid JSON") != NULL);
    ck_assert(!decode("{\n\"schema\": 1,\n}") && strstr(failure.text, "line 3") != NULL);
    ck_assert(!decode("<html>") && strstr(failure.text, "SetHandler mpm-status") != NULL);
    ck_assert(!decode("{\"schema\": 1, \"schema\": 1}")
              && strstr(failure.text, "duplicate") != NULL);
    ck_assert(!decode("{\"schema\": 1} trailing"));
    ck_assert(!decode("{\"\xff\": 1}"));
    memset(deep, '[', sizeof(deep));
    ck_assert(!decode_bytes(deep, sizeof(deep)) && strstr(failure.text, "depth") != NULL);
    ck_assert(decode_with("server", "{}"));
}
END_TEST

START_TEST(only_the_bytes_that_are_given_are_read)
{
    const char *text =
        "{\"schema\": 1, \"server\": {}, \"limits\": {}, \"totals\": {}, \"processes\": [], \"workers\": []}";

    for (size_t length = 0; length < strlen(text); length++) {
        char *exactly = malloc(length + 1); /* the sanitizer sees a read beyond it */

        memcpy(exactly, text, length);
        exactly = realloc(exactly, length > 0 ? length : 1);
        ck_assert_msg(!decode_bytes(exactly, length), "%zu bytes", length);
        free(exactly);
    }
    ck_assert(decode(text));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode");
    TCase *tc = tcase_create("decode");

    tcase_add_checked_fixture(tc, NULL, stop);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_is_absent_or_new_is_unknown_and_no_failure);
    tcase_add_test(tc, each_field_of_each_table_is_read);
    tcase_add_test(tc, each_field_refuses_what_is_of_another_kind);
    tcase_add_test(tc, whole_numbers_keep_every_digit);
    tcase_add_test(tc, a_section_that_is_missing_or_of_another_kind_is_named);
    tcase_add_test(tc, another_schema_is_told_from_another_document);
    tcase_add_test(tc, what_is_no_json_is_told_with_its_line);
    tcase_add_test(tc, only_the_bytes_that_are_given_are_read);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
