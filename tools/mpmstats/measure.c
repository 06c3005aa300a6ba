/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values by name, in percent of their limit, and over time.
 */
#include "measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "memory.h"

static bool parse_name(measure_t *measure, char *name, failure_t *failure)
{
    size_t length = strlen(name);
    const char *nearest;

    measure->percent = length > 0 && name[length - 1] == '%';
    if (measure->percent)
        name[length - 1] = '\0';
    measure->field = field_find(fields_server, name);
    if (measure->field == NULL) {
        nearest = field_nearest(fields_server, name);
        if (nearest != NULL)
            return failure_set(failure, RC_USAGE, "there is no key '%s'; do you mean '%s'? get --list shows all", name, nearest);
        return failure_set(failure, RC_USAGE, "there is no key '%s'; get --list shows all", name);
    }
    if (measure->percent && field_limit(measure->field) == NULL)
        return failure_set(failure, RC_USAGE, "'%s' has no limit it could be a percentage of; leave out the %%", name);
    return true;
}

bool measure_parse(measure_t *measure, const char *text, size_t length, failure_t *failure)
{
    char *name = memory_format("%.*s", (int)length, text);
    bool valid = parse_name(measure, name, failure);

    free(name);
    return valid;
}

double measure_value(const measure_t *measure, const snapshot_t *snap)
{
    double value = field_number(measure->field, snap), limit;

    if (!measure->percent)
        return value;
    limit = field_number(field_limit(measure->field), snap);
    /* in this order: 11 of 40 is 27.5 and nothing above */
    return limit > 0 ? value * 100 / limit : NAN;
}

char *measure_plain(const measure_t *measure, const snapshot_t *snap)
{
    double value;

    if (!measure->percent)
        return field_plain(measure->field, snap);
    value = measure_value(measure, snap);
    return isnan(value) ? NULL : memory_format("%.1f", value);
}

static json_t *json_integer_exactly(const field_t *field, const snapshot_t *snap)
{
    char *plain = field_plain(field, snap);
    json_t *json = json_integer(strtoll(plain, NULL, 10));

    free(plain);
    return json;
}

json_t *measure_json(const measure_t *measure, const snapshot_t *snap)
{
    const field_t *field = measure->field;

    if (!measure->percent && field_is_text(field))
        return field_known(field, snap) ? json_string(field_string(field, snap)) : NULL;
    if (isnan(measure_value(measure, snap)))
        return NULL;
    if (measure->percent || field->kind == FIELD_REAL)
        return json_real(measure_value(measure, snap));
    if (field->kind == FIELD_FLAG)
        return json_boolean(field_number(field, snap) > 0);
    return json_integer_exactly(field, snap);
}

char *measure_format(const measure_t *measure, const snapshot_t *snap)
{
    double value;

    if (!measure->percent)
        return format_field(measure->field, snap);
    value = measure_value(measure, snap);
    return isnan(value) ? memory_copy("-") : memory_format("%.0f%%", floor(value));
}

bool measure_is_number(const measure_t *measure)
{
    return !field_is_text(measure->field);
}

double measure_seconds(const snapshot_t *before, const snapshot_t *after)
{
    if (before->server.now_us == SNAPSHOT_UNKNOWN || after->server.now_us == SNAPSHOT_UNKNOWN)
        return NAN;
    return (double)(after->server.now_us - before->server.now_us) / 1e6;
}

bool measure_restarted(const snapshot_t *before, const snapshot_t *after)
{
    return before->server.pid != after->server.pid
           || before->server.started_us != after->server.started_us
           || before->server.counters_since_us != after->server.counters_since_us;
}

double measure_rate(const field_t *field, const snapshot_t *before, const snapshot_t *after)
{
    double grown = field_number(field, after) - field_number(field, before);
    double seconds = measure_seconds(before, after);

    if (measure_restarted(before, after) || !(seconds > 0) || grown < 0)
        return NAN;
    return grown / seconds;
}
