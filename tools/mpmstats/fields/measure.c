/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values by name, in percent of their limit, and over time.
 */
#include "fields/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fields/figure.h"
#include "common/memory.h"
#include "common/text.h"

/* The name may be [::1]:80, so the last bracket ends it. */
static bool parse_vhost(measure_t *measure, char **name, failure_t *failure)
{
    static const char begin[] = "vhost[";
    char *end;

    measure->vhost = NULL;
    if (strncmp(*name, begin, sizeof(begin) - 1) != 0) {
        return true;
    }
    end = strrchr(*name, ']');
    if (end == NULL || end[1] != '.' || end == *name + sizeof(begin) - 1) {
        return failure_set(failure, RC_USAGE,
                           "'%s' is no key; write one such as vhost[www.example.org].queue.p99",
                           *name);
    }
    *end = '\0';
    measure->vhost = memory_copy(*name + sizeof(begin) - 1);
    *name = end + 2;
    return true;
}

static bool no_such_key(const field_t *table, const char *name, failure_t *failure)
{
    const char *nearest = field_nearest(table, name),
               *list = table == fields_server ? "get --list" : "get --list --vhost";

    if (nearest != NULL) {
        return failure_set(failure, RC_USAGE,
                           "there is no key '%s'; do you mean '%s'? %s shows all", name, nearest,
                           list);
    }
    return failure_set(failure, RC_USAGE, "there is no key '%s'; %s shows all", name, list);
}

static bool parse_name(measure_t *measure, char *name, failure_t *failure)
{
    size_t length = strlen(name);
    const field_t *table;

    measure->percent = length > 0 && name[length - 1] == '%';
    if (measure->percent) {
        name[length - 1] = '\0';
    }
    if (!parse_vhost(measure, &name, failure)) {
        return false;
    }
    table = measure->vhost != NULL ? fields_vhost : fields_server;
    measure->field = field_find(table, name);
    if (measure->field == NULL) {
        return no_such_key(table, name, failure);
    }
    if (measure->percent && measure_limit(measure) == NULL) {
        return failure_set(failure, RC_USAGE,
                           "'%s' has no limit it could be a percentage of; leave out the %%", name);
    }
    return true;
}

bool measure_parse(measure_t *measure, const char *text, size_t length, failure_t *failure)
{
    char *name = memory_format("%.*s", (int)length, text);
    bool valid = parse_name(measure, name, failure);

    free(name);
    if (!valid) {
        measure_free(measure);
    }
    return valid;
}

void measure_free(measure_t *measure)
{
    free(measure->vhost);
    measure->vhost = NULL;
}

/* "www.example.org" also matches www.example.org:443. */
static bool is_vhost(const char *name, const char *wanted)
{
    size_t length = strlen(wanted);

    return name != NULL && strncasecmp(name, wanted, length) == 0
        && (name[length] == '\0'
            || (name[length] == ':' && strchr(name + length + 1, ':') == NULL));
}

const void *measure_record(const measure_t *measure, const snapshot_t *snap)
{
    if (measure->vhost == NULL) {
        return snap;
    }
    for (int i = 0; i < snap->vhost_count; i++) {
        if (snap->vhosts[i].name != NULL && strcasecmp(snap->vhosts[i].name, measure->vhost) == 0) {
            return &snap->vhosts[i];
        }
    }
    for (int i = 0; i < snap->vhost_count; i++) {
        if (is_vhost(snap->vhosts[i].name, measure->vhost)) {
            return &snap->vhosts[i];
        }
    }
    return NULL;
}

const field_t *measure_limit(const measure_t *measure)
{
    return field_limit(measure->vhost != NULL ? fields_vhost : fields_server, measure->field);
}

char *measure_name(const measure_t *measure)
{
    const char *shorter = field_short(measure->field);

    if (measure->vhost != NULL) {
        return memory_format("vhost[%s].%s", measure->vhost, measure->field->name);
    }
    return memory_copy(shorter != NULL ? shorter : measure->field->name);
}

