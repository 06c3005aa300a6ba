/* SPDX-License-Identifier: Apache-2.0 */
/* Names: the unit at the end of a metric's name is replaced by the base unit. */
#include "render/om_metric.h"

#include <stdbool.h>
#include <string.h>

#include "apr_strings.h"
#include "figures/snapshot.h"

/* A FAMILY line of figures.def: names that begin with `prefix`. */
static const struct {
    const char *prefix;
    const char *family;
    const char *label;
    const char *help;
} groups[] = {
#define FAMILY(prefix, family, label, help) { #prefix, #family, #label, help },
#include "figures/figures.def"
};

#define GROUPS ((int)(sizeof(groups) / sizeof(groups[0])))

/* Number of the group; -1: none. */
static int group_of(const metric_t *metric)
{
    for (int i = 0; i < GROUPS; i++) {
        if (metric->kind == METRIC_COUNTER
            && strncmp(metric->name, groups[i].prefix, strlen(groups[i].prefix)) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *unit_of(const metric_t *metric)
{
    switch (metric->unit) {
    case METRIC_UNIT_BYTES:
        return "bytes";
    case METRIC_UNIT_SECONDS:
    case METRIC_UNIT_MICROSECONDS:
        return "seconds";
    default:
        return NULL;
    }
}

/* The unit's ending in the names of figures.def. */
static const char *ending_of(const metric_t *metric)
{
    switch (metric->unit) {
    case METRIC_UNIT_BYTES:
        return "_bytes";
    case METRIC_UNIT_SECONDS:
        return "_s";
    case METRIC_UNIT_MICROSECONDS:
        return "_us";
    default:
        return "";
    }
}

/* Length of the name without its unit. */
static int bare_length(const metric_t *metric)
{
    size_t len = strlen(metric->name);
    size_t cut = strlen(ending_of(metric));

    return (int)(len > cut && strcmp(metric->name + len - cut, ending_of(metric)) == 0 ? len - cut
                                                                                       : len);
}

bool om_metric_is_number(const metric_t *metric)
{
    return metric->kind != METRIC_TEXT && metric->kind != METRIC_LETTER;
}

static om_type_e type_of(const metric_t *metric)
{
    return metric->kind == METRIC_COUNTER ? OM_COUNTER : OM_GAUGE;
}

void om_metric_family(om_t *om, metrics_scope_e scope, const metric_t *metric)
{
    const char *prefix = metrics_places[scope].prefix;
    const char *unit = unit_of(metric);
    int group = group_of(metric);
    char name[OM_NAME_BYTES];

    if (group >= 0) {
        apr_snprintf(name, sizeof(name), OM_PREFIX "%s%s", prefix, groups[group].family);
        om_family(om, name, type_of(metric), unit, groups[group].help);
        return;
    }
    /* "bytes" is name and unit in one. */
    apr_snprintf(name, sizeof(name), OM_PREFIX "%s%.*s%s%s%s", prefix, bare_length(metric),
                 metric->name, metric->kind == METRIC_TIME ? "_timestamp" : "",
                 unit != NULL && strcmp(metric->name, unit) != 0 ? "_" : "",
                 unit != NULL && strcmp(metric->name, unit) != 0 ? unit : "");
    om_family(om, name, type_of(metric), unit, metric->help);
}

bool om_metric_continues(const metric_t *before, const metric_t *metric)
{
    return before != NULL && group_of(metric) >= 0 && group_of(before) == group_of(metric);
}

void om_metric_label(om_t *om, const metric_t *metric)
{
    int group = group_of(metric);
    char value[OM_NAME_BYTES];

    if (group >= 0) {
        apr_cpystrn(value, metric->name, (apr_size_t)bare_length(metric) + 1);
        om_label(om, groups[group].label, value + strlen(groups[group].prefix));
    }
}

void om_metric_value(om_t *om, const metric_t *metric, const void *record)
{
    apr_int64_t number;

    if (metric->kind == METRIC_REAL) {
        om_value_real(om, metric_real(metric, record));
        return;
    }
    number = metric_number(metric, record);
    if (metric->unit == METRIC_UNIT_MICROSECONDS) {
        om_value_us(om, number);
    }
    else if (metric->kind == METRIC_CEILING && number == 0) {
        om_value_infinite(om);
    }
    else {
        om_value(om, number);
    }
}
