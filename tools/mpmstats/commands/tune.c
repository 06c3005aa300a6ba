/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats tune: measures a server, recommends values of directives with reasons,
 * and applies them on request.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "fields/figure.h"
#include "common/memory.h"
#include "tune/snippet.h"
#include "source/source.h"
#include "common/output.h"
#include "common/text.h"
#include "tune/tune.h"
#include "source/url.h"
#include "view/view.h"
#include "common/wholefile.h"

#define PATIENCE_S 60

#define AT(member) offsetof(tune_options_t, member)

/* Filled by options_parse() before run(). */
static tune_options_t given = { .for_us = 60e6, .verify_us = 30e6 };

static const option_t options[] = {
    { .name = "for",
      .arg = "TIME",
      .type = OPTION_SPAN,
      .offset = AT(for_us),
      .help = "duration of the measurement (1m); better a busy hour" },
    { .name = "history",
      .type = OPTION_FLAG,
      .offset = AT(history),
      .help = "use the server's records since its start instead of measuring" },
    { .name = "memory",
      .arg = "SIZE",
      .type = OPTION_TEXT,
      .offset = AT(memory),
      .help = "memory budget: 2G, 500M, or 50% of the total" },
    { .name = "target",
      .arg = "queue.p99=TIME",
      .type = OPTION_LIST,
      .offset = AT(targets),
      .help = "longest time that 99 % of the requests may wait for a worker" },
    { .name = "with-stop",
      .type = OPTION_FLAG,
      .offset = AT(with_stop),
      .help = "also recommend values that need a stop and start" },
    { .name = "write",
      .arg = "FILE",
      .type = OPTION_TEXT,
      .offset = AT(write),
      .help = "write the changes as a configuration snippet; - is standard output" },
    { .name = "apply",
      .type = OPTION_FLAG,
      .offset = AT(apply),
      .help = "apply the changes, verify, and roll back if anything is worse" },
    { .name = "dry-run",
      .type = OPTION_FLAG,
      .offset = AT(dry_run),
      .help = "with --apply: show what would be done, without changes" },
    { .name = "verify",
      .arg = "TIME",
      .type = OPTION_SPAN,
      .offset = AT(verify_us),
      .help = "with --apply: duration of the measurement afterwards (30s)" },
    { .name = "conf-dir",
      .arg = "DIR",
      .type = OPTION_TEXT,
      .offset = AT(conf_dir),
      .help = "with --apply: directory of the snippet (Debian's conf-available)" },
    { .name = "apachectl",
      .arg = "COMMAND",
      .type = OPTION_TEXT,
      .offset = AT(apachectl),
      .help = "with --apply: command that tests and restarts the server (apachectl)" },
    { .name = NULL }
};

double tune_patience(const settings_t *settings)
{
    return settings->timeout_s > 0 ? settings->timeout_s : PATIENCE_S;
}

/* ---- options ---- */

static bool parse_memory(tuning_wishes_t *wishes, const char *text, failure_t *failure)
{
    static const char units[] = "KMGT";
    char *end;
    double number = strtod(text, &end);
    const char *unit = *end == '\0' ? NULL : strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);

    if (end != text && isfinite(number) && number > 0) {
        if (strcmp(end, "%") == 0 && number <= 100) {
            wishes->memory_share = number / 100;
            return true;
        }
        if (*end == '\0'
            || (unit != NULL
                && (end[1] == '\0' || strcasecmp(end + 1, "iB") == 0
                    || strcasecmp(end + 1, "B") == 0))) {
            wishes->memory_bytes = unit == NULL ? number
                                                : number * pow(1024, (double)(unit - units + 1));
            return true;
        }
    }
    return failure_set(failure, RC_USAGE,
                       "--memory wants a size such as 2G, 500M or 50%%, not '%s'", text);
}

