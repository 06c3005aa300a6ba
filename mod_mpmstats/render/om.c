/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of the two formats. In the older one UNIT and EOF are comments. */
#include "render/om.h"

#include "apr_strings.h"
#include "apr_time.h"

static const struct {
    const char *suffix;      /* of the samples */
    const char *openmetrics; /* the type's name */
    const char *prometheus;
} types[] = {
    [OM_GAUGE] = { "", "gauge", "gauge" },
    [OM_COUNTER] = { "_total", "counter", "counter" },
    [OM_INFO] = { "_info", "info", "gauge" },
    [OM_HISTOGRAM] = { "", "histogram", "histogram" },
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

void om_sample_of(om_t *om, const char *suffix)
{
    om_sample(om);
    out_raw(om->out, suffix);
}

static void om_label_begin(om_t *om, const char *name)
{
    out_raw(om->out, om->labels == 0 ? "{" : ",");
    out_raw(om->out, name);
    out_raw(om->out, "=\"");
    om->labels++;
}

void om_label(om_t *om, const char *name, const char *value)
{
    om_label_begin(om, name);
    out_label(om->out, value);
    out_raw(om->out, "\"");
}

void om_label_number(om_t *om, const char *name, apr_int64_t value)
{
    om_label_begin(om, name);
    out_number(om->out, value);
    out_raw(om->out, "\"");
}

static void end_labels(om_t *om)
{
    out_raw(om->out, om->labels > 0 ? "} " : " ");
}

static void put_value(om_t *om, const char *text)
{
    end_labels(om);
    out_raw(om->out, text);
    out_raw(om->out, "\n");
}

void om_value(om_t *om, apr_int64_t value)
{
    end_labels(om);
    out_number(om->out, value);
    out_raw(om->out, "\n");
}

void om_value_real(om_t *om, double value)
{
    char text[64];

    apr_snprintf(text, sizeof(text), "%.6f", value);
    put_value(om, text);
}

void om_value_us(om_t *om, apr_int64_t us)
{
    char fraction[] = ".000000\n";
    int rest = (int)(us % APR_USEC_PER_SEC);

    for (int i = 6; i > 0; i--) {
        fraction[i] = (char)('0' + rest % 10);
        rest /= 10;
    }
    end_labels(om);
    out_number(om->out, us / APR_USEC_PER_SEC);
    out_raw(om->out, fraction);
}

void om_value_infinite(om_t *om)
{
    put_value(om, "+Inf");
}

void om_end(om_t *om)
{
    out_raw(om->out, "# EOF\n");
}
