/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats metrics: the server's metrics in Prometheus' formats.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "source/source.h"
#include "common/wholefile.h"

typedef struct {
    bool openmetrics;
    char *write;
} metrics_options_t;

#define AT(member) offsetof(metrics_options_t, member)

/* Filled by options_parse() before run(). */
static metrics_options_t given;

static const option_t options[] = {
    { .name = "openmetrics",
      .type = OPTION_FLAG,
      .offset = AT(openmetrics),
      .help = "OpenMetrics 1.0 instead of the text format textfile collectors read" },
    { .name = "write",
      .arg = "FILE",
      .type = OPTION_TEXT,
      .offset = AT(write),
      .help = "replace this file atomically instead of printing; not for a dead server" },
    { .name = NULL }
};

static int put(const char *text, const source_fate_t *fate)
{
    failure_t failure;

    if (given.write == NULL) {
        fputs(text, stdout);
    }
    else if (fate->dead) {
        failure_set(&failure, RC_STALE, "%s; %s is left as it was", fate->note, given.write);
        return failure_report(&failure);
    }
    else if (!wholefile_write(given.write, text, &failure)) {
        return failure_report(&failure);
    }
    if (fate->note == NULL) {
        return RC_OK;
    }
    failure_set(&failure, fate->dead ? RC_STALE : RC_OK, "%s", fate->note);
    return failure_report(&failure);
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;
    source_t *source;
    source_fate_t fate = { false, NULL };
    char *text = NULL;
    int rc;

    if (settings->json != NULL) {
        failure_set(&failure, RC_USAGE, "metrics are no JSON; that is status --json");
    }
    else if (command_no_arguments(argc, argv, &failure)
             && (given.write == NULL || wholefile_usable(given.write, &failure))
             && (source = source_open(settings, &failure)) != NULL) {
        text = source_metrics(source, given.openmetrics, &fate, &failure);
        source_close(source);
    }
    rc = text != NULL ? put(text, &fate) : failure_report(&failure);
    free(text);
    free(fate.note);
    return rc;
}

const command_t cmd_metrics = {
    .name = "metrics",
    .synopsis = "",
    .summary = "all numeric values, for Prometheus, e.g. a textfile collector",
    .details =
        "The same samples as from ?openmetrics; for a local server without a request to it.\n",
    .examples = "  mpmstats metrics --write /var/lib/prometheus/node-exporter/httpd.prom\n"
                "  mpmstats metrics --openmetrics --url https://www.example.org/mpm-status\n",
    .options = options,
    .target = &given,
    .run = run,
};