static bool parse_target(tuning_wishes_t *wishes, const char *text, failure_t *failure)
{
    static const char queue[] = "queue.p99=";

    if (strncmp(text, queue, sizeof(queue) - 1) == 0
        && options_span(text + sizeof(queue) - 1, &wishes->target_queue_p99_us)) {
        return true;
    }
    return failure_set(failure, RC_USAGE,
                       "--target wants queue.p99=TIME, such as queue.p99=10ms, not '%s'", text);
}

static bool parse_wishes(tuning_wishes_t *wishes, failure_t *failure)
{
    *wishes = (tuning_wishes_t){ .memory_bytes = NAN,
                                 .memory_share = NAN,
                                 .target_queue_p99_us = NAN };
    if (given.memory != NULL && !parse_memory(wishes, given.memory, failure)) {
        return false;
    }
    for (size_t i = 0; i < given.targets.count; i++) {
        if (!parse_target(wishes, given.targets.items[i], failure)) {
            return false;
        }
    }
    return true;
}

static bool check(const settings_t *settings, int argc, char **argv, failure_t *failure)
{
    if (!command_no_arguments(argc, argv, failure)) {
        return false;
    }
    if (settings->from != NULL) {
        return failure_set(failure, RC_USAGE,
                           "a saved answer does not change; tune needs a running server");
    }
    if (given.for_us < 1e6) {
        return failure_set(failure, RC_USAGE, "--for wants one second or more");
    }
    if (given.verify_us < 1e6) {
        return failure_set(failure, RC_USAGE, "--verify wants one second or more");
    }
    if (!given.apply && (given.dry_run || given.conf_dir != NULL || given.apachectl != NULL)) {
        return failure_set(failure, RC_USAGE, "%s has a meaning with --apply only",
                           given.dry_run                ? "--dry-run"
                               : given.conf_dir != NULL ? "--conf-dir"
                                                        : "--apachectl");
    }
    if (given.apply && given.history) {
        return failure_set(failure, RC_USAGE,
                           "--apply compares with what it has measured; leave out --history");
    }
    if (given.apply && given.with_stop) {
        return failure_set(
            failure, RC_USAGE,
            "--apply restarts gracefully; with --with-stop write a file, and stop and start by hand");
    }
    if (given.write != NULL && strcmp(given.write, "-") == 0
        && (settings->json != NULL || given.apply)) {
        return failure_set(failure, RC_USAGE,
                           "--write - has standard output for itself; name a file");
    }
    return given.write == NULL || strcmp(given.write, "-") == 0
        || wholefile_possible(given.write, failure);
}

/* ---- the sample ---- */

static int port_of(const settings_t *settings)
{
    failure_t failure;
    url_t url;
    int port = 0;

    if (url_parse(&url,
                  settings->url != NULL             ? settings->url
                      : settings->url_usual != NULL ? settings->url_usual
                                                    : URL_DEFAULT,
                  settings->unix_socket, &failure)) {
        if (url.loopback && url.socket == NULL) {
            port = url.port;
        }
        url_free(&url);
    }
    return port;
}

static bool advise(tune_t *tune)
{
    tuning_input(tune->tuning, &tune->in);
    advisor_advise(&tune->in, given.with_stop, &tune->advice);
    return true;
}

static bool measure(tune_t *tune, failure_t *failure)
{
    double seconds = given.for_us / 1e6;

    tune->first = sampler_take(tune->sampler, tune_patience(tune->settings), failure);
    if (tune->first == NULL) {
        return false;
    }
    if (given.apply && !tune_apply_possible(tune, failure)) {
        return false;
    }
    if (tune->first->origin == NULL) {
        tune->wishes.port = port_of(tune->settings);
    }
    if (given.history) {
        tune->tuning = tuning_of_history(tune->first, &tune->wishes, sampler_clock());
        return tune->tuning != NULL
            ? advise(tune)
            : failure_set(
                failure, RC_NOVALUE,
                "no history: it is in the segment of a server of this machine; measure instead, with --for");
    }
    if (isatty(STDERR_FILENO) != 1) {
        char *safe = text_safe(tune->origin);

        fprintf(stderr, "mpmstats: measuring %s for %.0f s\n", safe, seconds);
        free(safe);
    }
    tune->tuning = sampler_run(tune->sampler, tune->first, &tune->wishes, seconds, "measuring",
                               failure);
    if (tune->tuning == NULL) {
        return false;
    }
    return advise(tune);
}