bool measure_same(const measure_t *a, const measure_t *b)
{
    if (a->field != b->field || (a->vhost == NULL) != (b->vhost == NULL)) {
        return false;
    }
    return a->vhost == NULL || strcasecmp(a->vhost, b->vhost) == 0;
}

static double number_of(const field_t *field, const void *record)
{
    return field == NULL || record == NULL ? NAN : field_number(field, record);
}

double measure_number(const measure_t *measure, const snapshot_t *snap)
{
    return number_of(measure->field, measure_record(measure, snap));
}

double measure_value(const measure_t *measure, const snapshot_t *snap)
{
    double value = measure_number(measure, snap), limit;

    if (!measure->percent) {
        return value;
    }
    limit = number_of(measure_limit(measure), measure_record(measure, snap));
    /* multiply first: 11 of 40 is exactly 27.5 */
    return limit > 0 ? value * 100 / limit : NAN;
}

char *measure_plain(const measure_t *measure, const snapshot_t *snap)
{
    const void *record = measure_record(measure, snap);
    double value;

    if (!measure->percent) {
        return record == NULL ? NULL : field_plain(measure->field, record);
    }
    value = measure_value(measure, snap);
    return isnan(value) ? NULL : memory_format("%.1f", value);
}

/* Texts of a segment may be any bytes. */
static json_t *json_text(const char *text)
{
    char *valid = text_utf8(text);
    json_t *json = json_string(valid);

    free(valid);
    return json;
}

static json_t *json_integer_exactly(const field_t *field, const void *record)
{
    char *plain = field_plain(field, record);
    json_t *json = json_integer(strtoll(plain, NULL, 10));

    free(plain);
    return json;
}

json_t *measure_json(const measure_t *measure, const snapshot_t *snap)
{
    const void *record = measure_record(measure, snap);
    const field_t *field = measure->field;

    if (record == NULL) {
        return NULL;
    }
    if (!measure->percent && field_is_text(field)) {
        return field_known(field, record) ? json_text(field_string(field, record)) : NULL;
    }
    if (isnan(measure_value(measure, snap))) {
        return NULL;
    }
    if (measure->percent || field->kind == METRIC_REAL) {
        return json_real(measure_value(measure, snap));
    }
    if (field->kind == METRIC_FLAG) {
        return json_boolean(field_number(field, record) > 0);
    }
    return json_integer_exactly(field, record);
}

char *measure_format(const measure_t *measure, const snapshot_t *snap)
{
    const void *record = measure_record(measure, snap);
    double value;

    if (!measure->percent) {
        return record == NULL ? memory_copy("-") : figure_field(measure->field, record);
    }
    value = measure_value(measure, snap);
    return isnan(value) ? memory_copy("-") : memory_format("%.0f%%", floor(value));
}

bool measure_is_number(const measure_t *measure)
{
    return !field_is_text(measure->field);
}

double measure_seconds(const snapshot_t *before, const snapshot_t *after)
{
    if (before->server.now_us == SNAPSHOT_UNKNOWN || after->server.now_us == SNAPSHOT_UNKNOWN) {
        return NAN;
    }
    return (double)(after->server.now_us - before->server.now_us) / 1e6;
}

bool measure_restarted(const snapshot_t *before, const snapshot_t *after)
{
    return before->server.pid != after->server.pid
        || before->server.started_us != after->server.started_us
        || before->server.counters_since_us != after->server.counters_since_us;
}

double measure_rate(const measure_t *measure, const snapshot_t *before, const snapshot_t *after)
{
    double grown = measure_number(measure, after) - measure_number(measure, before);
    double seconds = measure_seconds(before, after);

    if (measure_restarted(before, after) || !(seconds > 0) || grown < 0) {
        return NAN;
    }
    return grown / seconds;
}
