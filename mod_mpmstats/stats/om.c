/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the two formats. The older one takes UNIT and EOF for comments. */
#include "stats/om.h"

#include "apr_strings.h"
#include "apr_time.h"

static const struct {
    const char *suffix;         /* of the samples */
    const char *openmetrics;    /* the type's name */
    const char *prometheus;
} types[] = {
    [OM_GAUGE] = {"", "gauge", "gauge"},
    [OM_COUNTER] = {"_total", "counter", "counter"},
    [OM_INFO] = {"_info", "info", "gauge"},
};

void om_begin(om_t *om, out_t *out, int openmetrics)
{
    om->out = out;
    om->openmetrics = openmetrics;
    om->sample[0] = '\0';
    om->labels = 0;
}

static void put_head(om_t *om, const char *what, const char *name, const char *text)
{
    out_raw(om->out, "# ");
    out_raw(om->out, what);
    out_raw(om->out, " ");
    out_raw(om->out, name);
    out_raw(om->out, " ");
    out_raw(om->out, text);
    out_raw(om->out, "\n");
}

void om_family(om_t *om, const char *name, om_type_e type, const char *unit, const char *help)
{
    const char *head = om->openmetrics ? name : om->sample;

    apr_snprintf(om->sample, sizeof(om->sample), "%s%s", name, types[type].suffix);
    put_head(om, "HELP", head, help);
    put_head(om, "TYPE", head, om->openmetrics ? types[type].openmetrics : types[type].prometheus);
    if (unit != NULL) {
        put_head(om, "UNIT", head, unit);
    }
}

void om_sample(om_t *om)
{
    out_raw(om->out, om->sample);
    om->labels = 0;
}

void om_label(om_t *om, const char *name, const char *value)
{
    out_raw(om->out, om->labels == 0 ? "{" : ",");
    out_raw(om->out, name);
    out_raw(om->out, "=\"");
    out_label(om->out, value);
    out_raw(om->out, "\"");
    om->labels++;
}

void om_label_number(om_t *om, const char *name, apr_int64_t value)
{
    char text[24];

    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, value);
    om_label(om, name, text);
}

static void put_value(om_t *om, const char *text)
{
    out_raw(om->out, om->labels > 0 ? "} " : " ");
    out_raw(om->out, text);
    out_raw(om->out, "\n");
}

void om_value(om_t *om, apr_int64_t value)
{
    char text[24];

    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, value);
    put_value(om, text);
}

void om_value_real(om_t *om, double value)
{
    char text[64];

    apr_snprintf(text, sizeof(text), "%.6f", value);
    put_value(om, text);
}

void om_value_us(om_t *om, apr_int64_t us)
{
    char text[64];

    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT ".%06d", us / APR_USEC_PER_SEC,
                 (int)(us % APR_USEC_PER_SEC));
    put_value(om, text);
}

void om_value_infinite(om_t *om)
{
    put_value(om, "+Inf");
}

void om_end(om_t *om)
{
    out_raw(om->out, "# EOF\n");
}