/* ---- the snippet in a file ---- */

char *tune_snippet(const tune_t *tune, const char *old)
{
    const snapshot_server_t *server = &tune->first->snap.server;
    char *date = figure_time((double)time(NULL) * 1e6);
    snippet_facts_t facts = {
        .origin = tune->origin,
        .name = server->name,
        .date = date,
        .stop_allowed = given.with_stop,
        .mpm = server->mpm != NULL ? server->mpm : "",
    };
    char *text = snippet_make(&tune->advice, &tune->in, &facts, old);

    free(date);
    return text;
}

static int write_snippet(const tune_t *tune)
{
    bool changes = snippet_changes(&tune->advice, given.with_stop);
    char *text = changes ? tune_snippet(tune, NULL)
                         : memory_copy("# mpmstats tune: nothing to change\n");
    failure_t failure;
    int rc = RC_OK;

    if (strcmp(given.write, "-") == 0) {
        fputs(text, stdout);
    }
    else if (!wholefile_write(given.write, text, &failure)) {
        rc = failure_report(&failure);
    }
    free(text);
    return rc;
}

/* ---- */

static int answer(tune_t *tune)
{
    bool alone = given.write != NULL && strcmp(given.write, "-") == 0;
    int rc = tune->advice.enough ? RC_OK : RC_NOVALUE;

    if (tune->settings->json == NULL && (!alone || rc != RC_OK)) {
        tune_show(tune);
    }
    fflush(stdout);
    if (rc == RC_OK && given.write != NULL) {
        rc = write_snippet(tune);
    }
    if (rc == RC_OK && given.apply) {
        if (tune->settings->json == NULL) {
            putchar('\n');
        }
        rc = tune_apply(tune);
    }
    if (tune->settings->json != NULL) {
        json_t *json = tune_json(tune);

        view_json(json, tune->settings->json);
        json_decref(json);
    }
    return rc;
}

/* Does not wait for a request in progress: _exit() ends the program with its thread. */
static int finish(tune_t *tune, int rc)
{
    tuning_end(tune->tuning);
    sample_free(tune->first);
    json_decref(tune->applied);
    if (!sampler_close(tune->sampler)) {
        _exit(output_finish(rc));
    }
    return rc;
}

static int run(const settings_t *settings, int argc, char **argv)
{
    settings_t patient = *settings;
    tune_t tune = { .settings = settings, .given = &given };
    failure_t failure;
    source_t *source;

    patient.timeout_s = tune_patience(settings);
    if (!check(settings, argc, argv, &failure) || !parse_wishes(&tune.wishes, &failure)
        || (source = source_open(&patient, &failure)) == NULL) {
        return failure_report(&failure);
    }
    tune.origin = source_name(source);
    tune.sampler = sampler_open(source, &failure);
    if (tune.sampler == NULL) {
        return failure_report(&failure);
    }
    return finish(&tune, measure(&tune, &failure) ? answer(&tune) : failure_report(&failure));
}

const command_t cmd_tune = {
    .name = "tune",
    .synopsis = "",
    .summary = "measures, recommends values for the directives with the figures behind them",
    .details =
        "Works best on the server's own machine as root, under the load the server is for. Nothing\n"
        "is changed without --apply, which installs mpmstats-tune.conf, tests the configuration,\n"
        "restarts gracefully, verifies, and rolls back on any error or when anything got worse.\n"
        "Exit codes beyond the usual ones: 9 not enough data, 10 rolled back.\n",
    .examples = "  mpmstats tune --for 10m\n"
                "  mpmstats tune --history\n"
                "  mpmstats tune --for 1h --memory 8G --target queue.p99=10ms --write tune.conf\n"
                "  mpmstats tune --for 10m --apply --verify 2m\n"
                "  mpmstats tune --apply --dry-run\n",
    .options = options,
    .target = &given,
    .run = run,
};
